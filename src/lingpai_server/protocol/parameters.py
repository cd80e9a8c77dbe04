"""application/x-www-form-urlencoded, read strictly. Knows bytes; refuses to know parameter names.

RFC 6749 section 3.2 and appendix B; the grammar of the form is the URL Standard's, without its
leniency: what has two readings has none.
"""

from __future__ import annotations

from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

MAX_PARAMETERS = 64
_DIGITS = "0123456789abcdefABCDEF"
# looked up, an escape costs half of what it costs to convert
_ESCAPED = {(a + b).encode("ascii"): bytes.fromhex(a + b) for a in _DIGITS for b in _DIGITS}


def parse_parameters(
    body: bytes, *, max_parameters: int = MAX_PARAMETERS
) -> dict[str, str] | Refusal:
    """The parameters of a form body. One that was sent without a value counts as not sent.

    A name that comes twice is refused whatever its values, so that no two readers of one request
    can disagree about it.
    """
    pairs = [pair for pair in body.split(b"&") if pair]
    if len(pairs) > max_parameters:
        return _refuse("too_many_parameters", "The form has too many parameters.")
    values: dict[str, str] = {}
    for pair in pairs:
        raw_name, _, raw_value = pair.partition(b"=")
        try:
            name, value = decode_form_text(raw_name), decode_form_text(raw_value)
        except ValueError:
            return _refuse("form_not_utf8", "The form is not percent-encoded UTF-8.")
        if name in values:
            return _refuse_repetition(name)
        values[name] = value
    return {name: value for name, value in values.items() if value}


def decode_form_text(raw: bytes) -> str:
    """One name or value. Raises ValueError for a broken escape, for UTF-8 that is not, for NUL."""
    spaced = raw.replace(b"+", b" ")
    text = (_unescape(spaced) if b"%" in spaced else spaced).decode("utf-8")
    if "\x00" in text:
        raise ValueError("a NUL character")
    return text


def _unescape(raw: bytes) -> bytes:
    first, *rest = raw.split(b"%")
    decoded = [first]
    for piece in rest:
        octet = _ESCAPED.get(piece[:2])
        if octet is None:
            raise ValueError("a percent sign without two hexadecimal digits")
        decoded += octet, piece[2:]
    return b"".join(decoded)


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)


def _refuse_repetition(name: str) -> Refusal:
    if name == "resource":  # RFC 8707 section 2 lets it repeat; here a token has one audience
        return refuse(
            ErrorCode.INVALID_TARGET,
            reason="resource_repeated",
            description="A token is for one resource: ask for one at a time.",
        )
    return _refuse("parameter_repeated", "A parameter was sent more than once.")
