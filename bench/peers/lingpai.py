"""Lingpai, through its public names."""

from __future__ import annotations

from typing import Any

import lingpai
from bench.material import AUDIENCE, ENCRYPTIONS, ISSUER, TYP, Material
from bench.peers.contract import Decrypt, Encrypt, Sign, Verify

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
        """`Verifier.verify`, which remembers tokens; its keys are given, so it fetches none."""
        key = lingpai.Key.from_jwk(material.public(algorithm))
        return lingpai.Verifier(policy=POLICY, keys=key).verify

    def encrypter(self, algorithm: str, material: Material) -> Encrypt:
        """`lingpai.encrypt`."""
        key = lingpai.Key.from_jwk(material.public(algorithm))
        encrypt, enc = lingpai.encrypt, ENCRYPTIONS[algorithm]
        return lambda payload: encrypt(payload, key, enc=enc)

    def decrypter(self, algorithm: str, material: Material) -> Decrypt:
        """`lingpai.decrypt`."""
        key = lingpai.Key.from_jwk(material.keys[algorithm])
        decrypt = lingpai.decrypt
        return lambda raw: decrypt(raw, key).plaintext
