"""oxyjwt: PyJWT's interface over Rust. Its quick path takes no `typ`, so the caller compares it."""

from __future__ import annotations

from typing import Any

from bench.material import AUDIENCE, ISSUER, Material
from bench.peers.contract import Sign, Verify, WithoutCache, WithoutEncryption, check_rest, load
from lingpai import Key
from lingpai.jose import base64url

_MAKERS = {"RS256": "from_rsa_pem", "ES256": "from_ec_pem", "Ed25519": "from_ed_pem"}
NAMES = {"Ed25519": "EdDSA"}


class Oxyjwt(WithoutCache, WithoutEncryption):
    """`EncodingKey` and `DecodingKey` hold the parsed keys."""

    name = "oxyjwt"
    distribution = "oxyjwt"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`oxyjwt.encode`."""
        oxyjwt = load("oxyjwt")
        key = _make_key(oxyjwt.EncodingKey, algorithm, material.keys[algorithm])
        headers = {k: v for k, v in material.header(algorithm).items() if k != "alg"}
        name = NAMES.get(algorithm, algorithm)
        return lambda claims: oxyjwt.encode(claims, key, algorithm=name, headers=headers)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`oxyjwt.decode_complete` with nothing that would leave its quick path."""
        oxyjwt = load("oxyjwt")
        key = _make_key(oxyjwt.DecodingKey, algorithm, material.public(algorithm))
        algorithms = [NAMES.get(algorithm, algorithm)]

        def verify(raw: str) -> Any:
            found = oxyjwt.decode_complete(raw, key, algorithms, audience=AUDIENCE, issuer=ISSUER)
            check_rest(found["header"], found["payload"])
            return found["payload"]

        return verify


def _make_key(kind: Any, algorithm: str, jwk: dict[str, Any]) -> Any:
    if algorithm == "HS256":
        return kind.from_secret(base64url.decode(jwk["k"]))
    return getattr(kind, _MAKERS[algorithm])(Key.from_jwk(jwk).to_pem())
