"""base64url as JOSE spells it (RFC 7515 section 2): strict alphabet, no padding, one form only."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64

# 0x00 is in no alphabet, so the strict decoder refuses what belongs to the other base64.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/\0\0\0")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_PADDING = (b"", b"!", b"==", b"=")  # a length of 1 modulo 4 encodes nothing: "!" makes it fail
# The last character of a partial group carries 4 or 2 bits that must be zero.
_LAST_OF_TWO = frozenset(b"AQgw")
_LAST_OF_THREE = frozenset(b"AEIMQUYcgkosw048")
_ANY = frozenset(range(256))
_LAST = (_ANY, _ANY, _LAST_OF_TWO, _LAST_OF_THREE)


def encode(data: bytes) -> str:
    """Text without padding."""
    return encode_bytes(data).decode("ascii")


def encode_bytes(data: bytes) -> bytes:
    """The same as ASCII bytes."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: str | bytes) -> bytes:
    """The bytes that `text` stands for.

    Raises ValueError for padding, white space, any foreign character, an impossible length, and
    unused bits that are not zero: each value has exactly one spelling.
    """
    data = text.encode("ascii") if isinstance(text, str) else text
    rest = len(data) & 3
    try:
        decoded = a2b_base64(data.translate(_FROM_URL) + _PADDING[rest], strict_mode=True)
    except Error:
        raise ValueError("not base64url") from None
    if rest and data[-1] not in _LAST[rest]:
        raise ValueError("not base64url: unused bits are not zero")
    return decoded
