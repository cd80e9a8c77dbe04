"""Attacks that other libraries fell for, each under the name of its advisory.

`tests/mutation` takes out, one by one, the checks that stop them, and watches these tests fail.
"""

from __future__ import annotations

import ast
import base64
import hmac
import json
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    POLICY,
    accept,
    claims,
    decode,
    encode,
    header,
    part,
    private_key,
    seal,
    secret_key,
    token,
)

import lingpai
from lingpai import Key, KeySet, Policy, errors
from lingpai.errors import InvalidKey, TokenError, WeakKey
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jws_detached import verify_detached
from lingpai.jose.jws_json import verify_json
from lingpai.jose.keys import PrivateKey, PublicKey, SecretKey
from lingpai.jwt.verify import verify
from lingpai.testing import Behaviour, FakeIssuer

# --- CVE-2022-29217 PyJWT, CVE-2024-33663 python-jose, CVE-2023-48223 and CVE-2026-34950 fast-jwt:
# --- a public key, in some guise, becomes an HMAC secret that everyone knows


def public_pem(alg: str = "RS256") -> bytes:
    return private_key(alg).public.to_pem()


def public_der(alg: str = "RS256") -> bytes:
    public: Any = private_key(alg).public.native
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def ssh_line(alg: str) -> bytes:
    public: Any = private_key(alg).public.native
    return bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))


def pem_body(alg: str = "RS256") -> bytes:
    return b"\n".join(public_pem(alg).splitlines()[1:-1])


def point() -> bytes:
    public: Any = private_key("ES256").public.native
    return bytes(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


GUISES = {
    "PEM": public_pem,
    "PEM of a curve": lambda: public_pem("ES256"),
    "PEM of Ed25519": lambda: public_pem("Ed25519"),
    "PEM without its last newline": lambda: public_pem().rstrip(),
    "PEM with CRLF": lambda: public_pem().replace(b"\n", b"\r\n"),
    "PEM behind a space": lambda: b" " + public_pem(),
    "PEM behind a newline": lambda: b"\n\t" + public_pem(),
    "PEM behind a NUL": lambda: b"\0" + public_pem(),
    "PEM behind a byte order mark": lambda: b"\xef\xbb\xbf" + public_pem(),
    "PEM in UTF-16": lambda: public_pem().decode().encode("utf-16"),
    "PEM behind a comment": lambda: b"# the key of the issuer\n" + public_pem(),
    "PKCS 1 PEM": lambda: rsa_pem(PublicFormat.PKCS1),
    "private PEM": lambda: private_key("RS256").to_pem(),
    "DER": public_der,
    "DER behind a space": lambda: b" " + public_der(),
    "DER with a newline behind": lambda: public_der("ES256") + b"\n",
    "base64 of the DER": lambda: base64.b64encode(public_der()),
    "base64url of the DER": lambda: encode(public_der()).encode(),
    "base64 of the DER of a curve": lambda: base64.b64encode(public_der("ES256")),
    "the body of a PEM without its armour": pem_body,
    "the same on one line": lambda: pem_body().replace(b"\n", b""),
    "the same behind a space": lambda: b" " + pem_body("ES256"),
    "base64 of the whole PEM": lambda: base64.b64encode(public_pem()),
    "OpenSSH, RSA": lambda: ssh_line("RS256"),
    "OpenSSH, a curve": lambda: ssh_line("ES256"),
    "OpenSSH, Ed25519": lambda: ssh_line("Ed25519"),
    "JWK": lambda: json.dumps(private_key("ES256").public.to_jwk()).encode(),
    "JWK without spaces": lambda: part_compact(private_key("ES256").public.to_jwk()),
    "JWKS": lambda: part_compact({"keys": [private_key("RS256").public.to_jwk()]}),
    "base64 of a JWK": lambda: base64.b64encode(part(private_key("RS256").public.to_jwk())),
    "an uncompressed point": point,
}


def rsa_pem(form: PublicFormat) -> bytes:
    public: Any = private_key("RS256").public.native
    return bytes(public.public_bytes(Encoding.PEM, form))


def part_compact(members: dict[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


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


# --- CVE-2026-22817 Hono, CVE-2022-23541 jsonwebtoken: the header drives the algorithm


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519"])
def test_cve_2026_22817_a_published_key_without_alg_checks_no_hmac(alg: str) -> None:
    members = private_key(alg).public.to_jwk()
    del members["alg"]
    keys = KeySet.from_jwks({"keys": [members]}, default_algorithm="RS256")
    for secret in (public_pem(alg), public_der(alg), part_compact(members)):
        raw = forge_hs256(secret, kid=members["kid"])
        with pytest.raises(errors.AlgorithmMismatch):
            verify(raw, keys, POLICY, now=NOW)


def forge_hs256(secret: bytes, **members: Any) -> str:
    return seal(header(**members), claims(), lambda message: hmac.digest(secret, message, "sha256"))


def test_cve_2022_23541_a_key_answers_for_its_own_algorithm_alone() -> None:
    for alg in ("RS256", "PS256", "ES256", "Ed25519"):
        for claimed in ("HS256", "RS256", "PS256", "RS512", "ES256", "ES384", "Ed25519"):
            if claimed != alg:
                raw = seal(header(alg=claimed), claims(), private_key(alg).sign_message)
                with pytest.raises(errors.AlgorithmMismatch):
                    verify(raw, private_key(alg).public, POLICY, now=NOW)


# --- CVE-2026-48523 PyJWT: the allow-list is checked, the key's algorithm is used


def test_cve_2026_48523_the_header_and_the_key_must_agree() -> None:
    key = private_key("RS256")
    raw = seal(
        header(alg="PS256", kid=key.kid), claims(), key.sign_message
    )  # a good RS256 signature
    with pytest.raises(errors.AlgorithmMismatch, match=r"PS256.*RS256"):
        verify(raw, KeySet([key.public]), POLICY, now=NOW)


# --- CVE-2026-27962 Authlib: the key comes with the token


def attackers_members() -> dict[str, Any]:
    attacker = private_key("ES384")
    return {
        "jwk": attacker.public.to_jwk(),
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "x5c": [base64.b64encode(public_der("ES384")).decode()],
    }


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_cve_2026_27962_a_key_in_the_header_is_not_used(name: str) -> None:
    own, attacker = private_key("ES256"), Key.generate("ES256")
    assert isinstance(attacker, PrivateKey)
    members = {name: attackers_members()[name]}
    if name == "jwk":
        members[name] = attacker.public.to_jwk()
    raw = seal(header(alg="ES256", **members), claims(), attacker.sign_message)
    with pytest.raises(errors.SignatureInvalid):
        verify(raw, own.public, POLICY, now=NOW)
    raw = seal(header(alg="ES256", kid="x", **members), claims(), attacker.sign_message)
    with pytest.raises(errors.UnknownKey):
        verify(raw, KeySet([own.public]), POLICY, now=NOW)


def test_cve_2026_27962_a_key_set_in_the_header_is_not_fetched() -> None:
    attacker = private_key("ES384")
    members = attackers_members() | {"alg": "ES384", "kid": "evil"}
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        raw = seal(header(**members), issuer.claims(), attacker.sign_message)
        with pytest.raises(errors.UnknownKey):
            verifier.verify(raw)
        assert not [url for url in issuer.requests if "evil" in url]


# --- CVE-2022-23540, GHSA-8wpc-h4q6-8fxv: none, and the empty key


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "noNE", " none", "none "])
@pytest.mark.parametrize("signature", ["", "AA", "e30"])
def test_cve_2022_23540_none_does_not_exist(alg: str, signature: str) -> None:
    raw = f"{encode(part(header(alg=alg)))}.{encode(part(claims()))}.{signature}"
    for keys in (secret_key(), private_key("RS256").public, KeySet([]), KeySet([secret_key()])):
        with pytest.raises(errors.UnknownAlgorithm):
            verify(raw, keys, POLICY, now=NOW)


def test_cve_2022_23540_no_key_is_made_for_none() -> None:
    for alg in ("none", "None", ""):
        with pytest.raises(InvalidKey):
            Key.generate(alg)
        with pytest.raises(InvalidKey):
            Key.from_jwk({"kty": "oct", "k": encode(bytes(range(32))), "alg": alg})


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_ghsa_8wpc_h4q6_8fxv_an_empty_secret_is_no_key(alg: str) -> None:
    with pytest.raises(WeakKey):
        Key.from_secret(b"", alg=alg)
    with pytest.raises(WeakKey):
        Key.from_jwk({"kty": "oct", "k": "", "alg": alg})


def test_ghsa_8wpc_h4q6_8fxv_an_empty_signature_is_none() -> None:
    for key in (secret_key(), private_key("RS256"), private_key("ES256"), private_key("Ed25519")):
        raw = seal(header(alg=key.alg), claims(), lambda _: b"")
        with pytest.raises(errors.SignatureInvalid):
            verify(raw, key.public, POLICY, now=NOW)


# --- CVE-2026-29000 pac4j: a plain JWT inside a JWE; CVE-2023-51774: signed and encrypted confused


def recipient() -> PrivateKey:
    return private_key("ECDH-ES+A128KW")


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
def test_cve_2026_29000_an_unsigned_token_inside_is_refused(alg: str) -> None:
    unsigned = f"{encode(part(header(alg=alg)))}.{encode(part(claims()))}."
    raw = encrypt_compact(unsigned.encode(), recipient().public, header={"cty": "JWT"})
    with pytest.raises(errors.UnknownAlgorithm):
        verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=recipient())


def test_cve_2026_29000_plain_claims_inside_are_refused() -> None:
    raw = encrypt_compact(part(claims()), recipient().public, header={"cty": "JWT"})
    with pytest.raises(TokenError):
        verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=recipient())


def test_cve_2023_51774_what_is_only_encrypted_is_not_authentic() -> None:
    raw = encrypt_compact(part(claims()), recipient().public, header={"typ": "at+jwt"})
    for keys in (secret_key(), recipient(), KeySet([recipient()])):
        with pytest.raises(errors.UnexpectedKind):
            verify(raw, keys, POLICY, now=NOW)


def test_cve_2023_51774_a_key_for_one_does_not_do_the_other() -> None:
    with pytest.raises((TokenError, InvalidKey)):
        verify(token(), recipient(), POLICY, now=NOW)
    with pytest.raises((TokenError, InvalidKey)):
        decrypt_compact(encrypt_compact(b"x", recipient().public), private_key("ES256"))


# --- CVE-2025-59420 Authlib, CVE-2026-32597 PyJWT: crit


@pytest.mark.parametrize(
    "members",
    [
        {"crit": ["bork"], "bork": True},
        {"crit": ["x5t#S256", "bork"], "bork": True},
        {"crit": []},
        {"crit": "bork", "bork": True},
        {"crit": ["alg"]},
        {"crit": ["bork"]},
        {"crit": ["cnf"], "cnf": {"jkt": "x"}},
        {"crit": None},
        {"crit": {}},
        {"crit": 0},
    ],
    ids=str,
)
def test_cve_2025_59420_a_critical_extension_is_not_passed_over(members: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedCritical):
        accept(token(members))


def test_cve_2026_32597_nor_in_the_other_serialisations() -> None:
    raw = token({"crit": ["bork"], "bork": True})
    head, body, mac = raw.split(".")
    with pytest.raises(errors.UnsupportedCritical):
        verify_json({"protected": head, "payload": body, "signature": mac}, secret_key())
    with pytest.raises(errors.UnsupportedCritical):
        verify_detached(f"{head}..{mac}", decode(body), secret_key())


def test_cve_2026_32597_nor_in_encrypted_tokens() -> None:
    key = Key.from_secret(bytes(range(32)), alg="A256KW")
    head, *rest = encrypt_compact(b"x", key).split(".")
    members = json.loads(decode(head)) | {"crit": ["bork"], "bork": True}
    with pytest.raises(errors.UnsupportedCritical):
        decrypt_compact(".".join([encode(part(members)), *rest]), key)


# --- CVE-2026-48525 PyJWT: b64 false as an amplifier


def test_cve_2026_48525_an_unencoded_payload_is_never_a_jwt() -> None:
    for members in ({"b64": False, "crit": ["b64"]}, {"b64": False}, {"b64": True}):
        with pytest.raises(errors.UnsupportedCritical):
            accept(token(members))


def test_cve_2026_48525_a_huge_segment_costs_nothing() -> None:
    head = encode(part(header(b64=False, crit=["b64"])))
    raw = f"{head}.{'A' * 50_000_000}."
    tracemalloc.start()
    try:
        with pytest.raises(errors.TokenTooLarge):
            accept(raw)
        with pytest.raises(errors.TokenTooLarge):
            verify_detached(raw, b"x", secret_key())
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_cve_2026_48525_a_detached_token_brings_no_payload() -> None:
    head = encode(part(header(b64=False, crit=["b64"])))
    with pytest.raises(errors.MalformedToken):
        verify_detached(f"{head}.{'A' * 1000}.AA", b"x", secret_key())


# --- CVE-2026-25537 jsonwebtoken (Rust): a claim of the wrong type is taken for absent


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize("value", ["1800000000", "", None, True, False, [], {}, [1]], ids=str)
def test_cve_2026_25537_a_time_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(errors.InvalidClaim):
        accept(token(**{name: value}))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_cve_2026_25537_a_number_that_is_none_is_refused(name: str, text: str) -> None:
    payload = json.dumps(claims(**{name: 77777})).replace("77777", text)
    with pytest.raises(errors.InvalidPayload):
        accept(seal(header(), payload.encode()))


@pytest.mark.parametrize("iss", [[ISSUER], {"iss": ISSUER}, True, 1], ids=str)
def test_cve_2026_25537_an_issuer_of_another_type_is_refused(iss: object) -> None:
    with pytest.raises(errors.IssuerMismatch):
        accept(token(iss=iss))


# --- CVE-2024-53861 PyJWT: the issuer compared as a part of a text


@pytest.mark.parametrize("iss", ["https://id", "id.example", "h", "", ISSUER[:-1], [*ISSUER]])
def test_cve_2024_53861_a_part_of_the_issuer_is_not_the_issuer(iss: object) -> None:
    with pytest.raises(errors.IssuerMismatch):
        accept(token(iss=iss))


@pytest.mark.parametrize("aud", ["https://api", "api.example", "", [*AUDIENCE]])
def test_cve_2024_53861_nor_is_a_part_of_the_audience(aud: object) -> None:
    with pytest.raises(errors.AudienceMismatch):
        accept(token(aud=aud))


# --- CVE-2022-21449: psychic signatures

ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "ES512": int(
        "1FF" + "F" * 63 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16
    ),
}

HASHES: dict[str, Any] = {"ES256": hashes.SHA256, "ES384": hashes.SHA384, "ES512": hashes.SHA512}


def bad_signatures(alg: str) -> list[bytes]:
    """R‖S in shapes that some verifier once took for good."""
    order = ORDERS[alg]
    signed = private_key(alg).sign_message(b"other")
    half = len(signed) // 2

    def pair(r: int, s: int) -> bytes:
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")

    r, s = int.from_bytes(signed[:half], "big"), int.from_bytes(signed[half:], "big")
    return [
        pair(0, 0),
        pair(0, 1),
        pair(1, 0),
        pair(r, 0),
        pair(0, s),
        pair(order, order),
        pair(order, s),
        pair(r, order),
        pair(1, 1),
        pair(order - 1, order - 1),
        b"\xff" * (2 * half),
        b"",
        b"\0",
        b"\x30\x06\x02\x01\x00\x02\x01\x00",
        b"\0" * (2 * half + 2),
        b"\0" * 10_000,
    ]


@pytest.mark.parametrize("alg", ORDERS)
def test_cve_2022_21449_a_signature_of_nothing_signs_nothing(alg: str) -> None:
    start = f"{encode(part(header(alg=alg)))}.{encode(part(claims()))}"
    for signature in bad_signatures(alg):
        raw = f"{start}.{encode(signature)}"
        with pytest.raises(errors.SignatureInvalid):
            verify(raw, private_key(alg).public, POLICY, now=NOW)


@pytest.mark.parametrize("alg", ORDERS)
def test_cve_2022_21449_a_good_signature_has_one_length(alg: str) -> None:
    key = private_key(alg)
    order, half = ORDERS[alg], len(key.sign_message(b"")) // 2

    def longer(message: bytes) -> bytes:
        good = key.sign_message(message)
        return b"\0" + good[:half] + b"\0" + good[half:]

    def in_der(message: bytes) -> bytes:
        native: Any = key.native
        return bytes(native.sign(message, ec.ECDSA(HASHES[alg]())))

    def past_the_order(message: bytes) -> bytes:
        good = key.sign_message(message)
        s = int.from_bytes(good[half:], "big") + order
        return good[:half] + s.to_bytes(half + 1, "big").lstrip(b"\0").rjust(half, b"\0")

    for sign in (longer, in_der, past_the_order):
        raw = seal(header(alg=alg), claims(), sign)
        with pytest.raises(errors.SignatureInvalid):
            verify(raw, key.public, POLICY, now=NOW)


# --- CVE-2022-36083, CVE-2023-52428, CVE-2026-27932: PBES2 as a way to burn the reader's time


def pbes2(count: Any) -> str:
    members = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": encode(bytes(16))}
    parts = [part(members | {"p2c": count}), bytes(24), bytes(12), b"x", bytes(16)]
    return ".".join(encode(each) for each in parts)


@pytest.mark.parametrize("count", [2**31 - 1, 1_200_001, 2**64, 10**300, "1000", -1, 0, 1, None])
def test_cve_2022_36083_an_absurd_count_is_refused_at_once(count: Any) -> None:
    key = Key.from_secret(b"a long enough passphrase", alg="PBES2-HS256+A128KW")
    raw = pbes2(count)
    quickest = 1.0
    for _ in range(5):
        started = time.perf_counter()
        with pytest.raises(errors.InvalidHeader, match="p2c"):
            decrypt_compact(raw, key)
        quickest = min(quickest, time.perf_counter() - started)
    assert quickest < 0.005


def test_cve_2023_52428_many_passwords_do_not_multiply_the_work() -> None:
    passwords = [f"a long enough passphrase {n}".encode() for n in range(8)]
    keys = KeySet(Key.from_secret(each, alg="PBES2-HS256+A128KW") for each in passwords)
    with pytest.raises(errors.InvalidHeader, match="p2c"):
        decrypt_compact(pbes2(1_000_000), keys)


# --- CVE-2024-28176, CVE-2024-28180, CVE-2026-39373: the compression bomb


def bomb(size: int) -> tuple[str, SecretKey]:
    """A `dir` + A256GCM token of `size` zeros, compressed: made without the library."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = deflate.compress(bytes(size)) + deflate.flush()
    secret, iv = bytes(range(32)), bytes(12)
    head = encode(part({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}))
    sealed = AESGCM(secret).encrypt(iv, small, head.encode())
    raw = f"{head}..{encode(iv)}.{encode(sealed[:-16])}.{encode(sealed[-16:])}"
    return raw, Key.from_secret(secret, alg="A256GCM")


def test_cve_2024_28180_compressed_content_is_refused_by_default() -> None:
    raw, key = bomb(1000)
    with pytest.raises(errors.InvalidHeader, match="compressed"):
        decrypt_compact(raw, key)


def test_cve_2024_28176_a_bomb_does_not_burst() -> None:
    raw, key = bomb(50_000_000)
    assert 60_000 < len(raw) < 65_536
    tracemalloc.start()
    try:
        with pytest.raises(errors.TokenTooLarge):
            decrypt_compact(raw, key, allow_compressed=True)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_cve_2026_39373_within_the_bound_it_opens_where_asked_for() -> None:
    raw, key = bomb(250_000)
    assert decrypt_compact(raw, key, allow_compressed=True)[1] == bytes(250_000)
    raw, key = bomb(250_001)
    with pytest.raises(errors.TokenTooLarge):
        decrypt_compact(raw, key, allow_compressed=True)


# --- CVE-2026-28490 Authlib: the RSA1_5 oracle


def test_cve_2026_28490_rsa1_5_does_not_exist() -> None:
    key = private_key("RSA-OAEP-256")
    members = {"alg": "RSA1_5", "enc": "A128GCM"}
    parts = [part(members), bytes(256), bytes(12), b"x", bytes(16)]
    with pytest.raises(errors.UnknownAlgorithm):
        decrypt_compact(".".join(encode(each) for each in parts), key)
    with pytest.raises(InvalidKey):
        Key.from_jwk({**key.to_jwk(private=True), "alg": "RSA1_5"})


# --- CVE-2025-61920, CVE-2025-27144, CVE-2025-30204: oversize, dots


@pytest.mark.parametrize(
    "raw", ["A" * 10_000_000, "." * 1_000_000, f"{'A' * 10_000_000}.A.A", "A." * 5_000_000]
)
def test_cve_2025_61920_an_oversized_token_costs_nothing(raw: str) -> None:
    tracemalloc.start()
    try:
        for open_ in (accept, lambda text: decrypt_compact(text, recipient())):
            with pytest.raises(errors.TokenTooLarge):
                open_(raw)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_cve_2025_27144_many_dots_are_not_split() -> None:
    raw = "." * 65_536
    tracemalloc.start()
    try:
        for open_ in (accept, lambda text: decrypt_compact(text, recipient())):
            with pytest.raises(errors.MalformedToken):
                open_(raw)
        assert tracemalloc.get_traced_memory()[1] < 500_000  # a list of parts takes ten times that
    finally:
        tracemalloc.stop()


# --- CVE-2026-48524 PyJWT: a flood of kids, a cache that is wiped


def test_cve_2026_48524_a_thousand_unknown_kids_cause_one_fetch() -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        verifier.verify(issuer.token())
        before = issuer.requests.count(issuer.jwks_uri)
        for number in range(1000):
            raw = seal(header(alg="ES256", kid=f"k{number}"), issuer.claims(), lambda _: bytes(64))
            with pytest.raises(errors.UnknownKey):
                verifier.verify(raw)
        assert issuer.requests.count(issuer.jwks_uri) - before <= 1


@pytest.mark.parametrize("behaviour", [Behaviour.UNREACHABLE, Behaviour.ERROR, Behaviour.GARBAGE])
def test_cve_2026_48524_a_failed_fetch_keeps_the_keys(behaviour: Behaviour) -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        verifier.verify(issuer.token())
        issuer.behaviour = behaviour
        raw = seal(header(alg="ES256", kid="unknown"), issuer.claims(), lambda _: bytes(64))
        with pytest.raises(errors.UnknownKey):
            verifier.verify(raw)
        verifier.verify(issuer.token())


# --- CVE-2026-49998 Centrifugo: keys that are not bound to their issuer


def test_cve_2026_49998_one_kid_at_two_issuers_means_two_keys() -> None:
    with (
        FakeIssuer("https://one.test", clock=lambda: NOW) as one,
        FakeIssuer("https://two.test", clock=lambda: NOW) as two,
    ):
        for issuer in (one, two):
            key = Key.generate("ES256", kid="shared")
            assert isinstance(key, PrivateKey)
            issuer.key = key
        verifier_of_one, verifier_of_two = one.verifier(), two.verifier()
        verifier_of_one.verify(one.token())
        verifier_of_two.verify(two.token())
        with pytest.raises(errors.SignatureInvalid):
            verifier_of_one.verify(two.token(iss=one.issuer))  # two speaks as one
        with pytest.raises(errors.IssuerMismatch):
            verifier_of_one.verify(one.token(iss=two.issuer))
        with pytest.raises(errors.SignatureInvalid):
            verifier_of_two.verify(one.token())


# --- CVE-2026-35030 LiteLLM: a cache keyed by the beginning of the token


def test_cve_2026_35030_a_remembered_token_is_known_by_all_of_it() -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        good = issuer.token(sub="user-1")
        verifier.verify(good)
        head, body, signature = good.split(".")
        other_body = issuer.token(sub="admin").split(".")[1]
        other_signature = issuer.token(sub="admin").split(".")[2]
        for forged in (f"{head}.{other_body}.{signature}", f"{head}.{body}.{other_signature}"):
            assert forged[:20] == good[:20]
            with pytest.raises(errors.SignatureInvalid):
                verifier.verify(forged)
        assert verifier.verify(good).subject == "user-1"
        assert verifier.stats().cache_hits == 1


# --- CVE-2026-35041 fast-jwt: regular expressions on claims


def test_cve_2026_35041_no_regular_expression_ever_sees_a_token() -> None:
    package = Path(lingpai.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {"re", "regex"} & {alias.name for alias in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("re", "regex"), path


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


# --- RFC 8725 section 3.1, 3.8, 3.11: what no advisory names and every one comes down to


def test_rfc_8725_a_set_of_secret_and_public_keys_verifies_nothing() -> None:
    mixed = KeySet([secret_key(), private_key("ES256").public])
    with pytest.raises(errors.MixedKeySet):
        verify(token(), mixed, POLICY, now=NOW)


def test_rfc_8725_a_token_for_another_purpose_is_refused() -> None:
    with pytest.raises(errors.TypMismatch):
        accept(token({"typ": "logout+jwt"}))
    with pytest.raises(errors.AudienceMismatch):
        accept(token(), Policy(issuer=ISSUER, audience="https://other.example", typ="at+jwt"))
