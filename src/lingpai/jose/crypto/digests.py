"""Randomness, hashes, HMAC and the comparison that takes the same time whatever it compares."""

from __future__ import annotations

import hashlib
import hmac
from secrets import token_bytes


def random_bytes(count: int) -> bytes:
    """`count` bytes from the operating system's generator."""
    return token_bytes(count)


def digest(name: str, data: bytes) -> bytes:
    """The hash of `data` by a hashlib name."""
    return hashlib.new(name, data).digest()


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes (RFC 2104)."""
    return hmac.digest(key, data, "sha256")


def constant_time_equal(left: bytes, right: bytes) -> bool:
    """Whether both are the same, in time that depends on the lengths alone."""
    return hmac.compare_digest(left, right)
