"""New key material for an algorithm. Knows sizes and curves; draws nothing by itself."""

from __future__ import annotations

from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose.algorithms import (
    DEFAULT_CONTENT_ENCRYPTION,
    DIRECT_ALGORITHMS,
    RSA_MAX_BITS,
    RSA_MIN_BITS,
    Algorithm,
    SignatureAlgorithm,
)
from lingpai.jose.crypto import native, random_bytes
from lingpai.jose.key_rules import settle_direct, short

_PASSWORD_BITS = 256  # a generated "password" is a full key's worth of randomness
_ANY_LENGTH = frozenset({"pbes2"})


def generate_native(row: Algorithm, size: int | None, curve: str | None) -> Any:
    """A private native key. `size` is in bits and for RSA alone. Raises InvalidKey."""
    if row.kty == "RSA":
        bits = RSA_MIN_BITS if size is None else size
        if not RSA_MIN_BITS <= bits <= RSA_MAX_BITS:
            raise InvalidKey(f"an RSA key has {RSA_MIN_BITS} to {RSA_MAX_BITS} bits")
        return native.generate_rsa(bits)
    if row.kty == "AKP":
        return native.generate_akp(row.name)
    assert isinstance(row, SignatureAlgorithm) or row.curves  # noqa: S101 - the table has no others
    chosen = row.curves[0] if curve is None else curve
    if chosen not in row.curves:
        raise InvalidKey(f"{row.name} does not use the curve {short(chosen)}")
    make = native.generate_ec if chosen in native.EC_CURVES else native.generate_okp
    return make(chosen)


def generate_secret(row: Algorithm, size: int | None) -> tuple[bytes, Algorithm]:
    """Random bytes, and the row they are for: `dir` alone is settled by the size."""
    default = DIRECT_ALGORITHMS[DEFAULT_CONTENT_ENCRYPTION]
    row = settle_direct(row, default.key_bits if size is None else size)
    bits = _default_bits(row) if size is None else size
    if bits < row.min_bits or bits % 8 or (_is_exact(row) and bits != row.min_bits):
        raise InvalidKey(f"{row.name} takes no key of {bits} bits")
    return random_bytes(bits // 8), row


def check_secret_size(row: Algorithm, secret: bytes) -> None:
    """Raises InvalidKey for a key of another length than the algorithm's cipher takes."""
    if _is_exact(row) and len(secret) * 8 != row.min_bits:
        raise InvalidKey(f"{row.name} takes a key of exactly {row.min_bits} bits")


def _is_exact(row: Algorithm) -> bool:
    return not isinstance(row, SignatureAlgorithm) and row.family not in _ANY_LENGTH


def _default_bits(row: Algorithm) -> int:
    passwords = not isinstance(row, SignatureAlgorithm) and row.family in _ANY_LENGTH
    return _PASSWORD_BITS if passwords else row.min_bits
