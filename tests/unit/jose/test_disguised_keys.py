"""A public key is no HMAC secret, in whatever guise it comes (CVE-2022-29217, CVE-2024-33663).

Whoever knows the public key could sign. Every guise below has passed somewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.support.jose_keys import key_for

from lingpai.errors import WeakKey
from lingpai.jose import base64url
from lingpai.jose.keys import Key, PrivateKey

TYPES = ("RS256", "ES256", "ES384", "ES512", "Ed25519", "Ed448", "ML-DSA-44")


def _private(alg: str) -> PrivateKey:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    return key


def _pem(key: PrivateKey) -> bytes:
    return key.public.to_pem()


def _der(key: PrivateKey) -> bytes:
    return bytes(key.public.native.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _body(key: PrivateKey) -> bytes:
    return b"".join(_pem(key).splitlines()[1:-1])


GUISES: dict[str, Callable[[PrivateKey], bytes]] = {
    "PEM": _pem,
    "PEM without its last line break": lambda key: _pem(key).rstrip(),
    "PEM with CRLF": lambda key: _pem(key).replace(b"\n", b"\r\n"),
    "PEM behind a space": lambda key: b" " + _pem(key),
    "PEM behind a tab and a line break": lambda key: b"\t\n" + _pem(key),
    "PEM behind NUL": lambda key: b"\0" + _pem(key),
    "PEM behind a byte order mark": lambda key: b"\xef\xbb\xbf" + _pem(key),
    "PEM behind text": lambda key: b"the key:\n" + _pem(key),
    "PEM in UTF-16": lambda key: _pem(key).decode("ascii").encode("utf-16"),
    "PEM in UTF-16, big-endian": lambda key: _pem(key).decode("ascii").encode("utf-16-be"),
    "PEM in UTF-32": lambda key: _pem(key).decode("ascii").encode("utf-32"),
    "PEM in base64": lambda key: base64.b64encode(_pem(key)),
    "PEM in base64url": lambda key: base64url.encode_bytes(_pem(key)),
    "PEM in base64, in lines": lambda key: base64.encodebytes(_pem(key)),
    "PEM in base64 in UTF-16": lambda key: base64.b64encode(_pem(key)).decode().encode("utf-16"),
    "the body of a PEM": _body,
    "the body of a PEM, in lines": lambda key: b"\n".join(_pem(key).splitlines()[1:-1]),
    "the body of a PEM behind a space": lambda key: b" " + _body(key) + b"\n",
    "the body of a PEM, unpadded": lambda key: _body(key).rstrip(b"="),
    "DER": _der,
    "DER behind white space": lambda key: b"\n" + _der(key),
    "DER in base64url": lambda key: base64url.encode_bytes(_der(key)),
    "DER in base64 twice": lambda key: base64.b64encode(base64.b64encode(_der(key))),
    "JWK": lambda key: json.dumps(key.to_jwk()).encode(),
    "JWK in UTF-16": lambda key: json.dumps(key.to_jwk()).encode("utf-16"),
    "JWK, indented": lambda key: json.dumps(key.to_jwk(), indent=2).encode(),
    "JWKS": lambda key: json.dumps({"keys": [key.to_jwk()]}).encode(),
    "JWK in base64": lambda key: base64.b64encode(json.dumps(key.to_jwk()).encode()),
    "a private PEM": lambda key: key.to_pem(),
    "a private DER": lambda key: key.native.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    ),
}


@pytest.mark.parametrize("guise", GUISES)
@pytest.mark.parametrize("alg", TYPES)
def test_a_key_in_any_guise_is_no_secret(alg: str, guise: str) -> None:
    secret = bytes(GUISES[guise](_private(alg)))
    with pytest.raises(WeakKey, match="text of a key"):
        Key.from_secret(secret, alg="HS256")
    with pytest.raises(WeakKey, match="text of a key"):
        Key.from_jwk({"kty": "oct", "alg": "HS256", "k": base64url.encode(secret)})


@pytest.mark.parametrize("alg", ["RS256", "ES256", "ES384", "ES512", "Ed25519"])
def test_an_openssh_key_is_no_secret(alg: str) -> None:
    line = _private(alg).public.native.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    for secret in (line, b" " + line, line + b" user@host\n", line.split()[1]):
        with pytest.raises(WeakKey, match="text of a key"):
            Key.from_secret(secret, alg="HS256")


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512"])
def test_a_bare_point_is_no_secret(alg: str) -> None:
    encode = _private(alg).public.native.public_bytes
    point = encode(Encoding.X962, PublicFormat.UncompressedPoint)
    for secret in (point, base64.b64encode(point), base64url.encode_bytes(point)):
        with pytest.raises(WeakKey, match="text of a key"):
            Key.from_secret(secret, alg="HS256")


def test_a_pkcs_1_key_is_no_secret() -> None:
    encode = _private("RS256").public.native.public_bytes
    for encoding in (Encoding.PEM, Encoding.DER):
        secret = encode(encoding, PublicFormat.PKCS1)
        for guise in (secret, base64.b64encode(secret)):
            with pytest.raises(WeakKey, match="text of a key"):
                Key.from_secret(guise, alg="HS256")


@pytest.mark.parametrize("alg", ["A256KW", "dir", "PBES2-HS256+A128KW", "HS512"])
def test_the_rule_holds_for_every_use_of_a_secret(alg: str) -> None:
    with pytest.raises(WeakKey, match="text of a key"):
        Key.from_secret(b"-----BEGIN PUBLIC KEY-----\nMCowB", alg=alg)


@pytest.mark.parametrize(
    "secret",
    [
        bytes(range(32)),
        b"\x30" + bytes(range(63)),
        b"\x04" + bytes(range(64)),
        b"correct horse battery staple, twice over",
        base64.b64encode(bytes(range(48))),
        b'{"a":"0123456789012345678901234567890"}',
    ],
)
def test_an_honest_secret_is_taken(secret: bytes) -> None:
    assert Key.from_secret(secret, alg="HS256")
