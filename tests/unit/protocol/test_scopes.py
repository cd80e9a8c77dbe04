"""Scopes: RFC 6749 section 3.3."""

from __future__ import annotations

import pytest

from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.scopes import narrow_scope, parse_scope


def test_a_scope_is_a_list_of_tokens_in_the_order_sent() -> None:
    assert parse_scope("orders:read notes:read") == ("orders:read", "notes:read")


def test_a_token_counts_once() -> None:
    assert parse_scope("a b a") == ("a", "b")


@pytest.mark.parametrize("text", [None, ""])
def test_no_scope_is_none(text: str | None) -> None:
    assert parse_scope(text) is None


def test_every_character_of_the_grammar_is_allowed() -> None:
    token = "".join(chr(n) for n in range(0x21, 0x7F) if chr(n) not in '"\\')
    assert parse_scope(token) == (token,)


@pytest.mark.parametrize(
    "text", [" ", " a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "\x7f", "é", "令牌", "\x00"]
)
def test_anything_else_is_malformed(text: str) -> None:
    refusal = parse_scope(text)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (ErrorCode.INVALID_SCOPE, "scope_malformed")


def test_an_absurdly_long_scope_is_malformed() -> None:
    assert isinstance(parse_scope("a" * 4097), Refusal)


def test_without_a_request_all_that_was_granted_is_given() -> None:
    assert narrow_scope(None, ("a", "b"), ("a", "b", "c")) == ("a", "b")


def test_a_narrower_request_gives_what_was_asked_for() -> None:
    assert narrow_scope(("b",), ("a", "b"), ("a", "b")) == ("b",)


def test_a_wider_request_is_refused() -> None:  # RFC 6749 section 6
    refusal = narrow_scope(("a", "c"), ("a", "b"), ("a", "b", "c"))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.reason) == (ErrorCode.INVALID_SCOPE, "scope_exceeds_grant")


def test_what_is_allowed_no_longer_falls_away() -> None:
    assert narrow_scope(None, ("a", "b"), ("b",)) == ("b",)
    assert narrow_scope(("a",), ("a", "b"), ("b",)) == ()
