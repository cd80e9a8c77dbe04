"""Opaque secrets: one format for all that the server hands out. Draws no randomness.

`<prefix><43 characters of base64url>_<6 characters>`, where the last six begin the base64url of the
SHA-256 of what precedes them, so that a secret scanner can tell a real secret from a look-alike.
The store keeps one SHA-256 of the whole text: 256 random bits need no slow hash.
"""

from __future__ import annotations

from lingpai.jose import base64url
from lingpai.jose.crypto import sha256
from lingpai_server.core.secret import Secret

RANDOM_BYTES = 32
_CHECKSUM_CHARS = 6


def format_opaque(prefix: str, random_bytes: bytes) -> Secret[str]:
    """The secret that holds these 32 random bytes. Raises ValueError for any other number."""
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"an opaque secret is made of {RANDOM_BYTES} random bytes")
    body = prefix + base64url.encode(random_bytes)
    return Secret(f"{body}_{_checksum(body)}")


def has_opaque_format(prefix: str, text: str) -> bool:
    """Whether prefix, length and checksum say that this is a secret of ours."""
    body, checksum = text[: -_CHECKSUM_CHARS - 1], text[-_CHECKSUM_CHARS - 1 :]
    if not body.isascii() or not body.startswith(prefix) or checksum != f"_{_checksum(body)}":
        return False
    try:
        return len(base64url.decode(body.removeprefix(prefix))) == RANDOM_BYTES
    except ValueError:
        return False


def opaque_sha256(secret: Secret[str]) -> bytes:
    """What the store knows it by."""
    return sha256(secret.reveal().encode("utf-8"))


def _checksum(body: str) -> str:
    return base64url.encode(sha256(body.encode("ascii")))[:_CHECKSUM_CHARS]
