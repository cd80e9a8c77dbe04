"""base64url: each value has exactly one spelling (RFC 7515 section 2, RFC 4648 section 3.5)."""

from __future__ import annotations

import pytest

from lingpai.jose import base64url


@pytest.mark.parametrize(
    ("octets", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff", "-_8")],
)
def test_rfc_4648_values_in_the_url_alphabet(octets: bytes, text: str) -> None:
    assert base64url.encode(octets) == text
    assert base64url.decode(text) == octets
    assert base64url.decode(text.encode("ascii")) == octets


@pytest.mark.parametrize("text", ["Zg=", "Zg==", "Zm8=", "="])
def test_padding_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)


@pytest.mark.parametrize("text", ["+_8", "/_8", "ab+/"])
def test_the_other_alphabet_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)


@pytest.mark.parametrize(
    "text", ["Zm9v!!!!", "Zm 9v", "Zm9v\n", " Zm9v", "Zm.v", "Zm\x009", 'Z"9v']
)
def test_foreign_characters_are_refused(text: str) -> None:  # the standard library skips them
    with pytest.raises(ValueError):
        base64url.decode(text)


@pytest.mark.parametrize("text", ["A", "Zm9vA", "Zm9vZm9vZ"])
def test_an_impossible_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)


@pytest.mark.parametrize("text", ["Zh", "Zm9", "Zm-", "AB", "AAB"])
def test_unused_bits_must_be_zero(text: str) -> None:  # RFC 4648 section 3.5
    with pytest.raises(ValueError, match="unused bits"):
        base64url.decode(text)


@pytest.mark.parametrize("text", ["Zm9é", "Ａ", "\ud800"])
def test_text_outside_ascii_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        base64url.decode(text)
