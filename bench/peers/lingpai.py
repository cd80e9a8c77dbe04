"""Lingpai, through its public names."""

from __future__ import annotations

from typing import Any

import lingpai
from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, TYP, Material
from bench.peers.contract import Decrypt, Encrypt, Sign, Verify
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.verifier.token_cache import TokenCache

POLICY = lingpai.Policy(issuer=ISSUER, audience=AUDIENCE, typ=TYP)


class Lingpai:
    """Ours."""

    name = "Lingpai"
    distribution = "lingpai"

    def signer(self, algorithm: str, material: Material) -> Sign:
        """`lingpai.sign`."""
        key: Any = lingpai.Key.from_jwk(material.keys[algorithm])
        return lambda claims: lingpai.sign(claims, key, typ=TYP)

    def verifier(self, algorithm: str, material: Material) -> Verify:
        """`lingpai.verify`, which reads the clock."""
        key = lingpai.Key.from_jwk(material.public(algorithm))
        verify = lingpai.verify
        return lambda raw: verify(raw, key, POLICY)

    def cached_verifier(self, algorithm: str, material: Material) -> Verify:
        """`lingpai.verify` with a cache of verified tokens."""
        key = lingpai.Key.from_jwk(material.public(algorithm))
        verify, cache = lingpai.verify, TokenCache()
        return lambda raw: verify(raw, key, POLICY, cache=cache)

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`encrypt_compact`."""
        key = lingpai.Key.from_jwk(material.public(algorithm))
        enc = ENCRYPTIONS[algorithm]
        return lambda payload: encrypt_compact(payload, key, enc=enc)

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`decrypt_compact`."""
        key = lingpai.Key.from_jwk(material.keys[algorithm])
        return lambda raw: decrypt_compact(raw, key)[1]
