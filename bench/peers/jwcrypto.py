"""jwcrypto. One JWT object a token; `typ` is compared by the caller."""

from __future__ import annotations

from typing import Any

from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, TYP, Material
from bench.peers.contract import Decrypt, Encrypt, Refused, Sign, Verify, WithoutCache, load


class Jwcrypto(WithoutCache):
    """A `JWK` holds the parsed key."""

    name = "jwcrypto"
    distribution = "jwcrypto"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`JWT.make_signed_token`."""
        jwt, key = load("jwcrypto.jwt"), load("jwcrypto.jwk").JWK(**material.keys[algorithm])
        header, algorithms = material.header(algorithm), [algorithm]

        def sign(claims: dict[str, Any]) -> Any:
            token = jwt.JWT(header=header, claims=claims, algs=algorithms)
            token.make_signed_token(key)
            return token.serialize()

        return sign

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`JWT.deserialize`, which checks; then the claims, which come as text."""
        jwt, key = load("jwcrypto.jwt"), load("jwcrypto.jwk").JWK(**material.public(algorithm))
        decode = load("jwcrypto.common").json_decode
        wanted: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "exp": None}
        algorithms = [algorithm]

        def verify(raw: str) -> Any:
            token = jwt.JWT(check_claims=wanted, algs=algorithms, expected_type="JWS")
            token.leeway = 0  # it allows 60 s of its own accord
            token.deserialize(raw, key)
            if decode(token.header).get("typ") != TYP:
                raise Refused("typ")
            return decode(token.claims)

        return verify

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`JWE.add_recipient`."""
        jwe, key = load("jwcrypto.jwe"), load("jwcrypto.jwk").JWK(**material.public(algorithm))
        enc = ENCRYPTIONS[algorithm]
        header = {"alg": algorithm, "enc": enc, "kid": material.keys[algorithm]["kid"]}

        def encrypt(payload: bytes) -> Any:
            token = jwe.JWE(payload, protected=header, algs=[algorithm, enc])
            token.add_recipient(key)
            return token.serialize(compact=True)

        return encrypt

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`JWE.deserialize`."""
        jwe, key = load("jwcrypto.jwe"), load("jwcrypto.jwk").JWK(**material.keys[algorithm])
        allowed = [algorithm, ENCRYPTIONS[algorithm]]

        def decrypt(raw: str) -> Any:
            token = jwe.JWE(algs=allowed)
            token.deserialize(raw, key)
            return token.payload

        return decrypt
