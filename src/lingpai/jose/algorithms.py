"""THE table of algorithms (RFC 7518, 8037, 8812, 9864, 9964): data only, no cryptography.

Everything that asks "which key, which curve, which hash, how large" asks here. `none` and `RSA1_5`
are not in it: an algorithm that must never be used does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class SignatureAlgorithm(msgspec.Struct, frozen=True):
    """One `alg` of a JWS.

    `kty` and `curves` say which key fits; `hash_name` is a hashlib name or empty where the
    algorithm hashes by itself; `min_bits` bounds RSA and HMAC keys; `signature_bytes` is the fixed
    length of a signature, 0 where it depends on the key.
    """

    name: str
    kty: str
    curves: tuple[str, ...] = ()
    hash_name: str = ""
    min_bits: int = 0
    signature_bytes: int = 0
    opt_in: bool = False


class KeyManagementAlgorithm(msgspec.Struct, frozen=True):
    """One `alg` of a JWE: how the content key is agreed on, wrapped or derived.

    `family` groups what is computed alike; `key_bits` is the size of the wrapping key, 0 where the
    algorithm wraps nothing or RSA does it. `enc` is the one content encryption of a `dir` key.
    """

    name: str
    kty: str
    family: str
    curves: tuple[str, ...] = ()
    hash_name: str = ""
    key_bits: int = 0
    min_bits: int = 0
    enc: str = ""


class ContentEncryption(msgspec.Struct, frozen=True):
    """One `enc`: content key, IV and tag sizes in bytes; `hash_name` is empty for GCM."""

    name: str
    key_bytes: int
    iv_bytes: int
    tag_bytes: int
    hash_name: str = ""


class Curve(msgspec.Struct, frozen=True):
    """One `crv`: its key type and the length of a coordinate or key in bytes."""

    name: str
    kty: str
    coordinate_bytes: int


RSA_MIN_BITS = 2048  # RFC 7518 section 3.3
RSA_MAX_BITS = 8192  # larger keys only serve to burn a verifier's time
RSA_MAX_EXPONENT_BITS = 64  # what OpenSSL takes for moduli over 3072 bits

CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        c.name: c
        for c in (
            Curve("P-256", "EC", 32),
            Curve("P-384", "EC", 48),
            Curve("P-521", "EC", 66),
            Curve("secp256k1", "EC", 32),
            Curve("Ed25519", "OKP", 32),
            Curve("Ed448", "OKP", 57),
            Curve("X25519", "OKP", 32),
            Curve("X448", "OKP", 56),
        )
    }
)

SIGNATURE_ALGORITHMS: Mapping[str, SignatureAlgorithm] = MappingProxyType(
    {
        a.name: a
        for a in (
            # RFC 7518 section 3.2: the key is at least as long as the hash
            SignatureAlgorithm("HS256", "oct", (), "sha256", 256, 32),
            SignatureAlgorithm("HS384", "oct", (), "sha384", 384, 48),
            SignatureAlgorithm("HS512", "oct", (), "sha512", 512, 64),
            SignatureAlgorithm("RS256", "RSA", (), "sha256", RSA_MIN_BITS),
            SignatureAlgorithm("RS384", "RSA", (), "sha384", RSA_MIN_BITS),
            SignatureAlgorithm("RS512", "RSA", (), "sha512", RSA_MIN_BITS),
            SignatureAlgorithm("PS256", "RSA", (), "sha256", RSA_MIN_BITS),
            SignatureAlgorithm("PS384", "RSA", (), "sha384", RSA_MIN_BITS),
            SignatureAlgorithm("PS512", "RSA", (), "sha512", RSA_MIN_BITS),
            SignatureAlgorithm("ES256", "EC", ("P-256",), "sha256", 0, 64),
            SignatureAlgorithm("ES384", "EC", ("P-384",), "sha384", 0, 96),
            SignatureAlgorithm("ES512", "EC", ("P-521",), "sha512", 0, 132),
            SignatureAlgorithm("ES256K", "EC", ("secp256k1",), "sha256", 0, 64, opt_in=True),
            SignatureAlgorithm("Ed25519", "OKP", ("Ed25519",), "", 0, 64),
            SignatureAlgorithm("Ed448", "OKP", ("Ed448",), "", 0, 114),
            SignatureAlgorithm("ML-DSA-44", "AKP", (), "", 0, 2420),
            SignatureAlgorithm("ML-DSA-65", "AKP", (), "", 0, 3309),
            SignatureAlgorithm("ML-DSA-87", "AKP", (), "", 0, 4627),
        )
    }
)

# RFC 9864 deprecates this name: it says the family and leaves the curve to the key.
EDDSA = "EdDSA"
EDDSA_CURVES = ("Ed25519", "Ed448")

_ECDH_CURVES = ("P-256", "P-384", "P-521", "X25519", "X448")

KEY_MANAGEMENT_ALGORITHMS: Mapping[str, KeyManagementAlgorithm] = MappingProxyType(
    {
        a.name: a
        for a in (
            # RSAES-OAEP with SHA-1 is what RFC 7518 section 4.3 names; SHA-1 is safe in this place
            KeyManagementAlgorithm("RSA-OAEP", "RSA", "rsa-oaep", (), "sha1", 0, RSA_MIN_BITS),
            KeyManagementAlgorithm(
                "RSA-OAEP-256", "RSA", "rsa-oaep", (), "sha256", 0, RSA_MIN_BITS
            ),
            KeyManagementAlgorithm(
                "RSA-OAEP-384", "RSA", "rsa-oaep", (), "sha384", 0, RSA_MIN_BITS
            ),
            KeyManagementAlgorithm(
                "RSA-OAEP-512", "RSA", "rsa-oaep", (), "sha512", 0, RSA_MIN_BITS
            ),
            KeyManagementAlgorithm("A128KW", "oct", "aes-kw", (), "", 128, 128),
            KeyManagementAlgorithm("A192KW", "oct", "aes-kw", (), "", 192, 192),
            KeyManagementAlgorithm("A256KW", "oct", "aes-kw", (), "", 256, 256),
            KeyManagementAlgorithm("A128GCMKW", "oct", "aes-gcmkw", (), "", 128, 128),
            KeyManagementAlgorithm("A192GCMKW", "oct", "aes-gcmkw", (), "", 192, 192),
            KeyManagementAlgorithm("A256GCMKW", "oct", "aes-gcmkw", (), "", 256, 256),
            KeyManagementAlgorithm("dir", "oct", "dir", (), "", 0, 128),
            KeyManagementAlgorithm("ECDH-ES", "EC|OKP", "ecdh-es", _ECDH_CURVES),
            KeyManagementAlgorithm("ECDH-ES+A128KW", "EC|OKP", "ecdh-es", _ECDH_CURVES, "", 128),
            KeyManagementAlgorithm("ECDH-ES+A192KW", "EC|OKP", "ecdh-es", _ECDH_CURVES, "", 192),
            KeyManagementAlgorithm("ECDH-ES+A256KW", "EC|OKP", "ecdh-es", _ECDH_CURVES, "", 256),
            KeyManagementAlgorithm("PBES2-HS256+A128KW", "oct", "pbes2", (), "sha256", 128, 64),
            KeyManagementAlgorithm("PBES2-HS384+A192KW", "oct", "pbes2", (), "sha384", 192, 64),
            KeyManagementAlgorithm("PBES2-HS512+A256KW", "oct", "pbes2", (), "sha512", 256, 64),
        )
    }
)

CONTENT_ENCRYPTIONS: Mapping[str, ContentEncryption] = MappingProxyType(
    {
        e.name: e
        for e in (
            ContentEncryption("A128GCM", 16, 12, 16),
            ContentEncryption("A192GCM", 24, 12, 16),
            ContentEncryption("A256GCM", 32, 12, 16),
            ContentEncryption("A128CBC-HS256", 32, 16, 16, "sha256"),
            ContentEncryption("A192CBC-HS384", 48, 16, 24, "sha384"),
            ContentEncryption("A256CBC-HS512", 64, 16, 32, "sha512"),
        )
    }
)

DEFAULT_CONTENT_ENCRYPTION = "A256GCM"

# A key used directly encrypts content by itself: its one algorithm is an `enc`, and a JWK names it
# as such (RFC 7517 section 4.4). The header says `dir`.
DIRECT_ALGORITHMS: Mapping[str, KeyManagementAlgorithm] = MappingProxyType(
    {
        e.name: KeyManagementAlgorithm(
            "dir", "oct", "dir", (), "", e.key_bytes * 8, e.key_bytes * 8, e.name
        )
        for e in CONTENT_ENCRYPTIONS.values()
    }
)
# What a key is for that says `dir` and no more. 256 bits also fit A128CBC-HS256, which must be
# named: one key, one algorithm.
DIRECT_BY_BITS: Mapping[int, str] = MappingProxyType(
    {128: "A128GCM", 192: "A192GCM", 256: "A256GCM", 384: "A192CBC-HS384", 512: "A256CBC-HS512"}
)

# What a key without `alg` can only be for. An RSA key could serve six algorithms: it names none.
ALGORITHM_OF_CURVE: Mapping[str, str] = MappingProxyType(
    {curve: a.name for a in SIGNATURE_ALGORITHMS.values() for curve in a.curves if not a.opt_in}
)

Algorithm = SignatureAlgorithm | KeyManagementAlgorithm


def find_algorithm(name: str) -> Algorithm | None:
    """The row of the table with this exact, case-sensitive name; an `enc` stands for `dir`."""
    return (
        SIGNATURE_ALGORITHMS.get(name)
        or KEY_MANAGEMENT_ALGORITHMS.get(name)
        or DIRECT_ALGORITHMS.get(name)
    )
