"""Native keys: made, read from JWK numbers, PEM, DER and X.509, and taken apart again.

Knows the shapes of keys, not what they are used for. Whatever `cryptography` may raise about a key
leaves here as InvalidKey without a word of the key in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed448,
    ed25519,
    mldsa,
    rsa,
    x448,
    x25519,
)

from lingpai.errors import InvalidKey
from lingpai.jose.algorithms import CURVES

EC_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
_EC_NAMES = {curve.name: name for name, curve in EC_CURVES.items()}
_OKP: dict[str, tuple[Any, Any]] = {
    "Ed25519": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    "Ed448": (ed448.Ed448PrivateKey, ed448.Ed448PublicKey),
    "X25519": (x25519.X25519PrivateKey, x25519.X25519PublicKey),
    "X448": (x448.X448PrivateKey, x448.X448PublicKey),
}
_AKP: dict[str, tuple[Any, Any]] = {
    "ML-DSA-44": (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    "ML-DSA-65": (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    "ML-DSA-87": (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}


# All that `cryptography` raises about what it reads; for certificates see `_open_certificate`.
_REFUSALS = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm)


def _guarded(what: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except _REFUSALS:
        raise InvalidKey(f"not a usable {what}") from None


# --- making -----------------------------------------------------------------------------------


def generate_rsa(bits: int) -> Any:
    """A private RSA key with the public exponent 65537."""
    return rsa.generate_private_key(65537, bits)


def generate_ec(curve: str) -> Any:
    """A private EC key."""
    return ec.generate_private_key(EC_CURVES[curve])


def generate_okp(curve: str) -> Any:
    """A private Edwards or Montgomery key."""
    return _OKP[curve][0].generate()


def generate_akp(algorithm: str) -> Any:
    """A private ML-DSA key."""
    return _AKP[algorithm][0].generate()


# --- from JWK numbers -------------------------------------------------------------------------


def rsa_public(n: int, e: int) -> Any:
    """RFC 7518 section 6.3.1."""
    return _guarded("RSA public key", rsa.RSAPublicNumbers(e, n).public_key)


def rsa_private(n: int, e: int, d: int, factors: tuple[int, int, int, int, int] | None) -> Any:
    """RFC 7518 section 6.3.2; `factors` are p, q, dp, dq, qi, found again from d if absent."""

    def make() -> Any:
        found = factors
        if found is None:
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
            found = (p, q, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
        p, q, dp, dq, qi = found
        public = rsa.RSAPublicNumbers(e, n)
        return rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()

    return _guarded("RSA private key", make)


def ec_public(curve: str, x: bytes, y: bytes) -> Any:
    """RFC 7518 section 6.2.1. The point is checked to be on the curve."""
    point = b"\x04" + x + y
    make = ec.EllipticCurvePublicKey.from_encoded_point
    return _guarded("EC public key", lambda: make(EC_CURVES[curve], point))


def ec_private(curve: str, x: bytes, y: bytes, d: bytes) -> Any:
    """RFC 7518 section 6.2.2. The point must be the one that `d` gives."""
    make = ec.derive_private_key
    private = _guarded("EC private key", lambda: make(int.from_bytes(d), EC_CURVES[curve]))
    if ec_numbers(private)[:2] != (x, y):
        raise InvalidKey("the public half of the EC key does not belong to its private half")
    return private


def okp_public(curve: str, x: bytes) -> Any:
    """RFC 8037 section 2."""
    return _guarded("OKP public key", lambda: _OKP[curve][1].from_public_bytes(x))


def okp_private(curve: str, x: bytes, d: bytes) -> Any:
    """RFC 8037 section 2. The public half must be the one that `d` gives."""
    private = _guarded("OKP private key", lambda: _OKP[curve][0].from_private_bytes(d))
    if private.public_key().public_bytes_raw() != x:
        raise InvalidKey("the public half of the OKP key does not belong to its private half")
    return private


def akp_public(algorithm: str, pub: bytes) -> Any:
    """RFC 9964 section 3."""
    return _guarded("AKP public key", lambda: _AKP[algorithm][1].from_public_bytes(pub))


def akp_private(algorithm: str, pub: bytes, seed: bytes) -> Any:
    """RFC 9964 section 3: `priv` is the 32-byte seed."""
    private = _guarded("AKP private key", lambda: _AKP[algorithm][0].from_seed_bytes(seed))
    if private.public_key().public_bytes_raw() != pub:
        raise InvalidKey("the public half of the AKP key does not belong to its private half")
    return private


# --- from files -------------------------------------------------------------------------------


def load_pem(data: bytes, password: bytes | None) -> tuple[Any, bool]:
    """The key in a PEM text and whether it is private: PKCS 8, PKCS 1, SEC 1, SPKI or X.509."""
    if b"-----BEGIN CERTIFICATE-----" in data:
        return _guarded("certificate", lambda: _open_certificate(data, is_pem=True)), False
    if b"PRIVATE KEY-----" in data:
        return _guarded("PEM private key", lambda: _load_private(data, password)), True
    return _guarded("PEM public key", lambda: serialization.load_pem_public_key(data)), False


def _open_certificate(data: bytes, *, is_pem: bool) -> Any:
    from cryptography import x509  # as large as all the rest, and few programs read certificates

    load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
    try:
        return load(data).public_key()
    except x509.InvalidVersion:  # no ValueError, unlike all else that may be wrong
        raise ValueError("an absurd version") from None


def _load_private(data: bytes, password: bytes | None) -> Any:
    return serialization.load_pem_private_key(data, password)


def load_der(data: bytes, password: bytes | None) -> tuple[Any, bool]:
    """The same for DER; tried as private key, public key, then certificate."""
    attempts: tuple[tuple[Callable[[], Any], bool], ...] = (
        (lambda: serialization.load_der_private_key(data, password), True),
        (lambda: serialization.load_der_public_key(data), False),
        (lambda: _open_certificate(data, is_pem=False), False),
    )
    for make, is_private in attempts:
        try:
            return make(), is_private
        except _REFUSALS:
            continue
    raise InvalidKey("not a usable DER key")


def to_pem(native: Any, password: bytes | None, *, private: bool) -> bytes:
    """PKCS 8 for a private key (encrypted if a password is given), SPKI for a public one."""
    if not private:
        return bytes(
            native.public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    scheme: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        scheme = serialization.BestAvailableEncryption(password)
    return bytes(
        native.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, scheme)
    )


# --- taking apart -----------------------------------------------------------------------------


def describe(native: Any) -> tuple[str, str]:
    """(kty, curve): the curve is the ML-DSA name for AKP and empty for RSA.

    Raises InvalidKey for a kind of key that JOSE does not have.
    """
    if isinstance(native, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        return "RSA", ""
    if isinstance(native, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        name = _EC_NAMES.get(native.curve.name)
        if name is not None:
            return "EC", name
    for curve, classes in _OKP.items():
        if isinstance(native, classes):
            return "OKP", curve
    for algorithm, classes in _AKP.items():
        if isinstance(native, classes):
            return "AKP", algorithm
    raise InvalidKey("a kind of key that JOSE does not have")


def public_of(native: Any) -> Any:
    """The public half of a private key."""
    return native.public_key()


def rsa_public_numbers(native: Any) -> tuple[int, int]:
    """(n, e) of a private or public key."""
    public = native if isinstance(native, rsa.RSAPublicKey) else native.public_key()
    numbers = public.public_numbers()
    return numbers.n, numbers.e


def rsa_private_numbers(native: Any) -> tuple[int, int, int, int, int, int]:
    """(d, p, q, dp, dq, qi)."""
    numbers = native.private_numbers()
    return numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp


def ec_numbers(native: Any) -> tuple[bytes, bytes, bytes | None]:
    """(x, y, d) at the full length of the curve; d is None for a public key."""
    private = isinstance(native, ec.EllipticCurvePrivateKey)
    public = native.public_key() if private else native
    length = CURVES[_EC_NAMES[native.curve.name]].coordinate_bytes
    numbers = public.public_numbers()
    d = native.private_numbers().private_value.to_bytes(length, "big") if private else None
    return numbers.x.to_bytes(length, "big"), numbers.y.to_bytes(length, "big"), d


def raw_numbers(native: Any) -> tuple[bytes, bytes | None]:
    """(public, private) raw bytes of an OKP or AKP key; private is None for a public key."""
    if hasattr(native, "private_bytes_raw"):
        return native.public_key().public_bytes_raw(), native.private_bytes_raw()
    return native.public_bytes_raw(), None
