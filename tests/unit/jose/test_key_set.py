"""KeySet: one odd key is skipped and reported; a mixed set verifies nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.jose_keys import key_for

from lingpai.errors import AlgorithmMismatch, InvalidKey, MixedKeySet, SignatureInvalid, UnknownKey
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.key_set import MAX_CANDIDATES, KeySet
from lingpai.jose.keys import Key, PrivateKey


def _public(alg: str, kid: str | None = None) -> dict[str, Any]:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    members = key.public.to_jwk()
    del members["kid"]
    return members if kid is None else {**members, "kid": kid}


ODD: list[Any] = [
    None,
    1,
    "key",
    [],
    {},
    {"kty": "EC"},
    {"kty": "WAT", "kid": "odd"},
    {"kty": "RSA", "kid": "odd", "n": "AQAB", "e": "AQAB", "alg": "RS256"},
    {"kty": "EC", "kid": "odd", "crv": "P-999", "x": "AA", "y": "AA"},
    {"kty": "EC", "kid": "odd", "crv": ["P-256"]},
    {"kty": ["EC"], "kid": {}},
    {"kty": "oct", "k": "AA", "alg": "HS256"},
    {"kty": "AKP", "alg": "ML-DSA-1", "pub": "AA"},
    {"kty": "RSA", "alg": "RSA1_5", "use": "enc", "n": "AQAB", "e": "AQAB"},
]


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_key_is_skipped_and_reported(odd: Any) -> None:  # RFC 7517 section 5
    keys = KeySet.from_jwks({"keys": [_public("ES256", "a"), odd, _public("RS256", "b")]})
    assert [key.kid for key in keys] == ["a", "b"]
    [skipped] = keys.skipped
    kid = odd.get("kid") if isinstance(odd, dict) else None
    assert (skipped.index, skipped.kid) == (1, kid if isinstance(kid, str) else None)
    assert skipped.reason


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"keys":{}}', '{"keys":null}', '{"keys":[],"keys":[]}', b"\xff", "\ud800"],
)
def test_what_is_no_jwks_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidKey):
        KeySet.from_jwks(text)


def test_an_endless_jwks_is_refused() -> None:
    with pytest.raises(InvalidKey, match="at most"):
        KeySet.from_jwks({"keys": [{}] * 10_001})


def test_a_default_algorithm_is_for_keys_that_leave_a_choice() -> None:
    rsa, ec = _public("RS256", "r"), _public("ES384", "e")
    del rsa["alg"], ec["alg"]
    named = _public("PS256", "p")
    keys = KeySet.from_jwks({"keys": [rsa, ec, named]}, default_algorithm="RS256")
    assert [key.alg for key in keys] == ["RS256", "ES384", "PS256"]


def test_a_set_without_a_default_skips_keys_that_leave_a_choice() -> None:  # CVE-2026-22817
    rsa = _public("RS256", "r")
    del rsa["alg"]
    keys = KeySet.from_jwks({"keys": [rsa]})
    assert (len(keys), len(keys.skipped)) == (0, 1)


def test_what_is_written_is_public_and_read_back() -> None:
    keys = KeySet([key_for("ES256"), key_for("RS256")])
    written = keys.to_jwks()
    assert not any("d" in members for members in written["keys"])
    assert [key.kid for key in KeySet.from_jwks(json.dumps(written))] == [key.kid for key in keys]
    assert KeySet.from_jwks(keys.to_jwks(private=True)).to_jwks(private=True)
    with pytest.raises(InvalidKey):
        KeySet([key_for("HS256")]).to_jwks()


# --- answering ----------------------------------------------------------------------------------


def test_the_kid_chooses_the_key() -> None:
    ours, other = Key.generate("ES256", kid="1"), Key.generate("ES256", kid="2")
    assert isinstance(ours, PrivateKey)
    keys = KeySet([other, ours])
    assert verify_compact(sign_compact(b"x", ours), keys)[0].kid == "1"
    impostor = sign_compact(b"x", ours, {"kid": "2"})
    with pytest.raises(SignatureInvalid):
        verify_compact(impostor, keys)


def test_an_unknown_kid_is_refused() -> None:
    key = Key.generate("ES256", kid="1")
    with pytest.raises(UnknownKey):
        verify_compact(sign_compact(b"x", key, {"kid": "2"}), KeySet([key]))


def test_keys_without_a_name_answer_for_any_kid() -> None:
    key = Key.from_jwk({**Key.generate("ES256").to_jwk(private=True), "kid": None})
    assert isinstance(key, PrivateKey)
    token = sign_compact(b"x", key, {"kid": "anything"})
    assert verify_compact(token, KeySet([key]))[1] == b"x"


def test_a_token_without_kid_is_tried_with_the_keys_of_its_algorithm() -> None:
    made = [Key.generate("ES256", kid=str(n)) for n in range(3)]
    last = made[-1]
    assert isinstance(last, PrivateKey)
    unnamed = Key.from_jwk({**last.to_jwk(private=True), "kid": None})
    assert isinstance(unnamed, PrivateKey)
    token = sign_compact(b"x", unnamed)
    assert verify_compact(token, KeySet([key_for("RS256"), *made]))[1] == b"x"


def test_the_tries_for_a_token_without_kid_are_bounded() -> None:
    keys = KeySet(Key.generate("Ed25519") for _ in range(MAX_CANDIDATES + 5))
    assert len(keys.candidates("Ed25519", None)) == MAX_CANDIDATES


def test_two_keys_of_one_name_and_other_algorithms_are_told_apart() -> None:
    members = key_for("RS256").to_jwk(private=True)
    keys = KeySet(Key.from_jwk({**members, "alg": alg, "kid": "k"}) for alg in ("RS256", "PS256"))
    for key in keys:
        assert isinstance(key, PrivateKey)
        assert verify_compact(sign_compact(b"x", key), keys)[0].alg == key.alg


def test_the_right_name_with_another_algorithm_is_a_mismatch() -> None:  # RFC 8725 section 3.1
    rsa = Key.from_jwk({**key_for("RS256").to_jwk(private=True), "kid": "k"})
    assert isinstance(rsa, PrivateKey)
    other = Key.from_jwk({**rsa.to_jwk(private=True), "alg": "PS256"})
    with pytest.raises(AlgorithmMismatch):
        verify_compact(sign_compact(b"x", rsa), KeySet([other]))


# --- mixed sets ---------------------------------------------------------------------------------


def test_a_mixed_set_verifies_nothing() -> None:  # RFC 8725 section 3.5
    ec, mac = key_for("ES256"), key_for("HS256")
    mixed = KeySet([ec, mac])
    assert mixed.is_mixed
    for key in (ec, mac):
        with pytest.raises(MixedKeySet):
            verify_compact(sign_compact(b"x", key), mixed)


def test_a_mixed_set_decrypts() -> None:  # decrypting tells nothing of the sender either way
    rsa, aes = key_for("RSA-OAEP-256"), key_for("A128KW")
    mixed = KeySet([rsa, aes])
    for key in (rsa, aes):
        assert decrypt_compact(encrypt_compact(b"x", key), mixed)[1] == b"x"


def test_the_public_set_holds_public_halves() -> None:
    keys = KeySet([key_for("ES256"), key_for("RS256")])
    assert not any(key.is_private for key in keys.public)
    assert [key.kid for key in keys.public] == [key.kid for key in keys]
    assert repr(keys) == "KeySet(2 keys, 0 skipped)"


def test_what_is_remembered_of_headers_is_bounded() -> None:
    key = key_for("HS256")
    keys = KeySet([key])
    for n in range(600):
        verify_compact(sign_compact(b"x", key, {"n": n}), keys)
    assert len(keys.known) <= 256
