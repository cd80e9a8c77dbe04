"""JWS, compact: RFC 7515 sections 5 and 7.1, RFC 8725 section 3."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.jose_keys import ALLOW, SIGNING, key_for

from lingpai.errors import (
    AlgorithmMismatch,
    InvalidHeader,
    InvalidKey,
    MalformedToken,
    SignatureInvalid,
    TokenTooLarge,
    UnexpectedKind,
    UnknownAlgorithm,
)
from lingpai.jose import base64url, strict_json
from lingpai.jose.jws import MAX_TOKEN_BYTES, sign_compact, verify_compact
from lingpai.jose.keys import Key, PrivateKey

PAYLOAD = b'{"iss":"joe"}'


def _forge(header: Any, payload: bytes = PAYLOAD, signature: bytes = b"") -> str:
    """A token with any header, signed by nobody."""
    parts = (strict_json.encode(header), payload, signature)
    return ".".join(base64url.encode(part) for part in parts)


@pytest.mark.parametrize("alg", SIGNING)
def test_what_is_signed_verifies_with_the_public_half(alg: str) -> None:
    key = key_for(alg)
    token = sign_compact(PAYLOAD, key, {"typ": "JWT"})
    for _ in range(2):  # once by the slow road, once by the remembered header
        header, payload = verify_compact(token, key.public)
        assert (header.alg, header.kid, header.typ, payload) == (alg, key.kid, "jwt", PAYLOAD)
    assert verify_compact(token.encode("ascii"), key)[1] == PAYLOAD


@pytest.mark.parametrize("alg", SIGNING)
def test_another_key_refuses(alg: str) -> None:
    rsa = alg.startswith(("RS", "PS"))
    made = Key.generate("RS256" if rsa else alg, allow=ALLOW)
    other = Key.from_jwk({**made.to_jwk(private=True), "alg": alg}, allow=ALLOW)
    with pytest.raises(SignatureInvalid):
        verify_compact(sign_compact(PAYLOAD, key_for(alg)), other)


@pytest.mark.parametrize("alg", SIGNING)
def test_a_signature_of_another_length_is_refused(alg: str) -> None:
    key = key_for(alg)
    head, _, signature = sign_compact(PAYLOAD, key).rpartition(".")
    octets = base64url.decode(signature)
    for wrong in (b"", octets[:-1], octets + b"\0", b"\0" + octets, octets * 2):
        with pytest.raises(SignatureInvalid):
            verify_compact(f"{head}.{base64url.encode(wrong)}", key)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "ES256K"])
def test_r_and_s_are_within_their_range(alg: str) -> None:  # CVE-2022-21449
    key = key_for(alg)
    head, _, signature = sign_compact(PAYLOAD, key).rpartition(".")
    half = len(base64url.decode(signature)) // 2
    zero, one, huge = bytes(half), bytes(half - 1) + b"\1", b"\xff" * half
    for r in (zero, one, huge):
        for s in (zero, one, huge):
            with pytest.raises(SignatureInvalid):
                verify_compact(f"{head}.{base64url.encode(r + s)}", key)


def test_ecdsa_is_deterministic() -> None:  # RFC 6979, RFC 8725 section 3.2
    key = key_for("ES256")
    assert sign_compact(PAYLOAD, key) == sign_compact(PAYLOAD, key)


# --- the header does not choose -----------------------------------------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "RSA1_5", "A128KW", "hs256"])
@pytest.mark.parametrize("keyed", ["HS256", "RS256", "ES256"])
def test_an_alg_that_is_no_signature_is_refused(alg: str, keyed: str) -> None:
    with pytest.raises((UnknownAlgorithm, InvalidHeader)):
        verify_compact(_forge({"alg": alg}), key_for(keyed).public)


@pytest.mark.parametrize("alg", SIGNING)
def test_an_alg_other_than_the_keys_is_refused(alg: str) -> None:  # RFC 8725 section 3.1
    key = key_for("ES256" if alg != "ES256" else "RS256")
    with pytest.raises(AlgorithmMismatch):
        verify_compact(sign_compact(PAYLOAD, key_for(alg)), key.public)


def test_a_mac_under_the_public_key_is_refused() -> None:  # RFC 8725 section 2.1
    rsa = key_for("RS256")
    assert isinstance(rsa, PrivateKey)
    mac = sign_compact(PAYLOAD, key_for("HS256"))
    with pytest.raises(AlgorithmMismatch):
        verify_compact(mac, rsa.public)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_in_the_token_is_never_used(member: str) -> None:  # CVE-2026-27962
    attacker, ours = Key.generate("ES256"), key_for("ES256")
    assert isinstance(attacker, PrivateKey)
    value: Any = attacker.to_jwk() if member == "jwk" else "https://attacker.example/keys"
    token = sign_compact(PAYLOAD, attacker, {member: [value] if member == "x5c" else value})
    with pytest.raises(SignatureInvalid):
        verify_compact(token, ours.public)


def test_a_key_for_encryption_verifies_nothing() -> None:
    with pytest.raises(AlgorithmMismatch):
        verify_compact(sign_compact(PAYLOAD, key_for("RS256")), key_for("RSA-OAEP-256"))


def test_a_key_signs_only_with_its_algorithm() -> None:
    with pytest.raises(ValueError, match="ES256"):
        sign_compact(PAYLOAD, key_for("ES256"), {"alg": "ES384"})
    with pytest.raises(InvalidKey):
        sign_compact(PAYLOAD, key_for("A128KW"))


# --- shape --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b", "a.b.c.d", "....", "a" * 100, "." * 60_000]
)
def test_another_number_of_parts_is_malformed(token: str) -> None:
    with pytest.raises(MalformedToken):
        verify_compact(token, key_for("HS256"))


def test_an_encrypted_token_is_of_another_kind() -> None:  # CVE-2023-51774
    with pytest.raises(UnexpectedKind):
        verify_compact("a.b.c.d.e", key_for("HS256"))


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("damage", ["=", "+", "/", " ", "\n", "!", "\0", "é", "\ud800", "."])
def test_a_foreign_character_in_any_part_is_refused(part: int, damage: str) -> None:
    key = key_for("HS256")
    token = sign_compact(PAYLOAD, key)
    verify_compact(token, key)  # the header is remembered now: both roads refuse
    parts = token.split(".")
    parts[part] += damage
    with pytest.raises(MalformedToken):
        verify_compact(".".join(parts), key)
    with pytest.raises(MalformedToken):
        verify_compact(".".join(parts), Key.from_jwk(key.to_jwk(private=True)))


def test_the_unused_bits_of_a_signature_are_zero() -> None:  # one token, one spelling
    key = key_for("HS256")
    token = sign_compact(PAYLOAD, key)
    last = token[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in alphabet:
        if other != last:
            with pytest.raises((MalformedToken, SignatureInvalid)):
                verify_compact(token[:-1] + other, key)


def test_a_token_is_bounded() -> None:
    key = key_for("HS256")
    token = sign_compact(bytes(MAX_TOKEN_BYTES), key)
    for given in (token, token.encode("ascii"), "a" * 10_000_000, "." * 1_000_000):
        with pytest.raises(TokenTooLarge):
            verify_compact(given, key)
    assert verify_compact(token, key, max_bytes=100_000)[1] == bytes(MAX_TOKEN_BYTES)


@pytest.mark.parametrize("token", [None, 1, ["a.b.c"], bytearray(b"a.b.c")])
def test_a_token_of_another_type_is_the_callers_mistake(token: Any) -> None:
    with pytest.raises(TypeError):
        verify_compact(token, key_for("HS256"))


# --- the remembered headers ---------------------------------------------------------------------


def test_only_a_header_that_verified_is_remembered() -> None:
    key = Key.generate("HS256")
    token = sign_compact(PAYLOAD, key)
    with pytest.raises(SignatureInvalid):
        verify_compact(token[:-4] + "AAAA", key)
    assert not key.known
    verify_compact(token, key)
    assert list(key.known) == [token.partition(".")[0].encode("ascii")]


def test_what_is_remembered_is_bounded() -> None:
    key = Key.generate("HS256")
    for n in range(200):
        verify_compact(sign_compact(PAYLOAD, key, {"n": n}), key)
    assert len(key.known) <= 64
