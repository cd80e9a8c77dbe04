"""Signing and verifying functions, prepared once a key. Knows algorithms, not tokens.

`make_signer` and `make_verifier` do at load time all that does not depend on the message, so that
one call costs the primitive and little else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as crypto_hmac
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lingpai.errors import SignatureInvalid
from lingpai.jose.algorithms import SignatureAlgorithm

Sign: TypeAlias = Callable[[bytes], bytes]
Verify: TypeAlias = Callable[[bytes, bytes], None]
"""(signature, message) -> None, or raises SignatureInvalid."""

HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - OAEP and MGF1 alone use it, where collisions are no harm
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}

_REFUSAL = "the signature does not match"


def make_signer(algorithm: SignatureAlgorithm, native: Any) -> Sign:
    """A function from a message to its signature in JWS form."""
    if algorithm.kty == "oct":
        return _make_mac(algorithm, native)
    if algorithm.kty == "RSA":
        pad, chosen = _rsa_padding(algorithm), HASHES[algorithm.hash_name]
        return lambda message: bytes(native.sign(message, pad, chosen))
    if algorithm.kty == "EC":
        return _make_ecdsa_signer(algorithm, native)
    return lambda message: bytes(native.sign(message))


def make_verifier(algorithm: SignatureAlgorithm, native: Any) -> Verify:
    """A function that returns if the signature is good and raises SignatureInvalid if not."""
    if algorithm.kty == "oct":
        return _make_mac_verifier(algorithm, native)
    if algorithm.kty == "RSA":
        return _make_rsa_verifier(algorithm, native)
    if algorithm.kty == "EC":
        return _make_ecdsa_verifier(algorithm, native)
    return _make_plain_verifier(algorithm, native)


def _make_mac(algorithm: SignatureAlgorithm, secret: bytes) -> Sign:
    keyed = crypto_hmac.HMAC(secret, HASHES[algorithm.hash_name])  # key schedule done once

    def mac(message: bytes) -> bytes:
        state = keyed.copy()
        state.update(message)
        return state.finalize()

    return mac


def _make_mac_verifier(algorithm: SignatureAlgorithm, secret: bytes) -> Verify:
    keyed = crypto_hmac.HMAC(secret, HASHES[algorithm.hash_name])
    copy = keyed.copy

    def verify(signature: bytes, message: bytes) -> None:
        state = copy()
        state.update(message)
        try:
            state.verify(signature)  # compares in constant time
        except InvalidSignature:
            raise SignatureInvalid(_REFUSAL) from None

    return verify


def _rsa_padding(algorithm: SignatureAlgorithm) -> padding.AsymmetricPadding:
    if algorithm.name.startswith("RS"):
        return padding.PKCS1v15()
    chosen = HASHES[algorithm.hash_name]
    return padding.PSS(padding.MGF1(chosen), chosen.digest_size)  # RFC 7518 section 3.5


def _make_rsa_verifier(algorithm: SignatureAlgorithm, native: Any) -> Verify:
    pad, chosen = _rsa_padding(algorithm), HASHES[algorithm.hash_name]
    check = native.verify

    def verify(signature: bytes, message: bytes) -> None:
        try:
            check(signature, message, pad, chosen)
        except InvalidSignature:
            raise SignatureInvalid(_REFUSAL) from None

    return verify


def _make_ecdsa_signer(algorithm: SignatureAlgorithm, native: Any) -> Sign:
    half = algorithm.signature_bytes // 2
    # Deterministic nonces (RFC 6979) as RFC 8725 asks: a weak generator cannot leak the key.
    scheme = ec.ECDSA(HASHES[algorithm.hash_name], deterministic_signing=_has_rfc6979())
    sign_der = native.sign

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(sign_der(message, scheme))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")

    return sign


def _has_rfc6979() -> bool:
    from cryptography.hazmat.backends.openssl.backend import backend

    return bool(backend.ecdsa_deterministic_supported())


def _make_ecdsa_verifier(algorithm: SignatureAlgorithm, native: Any) -> Verify:
    """RFC 7518 section 3.4: R and S, each of the full length. OpenSSL checks their range."""
    length = algorithm.signature_bytes
    half = length // 2
    scheme = ec.ECDSA(HASHES[algorithm.hash_name])
    check = native.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != length:
            raise SignatureInvalid(_REFUSAL)
        try:
            check(_to_der(signature[:half], signature[half:]), message, scheme)
        except InvalidSignature:
            raise SignatureInvalid(_REFUSAL) from None

    return verify


def _to_der(r: bytes, s: bytes) -> bytes:
    """SEQUENCE of two INTEGERs (X.690 section 8.3): minimal length, never negative."""
    r = _to_der_integer(r)
    s = _to_der_integer(s)
    length = 4 + len(r) + len(s)
    if length < 0x80:
        return b"\x30%c\x02%c%b\x02%c%b" % (length, len(r), r, len(s), s)
    return b"\x30\x81%c\x02%c%b\x02%c%b" % (length, len(r), r, len(s), s)


def _to_der_integer(value: bytes) -> bytes:
    if value[0]:
        return b"\0" + value if value[0] & 0x80 else value
    stripped = value.lstrip(b"\0")
    return stripped if stripped and not stripped[0] & 0x80 else b"\0" + stripped


def _make_plain_verifier(algorithm: SignatureAlgorithm, native: Any) -> Verify:
    length = algorithm.signature_bytes
    check = native.verify

    def verify(signature: bytes, message: bytes) -> None:
        if len(signature) != length:
            raise SignatureInvalid(_REFUSAL)
        try:
            check(signature, message)
        except InvalidSignature:
            raise SignatureInvalid(_REFUSAL) from None

    return verify
