"""One key for each algorithm, made once a run: RSA keys take long to find."""

from __future__ import annotations

from functools import cache

from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS, KEY_MANAGEMENT_ALGORITHMS
from lingpai.jose.keys import Key, PrivateKey, SecretKey

ALLOW = ("ES256K",)
SIGNING = (
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "ES256K", "Ed25519", "Ed448"),
    *("ML-DSA-44", "ML-DSA-65", "ML-DSA-87"),
)
ASYMMETRIC = (*SIGNING[3:], "RSA-OAEP-256", "ECDH-ES")
ENCRYPTING = tuple(KEY_MANAGEMENT_ALGORITHMS)
ENCS = tuple(CONTENT_ENCRYPTIONS)
ECDH_CURVES = ("P-256", "P-384", "P-521", "X25519", "X448")


@cache
def key_for(alg: str, curve: str | None = None) -> PrivateKey | SecretKey:
    """The key of an algorithm; an `enc` gives its `dir` key. RSA keys share one modulus."""
    if alg.startswith(("RS", "PS")):
        found = Key.from_jwk({**_rsa().to_jwk(private=True), "alg": alg})
        assert isinstance(found, PrivateKey)
        return found
    return Key.generate(alg, curve=curve, allow=ALLOW)


@cache
def _rsa() -> PrivateKey | SecretKey:
    return Key.generate("RS256")


def sealing_key(alg: str, enc: str) -> PrivateKey | SecretKey:
    """A key for one pair of algorithms."""
    return key_for(enc if alg == "dir" else alg)


def cheap_header(alg: str) -> dict[str, int]:
    """A header that keeps passwords fast in tests."""
    return {"p2c": 1000} if alg.startswith("PBES2") else {}
