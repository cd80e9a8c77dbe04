"""JSON as a token may hold it: UTF-8, no duplicate names, no NaN, bounded depth. Knows no schema.

`decode` reads with the fast parser and writes the value out again: if the bytes are the same, there
was no duplicate name, no white space and one spelling of each number, and the answer stands. If
they differ, the slow strict parser has the last word. What both accept has one value in both.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Never, TypeAlias

import msgspec

MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 400  # a number no claim needs; keeps int() from quadratic work

# What nests no deeper than most claims do is read by a decoder that knows no deeper type: the bound
# on depth then costs nothing. Deeper texts and longer integers take the slow road.
_Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Leaf: TypeAlias = bool | _Integer | float | str | None
_Two: TypeAlias = _Leaf | list[_Leaf] | dict[str, _Leaf]
_Three: TypeAlias = _Leaf | list[_Two] | dict[str, _Two]
_Four: TypeAlias = _Leaf | list[_Three] | dict[str, _Three]

_decode_value = msgspec.json.Decoder(_Four).decode
_decode_members = msgspec.json.Decoder(dict[str, _Three]).decode
_encode = msgspec.json.Encoder().encode


def decode(data: bytes) -> Any:
    """The value of one JSON text.

    Raises ValueError for anything that is not strict JSON (RFC 8259) in UTF-8 without a byte order
    mark, repeats a name within an object, holds a lone surrogate or a number out of the range of a
    double, or nests deeper than 32.
    """
    try:
        value = _decode_value(data)
        if _encode(value) == data:
            return value
    except (ValueError, RecursionError):  # what msgspec may raise is one of these
        pass
    return _decode_slow(data)


def decode_object(data: bytes) -> dict[str, Any]:
    """The same for a text that must be an object; the hot path, so the fast road is spelled out."""
    try:
        members = _decode_members(data)
        if _encode(members) == data:
            return members
    except (ValueError, RecursionError):
        pass
    value = _decode_slow(data)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8.

    Raises ValueError for NaN, an infinity, a lone surrogate or a value that nests without end, and
    TypeError for a type that has no form in JSON. Dates and UUIDs are written as text, bytes as
    base64, as `msgspec` does; who wants another form writes it himself.
    """
    try:
        data = _encode(value)
    except RecursionError:
        raise ValueError("nested too deeply for JSON") from None
    if b"null" in data:  # msgspec writes NaN and the infinities as null
        _check_finite(value)
    return data


def _check_finite(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinities are not JSON")
    if isinstance(value, dict):
        for item in value.values():
            _check_finite(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            _check_finite(item)


def _is_shallow(data: bytes) -> bool:
    """Cannot nest deeper than the limit: there are too few brackets for it."""
    return data.count(b"{") + data.count(b"[") <= MAX_DEPTH


def _decode_slow(data: bytes) -> Any:
    text = data.decode("utf-8")  # UnicodeDecodeError is a ValueError
    if text.startswith("\ufeff"):
        raise ValueError("a byte order mark is not JSON")
    if not _is_shallow(data):
        _check_depth(text)
    value = _slow.decode(text)
    _check_surrogates(value)
    return value


def _check_surrogates(value: Any) -> None:
    """A lone surrogate, escaped in the text, has no UTF-8 form: writing it out finds it."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate is not text") from None


def _check_depth(text: str) -> None:
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH}")
        elif character in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated within an object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError("a number is out of range")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number is out of range")
    return value


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_slow = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_no_constant,
    strict=True,
)
