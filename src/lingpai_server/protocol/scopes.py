"""Scopes: syntax and narrowing (RFC 6749 section 3.3). Refuses to know what they mean."""

from __future__ import annotations

from collections.abc import Iterable

from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

MAX_SCOPE_CHARS = 4096
# scope-token = 1*( %x21 / %x23-5B / %x5D-7E ): printable ASCII without space, quote and backslash
_SCOPE_CHARS = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"\\')


def is_scope_token(text: str) -> bool:
    """Whether `text` is one scope-token of RFC 6749 section 3.3."""
    return text != "" and _SCOPE_CHARS.issuperset(text)


def parse_scope(text: str | None) -> tuple[str, ...] | Refusal | None:
    """The tokens of a `scope` parameter, each once, in the order sent; None if none was sent."""
    if not text:
        return None
    tokens = text.split(" ")
    if len(text) > MAX_SCOPE_CHARS or not all(map(is_scope_token, tokens)):
        return _refuse("scope_malformed", "The scope is not a list of tokens, one space apart.")
    return tuple(dict.fromkeys(tokens))


def narrow_scope(
    requested: tuple[str, ...] | None, granted: tuple[str, ...], allowed: Iterable[str]
) -> tuple[str, ...] | Refusal:
    """What a token gets of `granted`: all of it, or what was asked for, and never more.

    What was granted once and is not `allowed` today falls away without a word: the answer names
    the scope that was issued (RFC 6749 section 5.1).
    """
    wanted = granted if requested is None else requested
    if not set(wanted) <= set(granted):
        return _refuse("scope_exceeds_grant", "The scope exceeds what this client may ask for.")
    still = set(allowed)
    return tuple(scope for scope in wanted if scope in still)


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_SCOPE, reason=reason, description=description)
