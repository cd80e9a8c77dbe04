"""Attacks that other libraries fell for, each under the name of its advisory: tokens.

`tests/mutation` takes out, one by one, the checks that stop them, and watches these tests fail.
"""

from __future__ import annotations

import ast
import base64
import hmac
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    POLICY,
    accept,
    claims,
    compact_json,
    decode,
    encode,
    header,
    part,
    private_key,
    public_der,
    public_pem,
    seal,
    secret_key,
    token,
)

import lingpai
from lingpai import Key, KeySet, Policy, errors
from lingpai.errors import InvalidKey, WeakKey
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jws_detached import verify_detached
from lingpai.jose.jws_json import verify_json
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.verify import verify
from lingpai.testing import FakeIssuer

# --- CVE-2026-22817 Hono, CVE-2022-23541 jsonwebtoken: the header drives the algorithm


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519"])
def test_cve_2026_22817_a_published_key_without_alg_checks_no_hmac(alg: str) -> None:
    members = private_key(alg).public.to_jwk()
    del members["alg"]
    keys = KeySet.from_jwks({"keys": [members]}, default_algorithm="RS256")
    for secret in (public_pem(alg), public_der(alg), compact_json(members)):
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


# --- CVE-2025-61920, CVE-2025-27144, CVE-2025-30204: oversize, dots


@pytest.mark.parametrize(
    "raw", ["A" * 10_000_000, "." * 1_000_000, f"{'A' * 10_000_000}.A.A", "A." * 5_000_000]
)
def test_cve_2025_61920_an_oversized_token_costs_nothing(raw: str) -> None:
    key = private_key("ECDH-ES+A128KW")
    tracemalloc.start()
    try:
        for open_ in (accept, lambda text: decrypt_compact(text, key)):
            with pytest.raises(errors.TokenTooLarge):
                open_(raw)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_cve_2025_27144_many_dots_are_not_split() -> None:
    key = private_key("ECDH-ES+A128KW")
    raw = "." * 65_536
    tracemalloc.start()
    try:
        for open_ in (accept, lambda text: decrypt_compact(text, key)):
            with pytest.raises(errors.MalformedToken):
                open_(raw)
        assert tracemalloc.get_traced_memory()[1] < 500_000  # a list of parts takes ten times that
    finally:
        tracemalloc.stop()


# --- CVE-2026-35041 fast-jwt: regular expressions on claims


def test_cve_2026_35041_no_regular_expression_ever_sees_a_token() -> None:
    package = Path(lingpai.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {"re", "regex"} & {alias.name for alias in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("re", "regex"), path


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
