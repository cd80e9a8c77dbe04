"""python-jose. No Edwards curves, no ECDH-ES; `typ` is compared by the caller."""

from __future__ import annotations

from typing import Any

from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, Material
from bench.peers.contract import (
    Decrypt,
    Encrypt,
    Lacks,
    Sign,
    Verify,
    WithoutCache,
    check_rest,
    load,
)
from lingpai import Key

_OPTIONS = {"require_exp": True, "require_iss": True, "require_aud": True}


class PythonJose(WithoutCache):
    """A constructed `jwk.Key` holds the parsed key."""

    name = "python-jose"
    distribution = "python-jose"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`jwt.encode`."""
        jwt, key = load("jose.jwt"), _signing_key(algorithm, material.keys[algorithm])
        headers = material.header(algorithm)
        return lambda claims: jwt.encode(claims, key, algorithm, headers)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`jwt.decode`, and the header read once more for `typ`."""
        jwt, key = load("jose.jwt"), _signing_key(algorithm, material.public(algorithm))
        algorithms = [algorithm]

        def verify(raw: str) -> Any:
            claims = jwt.decode(raw, key, algorithms, _OPTIONS, AUDIENCE, ISSUER)
            check_rest(jwt.get_unverified_header(raw), claims)
            return claims

        return verify

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`jwe.encrypt`."""
        jwe, key = load("jose.jwe"), _encryption_key(algorithm, material.public(algorithm))
        enc, kid = ENCRYPTIONS[algorithm], material.keys[algorithm]["kid"]
        return lambda payload: jwe.encrypt(payload, key, enc, algorithm, kid=kid)

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`jwe.decrypt`."""
        jwe, key = load("jose.jwe"), _encryption_key(algorithm, material.keys[algorithm])
        return lambda raw: jwe.decrypt(raw, key)


def _signing_key(algorithm: str, jwk: dict[str, Any]) -> Any:
    construct = load("jose.jwk").construct
    if algorithm == "Ed25519":
        raise Lacks("no Ed25519")
    return construct(jwk, algorithm)


def _encryption_key(algorithm: str, jwk: dict[str, Any]) -> Any:
    """What its JWE takes as it is: bytes, or a key of `cryptography`."""
    load("jose.jwe")
    if algorithm.startswith("ECDH"):
        raise Lacks("no ECDH-ES")
    return Key.from_jwk(jwk).native
