"""Other libraries, each behind the same four verbs. Keys travel as JWKs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Never, Protocol

import pytest
from tests.support.tokens import decode, encode

TESTS = Path(__file__).parents[1]
HMAC_AND_RSA = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ECDSA = ("ES256", "ES384", "ES512")
AES = (*("A128KW", "A192KW", "A256KW"), *("A128GCMKW", "A192GCMKW", "A256GCMKW"))
ECDH = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
PBES2 = ("PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW")
COMMON = (*AES, *ECDH, *PBES2, "dir", "RSA-OAEP", "RSA-OAEP-256")

Jwk = Mapping[str, Any]


class Refused(Exception):
    """The peer did not accept; its own reason."""


class Peer(Protocol):
    """What is asked of each. Every verb raises Refused."""

    @property
    def signs(self) -> tuple[str, ...]: ...

    @property
    def encrypts(self) -> tuple[str, ...]: ...

    @property
    def curves(self) -> tuple[str, ...]: ...

    def sign(self, jwk: Jwk, alg: str, payload: bytes) -> str: ...

    def verify(self, jwk: Jwk, alg: str, token: str) -> bytes: ...

    def encrypt(self, jwk: Jwk, header: Mapping[str, Any], plaintext: bytes) -> str: ...

    def decrypt(self, jwk: Jwk, alg: str, token: str) -> bytes: ...


def give_up(missing: str, remedy: str = "`make test` installs it") -> Never:
    """A peer that is not here is a reason to skip for a person, and to fail in CI."""
    message = f"{missing} is missing; {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _load(name: str, package: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        give_up(package)


@dataclass(frozen=True)
class PyJwt:
    """PyJWT: signatures only. It knows Ed25519 and Ed448 by the deprecated name alone."""

    signs: tuple[str, ...] = (*HMAC_AND_RSA, *ECDSA, "ES256K", "EdDSA")
    encrypts: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()

    def sign(self, jwk: Jwk, alg: str, payload: bytes) -> str:
        jwt = _load("jwt", "PyJWT")
        key = jwt.PyJWK(dict(jwk), alg).key
        return str(jwt.PyJWS().encode(payload, key, alg, {"typ": "at+jwt"}))

    def verify(self, jwk: Jwk, alg: str, token: str) -> bytes:
        jwt = _load("jwt", "PyJWT")
        try:
            return bytes(jwt.PyJWS().decode(token, jwt.PyJWK(dict(jwk), alg).key, [alg]))
        except jwt.InvalidTokenError as reason:
            raise Refused(str(reason)) from reason

    def encrypt(self, jwk: Jwk, header: Mapping[str, Any], plaintext: bytes) -> str:
        raise NotImplementedError

    def decrypt(self, jwk: Jwk, alg: str, token: str) -> bytes:
        raise NotImplementedError


@dataclass(frozen=True)
class JoseRfc:
    """joserfc."""

    signs: tuple[str, ...] = (*HMAC_AND_RSA, *ECDSA, "ES256K", "EdDSA", "Ed25519", "Ed448")
    encrypts: tuple[str, ...] = COMMON
    curves: tuple[str, ...] = ("P-256", "P-384", "P-521", "X25519", "X448")

    def sign(self, jwk: Jwk, alg: str, payload: bytes) -> str:
        jws, key = _load("joserfc.jws", "joserfc"), self._key(jwk)
        header = {"alg": alg, "typ": "at+jwt"}
        return str(jws.serialize_compact(header, payload, key, algorithms=[alg]))

    def verify(self, jwk: Jwk, alg: str, token: str) -> bytes:
        jws, errors = _load("joserfc.jws", "joserfc"), _load("joserfc.errors", "joserfc")
        try:
            return bytes(jws.deserialize_compact(token, self._key(jwk), algorithms=[alg]).payload)
        except errors.JoseError as reason:
            raise Refused(str(reason)) from reason

    def encrypt(self, jwk: Jwk, header: Mapping[str, Any], plaintext: bytes) -> str:
        jwe, names = _load("joserfc.jwe", "joserfc"), [header["alg"], header["enc"]]
        return str(jwe.encrypt_compact(dict(header), plaintext, self._key(jwk), algorithms=names))

    def decrypt(self, jwk: Jwk, alg: str, token: str) -> bytes:
        jwe, errors = _load("joserfc.jwe", "joserfc"), _load("joserfc.errors", "joserfc")
        names = [alg, json.loads(decode(token.partition(".")[0]))["enc"]]
        try:
            opened = jwe.decrypt_compact(token, self._key(jwk), algorithms=names)
        except errors.JoseError as reason:
            raise Refused(str(reason)) from reason
        return bytes(opened.plaintext)

    def _key(self, jwk: Jwk) -> Any:
        return _load("joserfc.jwk", "joserfc").import_key(dict(jwk))


@dataclass(frozen=True)
class JwCrypto:
    """jwcrypto."""

    signs: tuple[str, ...] = (
        *(*HMAC_AND_RSA, *ECDSA, "ES256K", "EdDSA", "Ed25519", "Ed448"),
        *("ML-DSA-44", "ML-DSA-65", "ML-DSA-87"),
    )
    encrypts: tuple[str, ...] = COMMON
    curves: tuple[str, ...] = ("P-256", "P-384", "P-521", "X25519", "X448")

    def sign(self, jwk: Jwk, alg: str, payload: bytes) -> str:
        token = _load("jwcrypto.jws", "jwcrypto").JWS(payload)
        token.allowed_algs = [alg]
        token.add_signature(self._key(jwk), protected=json.dumps({"alg": alg, "typ": "at+jwt"}))
        return str(token.serialize(compact=True))

    def verify(self, jwk: Jwk, alg: str, token: str) -> bytes:
        jws, common = _load("jwcrypto.jws", "jwcrypto"), _load("jwcrypto.common", "jwcrypto")
        opened = jws.JWS()
        opened.allowed_algs = [alg]
        try:
            opened.deserialize(token, self._key(jwk))
        except common.JWException as reason:
            raise Refused(str(reason)) from reason
        return bytes(opened.payload)

    def encrypt(self, jwk: Jwk, header: Mapping[str, Any], plaintext: bytes) -> str:
        jwe = _load("jwcrypto.jwe", "jwcrypto")
        protected = json.dumps(dict(header))
        token = jwe.JWE(plaintext, protected, algs=[header["alg"], header["enc"]])
        token.add_recipient(self._key(jwk))
        return str(token.serialize(compact=True))

    def decrypt(self, jwk: Jwk, alg: str, token: str) -> bytes:
        jwe, common = _load("jwcrypto.jwe", "jwcrypto"), _load("jwcrypto.common", "jwcrypto")
        enc = json.loads(decode(token.partition(".")[0]))["enc"]
        opened = jwe.JWE(algs=[alg, enc])
        try:
            opened.deserialize(token, self._key(jwk))
        except common.JWException as reason:
            raise Refused(str(reason)) from reason
        return bytes(opened.payload)

    def _key(self, jwk: Jwk) -> Any:
        return _load("jwcrypto.jwk", "jwcrypto").JWK(**jwk)


PYTHON_PEERS: dict[str, Peer] = {"PyJWT": PyJwt(), "joserfc": JoseRfc(), "jwcrypto": JwCrypto()}


class JavaScriptJose:
    """jose on Node: all jobs of a test module in one process."""

    signs = (*HMAC_AND_RSA, *ECDSA, "EdDSA", "Ed25519")
    encrypts = (*COMMON, "RSA-OAEP-384", "RSA-OAEP-512")
    curves = ("P-256", "P-384", "P-521", "X25519")

    @staticmethod
    def find() -> str:
        """Where node is. Gives up without it, or without the library."""
        node = shutil.which("node")
        if node is None:
            give_up("node")
        if not (TESTS / "node_modules" / "jose").is_dir():
            give_up("the JavaScript library jose")
        return node

    @classmethod
    def run(cls, jobs: Sequence[Mapping[str, Any]]) -> list[bytes | str | Refused]:
        """The answers, in the order of the jobs."""
        node = cls.find()
        script = TESTS / "differential" / "peer.mjs"
        done = subprocess.run(
            [node, str(script)],
            input=json.dumps(jobs).encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        answers = json.loads(done.stdout)
        return [
            Refused(answer["refusal"])
            if "refusal" in answer
            else decode(answer["value"])
            if job["op"] in ("verify", "decrypt")
            else answer["value"]
            for job, answer in zip(jobs, answers, strict=True)
        ]


def bare(jwk: Jwk) -> dict[str, Any]:
    """The key alone: peers are told the algorithm, and some take a `dir` key's `alg` amiss."""
    kept = {"alg"} if jwk["kty"] == "AKP" else set()
    return {n: v for n, v in jwk.items() if n not in {"alg", "kid", "use", "key_ops"} - kept}


def as_text(data: bytes) -> str:
    """Bytes as a job carries them."""
    return encode(data)
