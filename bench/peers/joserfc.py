"""joserfc. Claims are checked by a registry that is built once; `typ` by the caller."""

from __future__ import annotations

from typing import Any

from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, Material
from bench.peers.contract import Decrypt, Encrypt, Sign, Verify, WithoutCache, check_rest, load


class Joserfc(WithoutCache):
    """Keys are parsed by `import_key`."""

    name = "joserfc"
    distribution = "joserfc"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`jwt.encode`."""
        jwt, jwk = load("joserfc.jwt"), load("joserfc.jwk")
        key = jwk.import_key(material.keys[algorithm])
        header, algorithms = material.header(algorithm), [algorithm]
        return lambda claims: jwt.encode(header, claims, key, algorithms)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`jwt.decode`, then the registry's `validate`."""
        jwt, jwk = load("joserfc.jwt"), load("joserfc.jwk")
        key, algorithms = jwk.import_key(material.public(algorithm)), [algorithm]
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            exp={"essential": True},
        )

        def verify(raw: str) -> Any:
            token = jwt.decode(raw, key, algorithms)
            rules.validate(token.claims)
            check_rest(token.header, token.claims)
            return token.claims

        return verify

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`jwe.encrypt_compact`."""
        jwe, jwk = load("joserfc.jwe"), load("joserfc.jwk")
        key = jwk.import_key(material.public(algorithm))
        enc = ENCRYPTIONS[algorithm]
        header = {"alg": algorithm, "enc": enc, "kid": material.keys[algorithm]["kid"]}
        return lambda payload: jwe.encrypt_compact(header, payload, key, [algorithm, enc])

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`jwe.decrypt_compact`."""
        jwe, jwk = load("joserfc.jwe"), load("joserfc.jwk")
        key = jwk.import_key(material.keys[algorithm])
        allowed = [algorithm, ENCRYPTIONS[algorithm]]
        return lambda raw: jwe.decrypt_compact(raw, key, allowed).plaintext
