"""Attacks that other libraries fell for, each under the name of its advisory: keys."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support.tokens import (
    compact_json,
    encode,
    part,
    private_key,
    public_der,
    public_pem,
)

from lingpai import Key
from lingpai.errors import WeakKey
from lingpai.jose.keys import PublicKey

# --- CVE-2022-29217 PyJWT, CVE-2024-33663 python-jose, CVE-2023-48223 and CVE-2026-34950 fast-jwt:
# --- a public key, in some guise, becomes an HMAC secret that everyone knows


def ssh_line(alg: str) -> bytes:
    public: Any = private_key(alg).public.native
    return bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def pem_body(alg: str = "RS256") -> bytes:
    return b"\n".join(public_pem(alg).splitlines()[1:-1])


def point() -> bytes:
    public: Any = private_key("ES256").public.native
    return bytes(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


GUISES = {
    "PEM": lambda: public_pem("RS256"),
    "PEM of a curve": lambda: public_pem("ES256"),
    "PEM of Ed25519": lambda: public_pem("Ed25519"),
    "PEM without its last newline": lambda: public_pem("RS256").rstrip(),
    "PEM with CRLF": lambda: public_pem("RS256").replace(b"\n", b"\r\n"),
    "PEM behind a space": lambda: b" " + public_pem("RS256"),
    "PEM behind a newline": lambda: b"\n\t" + public_pem("RS256"),
    "PEM behind a NUL": lambda: b"\0" + public_pem("RS256"),
    "PEM behind a byte order mark": lambda: b"\xef\xbb\xbf" + public_pem("RS256"),
    "PEM in UTF-16": lambda: public_pem("RS256").decode().encode("utf-16"),
    "PEM behind a comment": lambda: b"# the key of the issuer\n" + public_pem("RS256"),
    "PKCS 1 PEM": lambda: rsa_pem(PublicFormat.PKCS1),
    "private PEM": lambda: private_key("RS256").to_pem(),
    "DER": lambda: public_der("RS256"),
    "DER behind a space": lambda: b" " + public_der("RS256"),
    "DER with a newline behind": lambda: public_der("ES256") + b"\n",
    "base64 of the DER": lambda: base64.b64encode(public_der("RS256")),
    "base64url of the DER": lambda: encode(public_der("RS256")).encode(),
    "base64 of the DER of a curve": lambda: base64.b64encode(public_der("ES256")),
    "the body of a PEM without its armour": pem_body,
    "the same on one line": lambda: pem_body().replace(b"\n", b""),
    "the same behind a space": lambda: b" " + pem_body("ES256"),
    "base64 of the whole PEM": lambda: base64.b64encode(public_pem("RS256")),
    "OpenSSH, RSA": lambda: ssh_line("RS256"),
    "OpenSSH, a curve": lambda: ssh_line("ES256"),
    "OpenSSH, Ed25519": lambda: ssh_line("Ed25519"),
    "JWK": lambda: json.dumps(private_key("ES256").public.to_jwk()).encode(),
    "JWK without spaces": lambda: compact_json(private_key("ES256").public.to_jwk()),
    "JWKS": lambda: compact_json({"keys": [private_key("RS256").public.to_jwk()]}),
    "base64 of a JWK": lambda: base64.b64encode(part(private_key("RS256").public.to_jwk())),
    "an uncompressed point": point,
}


def rsa_pem(form: PublicFormat) -> bytes:
    public: Any = private_key("RS256").public.native
    return bytes(public.public_bytes(Encoding.PEM, form))


@pytest.mark.parametrize("guise", GUISES)
def test_cve_2022_29217_the_text_of_a_key_is_no_hmac_secret(guise: str) -> None:
    text = GUISES[guise]()
    with pytest.raises(WeakKey, match="text of a key"):
        Key.from_secret(text, alg="HS256")


@pytest.mark.parametrize("guise", GUISES)
def test_cve_2024_33663_nor_within_a_jwk(guise: str) -> None:
    with pytest.raises(WeakKey, match="text of a key"):
        Key.from_jwk({"kty": "oct", "k": encode(GUISES[guise]()), "alg": "HS256"})


def test_cve_2023_48223_a_random_secret_is_still_one() -> None:
    for size in (32, 48, 64, 65, 97, 133, 256):
        Key.from_secret(b"\x30" + bytes(range(1, 256))[: size - 1], alg="HS256")


# --- weak keys: RFC 7518 section 3.2, RFC 8725 section 3.5, CVE-2017-15361 (ROCA)


@pytest.mark.parametrize(("alg", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_rfc_8725_a_secret_is_as_long_as_its_hash(alg: str, size: int) -> None:
    Key.from_secret(bytes(range(size)), alg=alg)
    with pytest.raises(WeakKey):
        Key.from_secret(bytes(range(size - 1)), alg=alg)


def test_rfc_8725_a_secret_of_one_byte_repeated_is_none() -> None:
    with pytest.raises(WeakKey):
        Key.from_secret(b"\x55" * 32, alg="HS256")


def test_rfc_8725_an_rsa_key_has_2048_bits() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - to be refused
    pem = small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(WeakKey, match="1024 bits"):
        Key.from_pem(pem, alg="RS256")
    modulus = encode(small.public_numbers().n.to_bytes(128, "big"))
    with pytest.raises(WeakKey, match="1024 bits"):
        Key.from_jwk({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256"})


def test_cve_2017_15361_a_key_with_the_roca_fingerprint_is_refused() -> None:
    product = 1
    for prime in [p for p in range(3, 168) if all(p % d for d in range(2, p))]:
        product *= prime
    power = pow(65537, 12_345, product)  # the vulnerable library drew its primes like this
    multiple = (1 << 2047) // product + 1
    modulus = multiple * product + power
    modulus += product * (1 - modulus % 2)
    assert modulus.bit_length() == 2048
    members = {"kty": "RSA", "n": encode(modulus.to_bytes(256, "big")), "e": "AQAB", "alg": "RS256"}
    with pytest.raises(WeakKey, match="ROCA"):
        Key.from_jwk(members)
    other = encode((modulus + 2).to_bytes(256, "big"))
    assert isinstance(Key.from_jwk(members | {"n": other}), PublicKey)
