"""JWS in JSON: RFC 7515 section 7.2, RFC 7797."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.jose_keys import SIGNING, key_for

from lingpai.errors import (
    AlgorithmMismatch,
    InvalidHeader,
    InvalidKey,
    MalformedToken,
    SignatureInvalid,
    TokenTooLarge,
    UnsupportedCritical,
)
from lingpai.jose import base64url
from lingpai.jose.json_parts import MAX_ENTRIES
from lingpai.jose.jws import sign_compact
from lingpai.jose.jws_json import Signer, sign_flattened, sign_general, verify_json
from lingpai.jose.key_set import KeySet

PAYLOAD = "It’s a dangerous business".encode()
EC, RSA, MAC = (key_for(alg) for alg in ("ES256", "RS256", "HS256"))


def _flattened(**changes: Any) -> dict[str, Any]:
    token = {**sign_flattened(PAYLOAD, EC), **changes}
    return {name: value for name, value in token.items() if value is not ...}


@pytest.mark.parametrize("alg", SIGNING)
def test_a_flattened_token_verifies_in_every_form_it_can_have(alg: str) -> None:
    key = key_for(alg)
    token = sign_flattened(PAYLOAD, key, {"typ": "x"}, unprotected={"note": 1})
    for given in (token, json.dumps(token), json.dumps(token, indent=1).encode()):
        verified = verify_json(given, key.public)
        [signature] = verified.signatures
        assert verified.payload == PAYLOAD
        assert signature.protected == {"alg": alg, "kid": key.kid, "typ": "x"}
        assert signature.unverified == {"note": 1}


def test_every_signer_is_verified_where_all_are_required() -> None:
    token = sign_general(PAYLOAD, [Signer(EC), Signer(RSA, unprotected={"n": 1})])
    verified = verify_json(token, KeySet([EC, RSA]), require_all=True)
    assert [s.kid for s in verified.signatures] == [EC.kid, RSA.kid]
    with pytest.raises(AlgorithmMismatch):
        verify_json(token, EC, require_all=True)


def test_one_good_signature_is_enough_and_the_others_are_reported() -> None:
    token = sign_general(PAYLOAD, [Signer(EC), Signer(RSA)])
    token["signatures"][0]["signature"] = base64url.encode(bytes(64))
    verified = verify_json(token, KeySet([EC, RSA]))
    assert [s.index for s in verified.signatures] == [1]
    [refused] = verified.refused
    assert (refused.index, refused.reason.code) == (0, "signature_invalid")
    with pytest.raises(SignatureInvalid):
        verify_json(token, KeySet([EC, RSA]), require_all=True)


def test_no_good_signature_is_refused_by_what_says_most() -> None:
    token = sign_general(PAYLOAD, [Signer(MAC), Signer(EC)])
    token["signatures"][1]["signature"] = base64url.encode(bytes(64))
    with pytest.raises(SignatureInvalid):
        verify_json(token, EC)


def test_detached_content_is_given_once() -> None:  # RFC 7515 appendix F
    token = sign_flattened(PAYLOAD, EC, detached=True)
    assert "payload" not in token
    assert verify_json(token, EC, payload=PAYLOAD).payload == PAYLOAD
    with pytest.raises(SignatureInvalid):
        verify_json(token, EC, payload=PAYLOAD + b"x")
    with pytest.raises(MalformedToken, match="not at all"):
        verify_json(token, EC)
    with pytest.raises(MalformedToken, match="twice"):
        verify_json(sign_flattened(PAYLOAD, EC), EC, payload=PAYLOAD)


@pytest.mark.parametrize("detached", [False, True])
def test_an_unencoded_payload_verifies(detached: bool) -> None:  # RFC 7797 section 3
    token = sign_flattened(PAYLOAD, EC, b64=False, detached=detached)
    assert token.get("payload") == (None if detached else PAYLOAD.decode())
    assert verify_json(token, EC, payload=PAYLOAD if detached else None).payload == PAYLOAD


def test_an_unencoded_payload_is_utf_8_unless_it_is_detached() -> None:
    with pytest.raises(ValueError):
        sign_flattened(b"\xff", EC, b64=False)
    token = sign_flattened(b"\xff", EC, b64=False, detached=True)
    assert verify_json(token, EC, payload=b"\xff").payload == b"\xff"


def test_b64_is_the_same_for_all_signatures() -> None:  # RFC 7797 section 3
    encoded, unencoded = sign_flattened(b"x", EC), sign_flattened(b"x", EC, b64=False)
    entries = [
        {name: token[name] for name in ("protected", "signature")} for token in (encoded, unencoded)
    ]
    with pytest.raises(UnsupportedCritical, match="not the same"):
        verify_json({"payload": "x", "signatures": entries}, EC)


def test_an_encoded_and_an_unencoded_payload_are_not_confused() -> None:  # RFC 7797 section 8
    token = sign_flattened(b"eA", EC, b64=False)
    plain = sign_flattened(b"x", EC)
    with pytest.raises(SignatureInvalid):
        verify_json({**token, "protected": plain["protected"]}, EC)


# --- shape --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": 1},
        {"payload": None},
        {"payload": "é"},
        {"payload": "="},
        {"payload": ...},
        {"protected": 1},
        {"protected": "é"},
        {"protected": "e30="},
        {"protected": ...},
        {"signature": None},
        {"signature": 7},
        {"signature": "!"},
        {"header": []},
        {"header": "x"},
        {"signatures": []},
        {"signatures": [{}]},
    ],
)
def test_a_member_of_the_wrong_type_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedToken):
        verify_json(_flattened(**changes), EC)


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        verify_json(_flattened(signature=...), EC)


@pytest.mark.parametrize("signatures", [None, {}, [], "x", [1], [None], [[]]])
def test_signatures_is_an_array_of_objects(signatures: Any) -> None:
    with pytest.raises(MalformedToken):
        verify_json({"payload": "eA", "signatures": signatures}, EC)


def test_flattened_and_general_members_do_not_mix() -> None:  # section 7.2.2
    token = sign_general(PAYLOAD, [Signer(EC)])
    with pytest.raises(MalformedToken, match="beside"):
        verify_json({**token, **token["signatures"][0]}, EC)


def test_the_number_of_signatures_is_bounded() -> None:
    token = sign_general(PAYLOAD, [Signer(EC)])
    token["signatures"] *= MAX_ENTRIES + 1
    with pytest.raises(MalformedToken, match="more than"):
        verify_json(token, EC)
    for count in (0, MAX_ENTRIES + 1):
        with pytest.raises(ValueError):
            sign_general(PAYLOAD, [Signer(EC)] * count)


def test_unknown_members_are_ignored() -> None:  # section 7.2.1
    assert verify_json(_flattened(more={"a": [1]}), EC).payload == PAYLOAD


def test_a_member_in_both_headers_is_refused() -> None:  # section 7.2.1
    with pytest.raises(InvalidHeader, match="two parts"):
        verify_json(_flattened(header={"alg": "ES256"}), EC)
    for twice in ({"alg": "ES256"}, {"kid": "1"}, {"typ": "y"}):
        with pytest.raises(ValueError):
            sign_flattened(PAYLOAD, EC, {"typ": "x"}, unprotected=twice)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"payload":"","payload":""}', b"\xff", "\ud800"]
)
def test_what_is_no_json_object_is_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedToken):
        verify_json(text, EC)


def test_a_token_is_bounded() -> None:
    with pytest.raises(TokenTooLarge):
        verify_json(sign_flattened(bytes(300_000), EC), EC)


def test_a_compact_token_is_not_json() -> None:
    with pytest.raises(MalformedToken):
        verify_json(sign_compact(PAYLOAD, EC), EC)
    with pytest.raises(TypeError):
        verify_json(7, EC)  # type: ignore[arg-type]  # what is tested


def test_a_key_that_does_not_sign_is_refused() -> None:
    with pytest.raises(InvalidKey):
        sign_flattened(PAYLOAD, key_for("A128KW"))
