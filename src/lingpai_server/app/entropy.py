"""Draws identifiers, passwords and client secrets. Refuses to know what they open."""

from __future__ import annotations

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_secret import RANDOM_BYTES, format_client_secret
from lingpai_server.protocol.device import (
    DEVICE_CODE_PREFIX,
    USER_CODE_ALPHABET,
    USER_CODE_CHARS,
    FreshDevice,
)
from lingpai_server.protocol.opaque import format_opaque

_IDENTIFIER_BYTES = 16
_EPOCH_BYTES = 6
_BROWSER_SECRET_BYTES = 32
# 32 characters that nobody mistakes for another; five bits each
_PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz123456789"
_PASSWORD_GROUPS, _GROUP_CHARS = 5, 5


def draw_identifier() -> str:
    """128 random bits, 22 characters."""
    return base64url.encode(random_bytes(_IDENTIFIER_BYTES))


def draw_epoch() -> str:
    """The name of an epoch: 48 random bits, eight characters that a URL may hold."""
    return base64url.encode(random_bytes(_EPOCH_BYTES))


def draw_fresh() -> Fresh:
    """The randomness of one decision."""
    drawn, size = random_bytes(3 * _IDENTIFIER_BYTES), _IDENTIFIER_BYTES  # one call to the system
    first, second, third = drawn[:size], drawn[size : 2 * size], drawn[2 * size :]
    return Fresh(base64url.encode(first), second, base64url.encode(third))


def draw_password() -> Secret[str]:
    """125 random bits in five groups that can be read over a telephone."""
    return Secret("-".join(_draw_group() for _ in range(_PASSWORD_GROUPS)))


def draw_client_secret() -> Secret[str]:
    """256 random bits in the format that secret scanners know."""
    return format_client_secret(random_bytes(RANDOM_BYTES))


def draw_device() -> FreshDevice:
    """The randomness of one device grant: 256 bits to poll with, 34 to type."""
    device_code = format_opaque(DEVICE_CODE_PREFIX, random_bytes(RANDOM_BYTES))
    return FreshDevice(device_code, _draw_user_code())


def draw_browser_secret() -> Secret[str]:
    """256 random bits, for the cookie of a browser session."""
    return Secret(base64url.encode(random_bytes(_BROWSER_SECRET_BYTES)))


def draw_opaque(prefix: str) -> Secret[str]:
    """256 random bits in the format that secret scanners know, with a prefix that says for what."""
    return format_opaque(prefix, random_bytes(RANDOM_BYTES))


def _draw_user_code() -> str:
    """Each letter as likely as any other: bytes beyond a multiple of their number are not used."""
    count = len(USER_CODE_ALPHABET)
    letters = ""
    while len(letters) < USER_CODE_CHARS:
        fair = (byte for byte in random_bytes(USER_CODE_CHARS) if byte < 256 // count * count)
        letters += "".join(USER_CODE_ALPHABET[byte % count] for byte in fair)
    return letters[:USER_CODE_CHARS]


def _draw_group() -> str:
    return "".join(_PASSWORD_ALPHABET[byte % 32] for byte in random_bytes(_GROUP_CHARS))
