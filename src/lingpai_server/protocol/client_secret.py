"""Client secrets: their prefix and their digest. Draws no randomness: 32 random bytes come in."""

from __future__ import annotations

from lingpai_server.core.secret import Secret
from lingpai_server.protocol import opaque

PREFIX = "lp_cs_"
RANDOM_BYTES = opaque.RANDOM_BYTES


def format_client_secret(random_bytes: bytes) -> Secret[str]:
    """The secret that holds these 32 random bytes. Raises ValueError for any other number."""
    return opaque.format_opaque(PREFIX, random_bytes)


def has_client_secret_format(text: str) -> bool:
    """Whether prefix, length and checksum say that this is a client secret of ours."""
    return opaque.has_opaque_format(PREFIX, text)


def client_secret_sha256(secret: Secret[str]) -> bytes:
    """What `Client.secret_sha256` holds."""
    return opaque.opaque_sha256(secret)
