"""Authlib's `jose`, which it calls deprecated in favour of joserfc and many still use."""

from __future__ import annotations

import warnings
from typing import Any

from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, Material
from bench.peers.contract import Decrypt, Encrypt, Sign, Verify, WithoutCache, check_rest, load

NAMES = {"Ed25519": "EdDSA"}


class Authlib(WithoutCache):
    """Keys are parsed by `JsonWebKey.import_key`."""

    name = "Authlib"
    distribution = "authlib"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`JsonWebToken.encode`."""
        jose, name = _load(), NAMES.get(algorithm, algorithm)
        key = jose.JsonWebKey.import_key({**material.keys[algorithm], "alg": name})
        header = {**material.header(algorithm), "alg": name}
        encode = jose.JsonWebToken([name]).encode
        return lambda claims: encode(header, claims, key)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`JsonWebToken.decode`, then `validate`."""
        jose, name = _load(), NAMES.get(algorithm, algorithm)
        key = jose.JsonWebKey.import_key({**material.public(algorithm), "alg": name})
        decode = jose.JsonWebToken([name]).decode
        options = {
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": AUDIENCE},
            "exp": {"essential": True},
        }

        def verify(raw: str) -> Any:
            claims = decode(raw, key, claims_options=options)
            claims.validate()
            check_rest(claims.header, claims)
            return claims

        return verify

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`JsonWebEncryption.serialize_compact`."""
        jose, enc = _load(), ENCRYPTIONS[algorithm]
        key = jose.JsonWebKey.import_key(material.public(algorithm))
        header = {"alg": algorithm, "enc": enc, "kid": material.keys[algorithm]["kid"]}
        serialize = jose.JsonWebEncryption([algorithm, enc]).serialize_compact
        return lambda payload: serialize(header, payload, key)

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`JsonWebEncryption.deserialize_compact`."""
        jose, enc = _load(), ENCRYPTIONS[algorithm]
        key = jose.JsonWebKey.import_key(material.keys[algorithm])
        deserialize = jose.JsonWebEncryption([algorithm, enc]).deserialize_compact
        return lambda raw: deserialize(raw, key)["payload"]


def _load() -> Any:
    load("authlib.deprecate")  # it turns its warnings on when loaded
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own deprecation when imported
        return load("authlib.jose")
