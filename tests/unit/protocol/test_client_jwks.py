"""A client's JWKS: RFC 7517 section 5, RFC 8725 sections 3.1 and 3.2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.tokens import private_key

from lingpai.errors import InvalidKey
from lingpai.jose.keys import Key, PublicKey
from lingpai_server.protocol.client_jwks import MAX_CLIENT_KEYS, read_client_jwks


def _jwk(of: str, /, **changes: Any) -> dict[str, Any]:
    members = private_key(of).public.to_jwk() | changes
    return {name: value for name, value in members.items() if value is not ...}


def _algorithms(*members: Any) -> set[str]:
    return {key.alg for key in read_client_jwks(json.dumps({"keys": list(members)}))}


def test_a_key_that_names_its_algorithm_is_for_that_alone() -> None:
    assert _algorithms(_jwk("RS256")) == {"RS256"}


def test_a_key_that_names_none_is_for_all_that_it_can() -> None:
    found = _algorithms(_jwk("RS256", alg=...))
    assert {"RS256", "PS256", "RSA-OAEP-256"} <= found


@pytest.mark.parametrize(("use", "alg"), [("sig", "RSA-OAEP"), ("enc", "RS256")])
def test_its_use_is_heeded(use: str, alg: str) -> None:  # RFC 7517 section 4.2
    found = _algorithms(_jwk("RS256", alg=..., use=use))
    assert found
    assert alg not in found


def test_a_curve_leaves_one_signature_algorithm() -> None:  # RFC 7518 section 3.4
    assert "ES256" in _algorithms(_jwk("ES256", alg=...))
    assert "ES384" not in _algorithms(_jwk("ES256", alg=...))


def test_private_and_symmetric_keys_are_left_out() -> None:
    private = private_key("ES256").to_jwk(private=True)
    secret = Key.generate("HS256").to_jwk(private=True)
    assert _algorithms(private, secret) == set()


@pytest.mark.parametrize("odd", [7, None, {}, {"kty": "??"}, {"kty": "EC", "alg": "ES256"}, []])
def test_an_odd_key_is_left_out_and_spoils_nothing(odd: Any) -> None:
    assert _algorithms(odd, _jwk("ES256")) == {"ES256"}


def test_every_key_is_public() -> None:
    keys = read_client_jwks(json.dumps({"keys": [_jwk("ES256")]}))
    assert all(isinstance(key, PublicKey) for key in keys)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys": {}}', '{"keys": null}', "x", '{"keys": [], "keys": []}']
)
def test_what_is_no_jwks_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey):
        read_client_jwks(text)


def test_a_jwks_has_a_limit() -> None:
    with pytest.raises(InvalidKey):
        read_client_jwks(json.dumps({"keys": [{}] * (MAX_CLIENT_KEYS + 1)}))
