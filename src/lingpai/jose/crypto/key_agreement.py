"""ECDH-ES (RFC 7518 section 4.6, RFC 8037 section 3.2): secrets agreed on. Knows no headers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from lingpai.errors import DecryptionFailed
from lingpai.jose.crypto import native
from lingpai.jose.crypto.content import REFUSAL

Exchange: TypeAlias = Callable[[Any], bytes]
"""The public key of the other side -> the shared secret, or raises DecryptionFailed."""

_ECDH = ec.ECDH()


def make_ephemeral(kty: str, curve: str) -> Any:
    """A private key for one message."""
    return native.generate_ec(curve) if kty == "EC" else native.generate_okp(curve)


def make_exchange(private: Any) -> Exchange:
    """The shared secret with any public key of the same curve.

    A point of small order gives zero for every private key: X25519 and X448 refuse it (RFC 7748
    section 6). On the NIST curves the point was checked to lie on the curve when it was read.
    """
    is_ec = isinstance(private, ec.EllipticCurvePrivateKey)
    agree = private.exchange

    def exchange(public: Any) -> bytes:
        try:
            secret = bytes(agree(_ECDH, public) if is_ec else agree(public))
        except ValueError:
            raise DecryptionFailed(REFUSAL) from None
        if not any(secret):
            raise DecryptionFailed(REFUSAL)
        return secret

    return exchange


def derive(secret: bytes, algorithm: str, apu: bytes, apv: bytes, key_bits: int) -> bytes:
    """Concat KDF with SHA-256 (RFC 7518 section 4.6.2, NIST SP 800-56A section 5.8.1).

    `algorithm` is `enc` in direct agreement and `alg` with key wrapping.
    """
    info = _with_length(algorithm.encode("ascii")) + _with_length(apu) + _with_length(apv)
    info += key_bits.to_bytes(4, "big")
    rounds = -(-key_bits // 256)
    derived = b"".join(
        hashlib.sha256(counter.to_bytes(4, "big") + secret + info).digest()
        for counter in range(1, rounds + 1)
    )
    return derived[: key_bits // 8]


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
