"""JSON as a token may hold it; JSONTestSuite runs in tests/vectors."""

from __future__ import annotations

import math

import pytest

from lingpai.jose import strict_json


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1, "a":1}',
        b'{"a":1,"\\u0061":2}',  # the same name, spelled otherwise
        b'{"x":[{"b":1,"b":2}]}',
    ],
)
def test_a_repeated_name_is_refused_at_any_depth(text: bytes) -> None:
    with pytest.raises(ValueError, match="repeated"):
        strict_json.decode(text)


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"[NaN]", b"1e400", b"-1e400"])
def test_what_no_double_holds_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.decode(text)


def test_an_endless_integer_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        strict_json.decode(b"1" * 401)


@pytest.mark.parametrize("text", [b'\xef\xbb\xbf{"a":1}', '{"a":1}'.encode("utf-16"), b"\xff{}"])
def test_other_encodings_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.decode(text)


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'{"\\ud800":1}'])
def test_a_lone_surrogate_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.decode(text)


def test_depth_is_bounded_at_32() -> None:
    assert strict_json.decode(b"[" * 32 + b"]" * 32)
    for depth in (33, 1_000, 100_000):
        with pytest.raises(ValueError):
            strict_json.decode(b"[" * depth + b"]" * depth)


def test_brackets_in_strings_do_not_count() -> None:
    text = b'{"a":"' + b"[" * 100 + b'\\""}'
    assert strict_json.decode(text) == {"a": "[" * 100 + '"'}


def test_white_space_and_any_spelling_of_a_number_are_read() -> None:
    assert strict_json.decode(b' {\r\n "exp" : 1.3008e9 , "n":-0 } ') == {"exp": 1.3008e9, "n": 0}


@pytest.mark.parametrize("text", [b"[]", b'"a"', b"1", b"null", b"true", b""])
def test_an_object_is_asked_for(text: bytes) -> None:
    with pytest.raises(ValueError):
        strict_json.decode_object(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [math.nan]}, "\ud800"])
def test_what_is_not_json_is_not_written(value: object) -> None:
    with pytest.raises(ValueError):
        strict_json.encode(value)


def test_a_value_that_holds_itself_is_not_written() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError):
        strict_json.encode(endless)


def test_an_object_is_not_json() -> None:
    with pytest.raises(TypeError):
        strict_json.encode(object())
