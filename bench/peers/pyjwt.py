"""PyJWT. Its name for Ed25519 is EdDSA; `typ` is compared by the caller."""

from __future__ import annotations

from typing import Any

from bench.material import AUDIENCE, ISSUER, Material
from bench.peers.contract import Sign, Verify, WithoutCache, WithoutEncryption, check_rest, load

NAMES = {"Ed25519": "EdDSA"}


class PyJwt(WithoutCache, WithoutEncryption):
    """A `PyJWK` holds the parsed key; that is its quickest way."""

    name = "PyJWT"
    distribution = "pyjwt"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`jwt.encode`."""
        jwt = load("jwt")
        name = NAMES.get(algorithm, algorithm)
        key = jwt.PyJWK({**material.keys[algorithm], "alg": name})
        headers = {k: v for k, v in material.header(algorithm).items() if k != "alg"}
        return lambda claims: jwt.encode(claims, key, algorithm=name, headers=headers)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`jwt.decode_complete`, for the header is needed."""
        jwt = load("jwt")
        name = NAMES.get(algorithm, algorithm)
        key = jwt.PyJWK({**material.public(algorithm), "alg": name})
        algorithms = [name]

        def verify(raw: str) -> Any:
            found = jwt.decode_complete(raw, key, algorithms, audience=AUDIENCE, issuer=ISSUER)
            check_rest(found["header"], found["payload"])
            return found["payload"]

        return verify
