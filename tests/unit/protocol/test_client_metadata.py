"""Client metadata and settings: every name, in both directions, and what each refuses."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from tests.support.stores import a_client

from lingpai.jose.keys import Key, PrivateKey
from lingpai_server.core.client_settings import ClientSettings, Encryption, SubjectType
from lingpai_server.protocol.client_metadata import (
    ENCRYPTIONS,
    ROWS,
    Offer,
    read_settings,
    show_settings,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import ClientAuthMethod

KEY = Key.generate("ES256")
assert isinstance(KEY, PrivateKey)
JWKS = {"keys": [KEY.public.to_jwk()]}
OFFER = Offer(auth_methods=list(ClientAuthMethod), signing=("ES256", "RS256"))
# a value for each name that is not its default
EVERYTHING: dict[str, Any] = {
    "redirect_uris": ["https://app.example/cb", "https://app.example/cb2"],
    "token_endpoint_auth_method": "private_key_jwt",
    "jwks": JWKS,
    "jwks_uri": "https://app.example/jwks",
    "client_uri": "https://app.example/",
    "logo_uri": "https://app.example/logo.png",
    "policy_uri": "https://app.example/policy",
    "tos_uri": "https://app.example/tos",
    "contacts": ["ops@app.example"],
    "software_id": "an-app",
    "software_version": "1.0",
    "application_type": "web",
    "token_endpoint_auth_signing_alg": "ES256",
    "subject_type": "pairwise",
    "sector_identifier_uri": "https://app.example/sector.json",
    "id_token_signed_response_alg": "ES256",
    "userinfo_signed_response_alg": "RS256",
    "request_object_signing_alg": "PS256",
    "request_uris": ["https://app.example/request#hash"],
    "default_max_age": 3600,
    "require_auth_time": True,
    "default_acr_values": ["urn:lingpai:acr:password"],
    "initiate_login_uri": "https://app.example/login",
    "post_logout_redirect_uris": ["https://app.example/bye"],
    "backchannel_logout_uri": "https://app.example/logged-out",
    "tls_client_auth_subject_dn": "CN=app,O=Example",
    "tls_client_certificate_bound_access_tokens": True,
    "dpop_bound_access_tokens": True,
    "require_pushed_authorization_requests": True,
    "require_signed_request_object": True,
    "authorization_details_types": ["payment"],
    "introspection_signed_response_alg": "ES256",
    "id_token_encrypted_response_alg": "ECDH-ES",
    "id_token_encrypted_response_enc": "A256GCM",
    "userinfo_encrypted_response_alg": "RSA-OAEP-256",
    "userinfo_encrypted_response_enc": "A128CBC-HS256",
}


def read(**members: Any) -> ClientSettings:
    settings = read_settings(members, ClientSettings(), OFFER)
    assert isinstance(settings, ClientSettings), settings
    return settings


def refusal_of(**members: Any) -> Refusal:
    refusal = read_settings(members, ClientSettings(), OFFER)
    assert isinstance(refusal, Refusal)
    return refusal


def test_every_name_goes_there_and_back() -> None:
    names = {row.name for row in ROWS}
    names |= {f"{name}_{part}" for name in ENCRYPTIONS for part in ("alg", "enc")}
    assert names == set(EVERYTHING)
    shown = show_settings(a_client(settings=read(**EVERYTHING)))
    assert shown == EVERYTHING
    assert json.loads(json.dumps(shown)) == EVERYTHING


def test_every_row_names_a_setting_and_each_setting_has_one_row() -> None:
    attributes = [row.attribute for row in ROWS] + list(ENCRYPTIONS.values())
    assert set(attributes) <= {each.name for each in fields(ClientSettings)}
    assert len(attributes) == len(set(attributes))


def test_nothing_said_is_the_default() -> None:
    assert read() == ClientSettings()


def test_what_is_left_out_falls_back_and_what_is_not_the_clients_stays() -> None:
    base = ClientSettings(logo_uri="https://app.example/old.png", introspects=("urn:api",))
    settings = read_settings({}, base, OFFER)
    assert isinstance(settings, ClientSettings)
    assert settings.logo_uri is None  # RFC 7592 section 2.2
    assert settings.introspects == ("urn:api",)


def test_unknown_names_are_ignored() -> None:  # RFC 7591 section 2
    assert read(frobnication=True, client_name="x") == ClientSettings()


def test_null_is_the_same_as_nothing() -> None:  # RFC 7592 section 2.2
    assert read(logo_uri=None) == ClientSettings()


def test_an_encryption_without_enc_has_the_default() -> None:
    settings = read(id_token_encrypted_response_alg="ECDH-ES")
    assert settings.id_token_encryption == Encryption("ECDH-ES", "A128CBC-HS256")


def test_subject_types_are_read() -> None:
    assert read(subject_type="pairwise").subject_type is SubjectType.PAIRWISE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_endpoint_auth_method", "client_secret_jwt"),
        ("token_endpoint_auth_method", 1),
        ("jwks", {"keys": "none"}),
        ("jwks", []),
        ("jwks", {"keys": []}),
        ("jwks", {"keys": [KEY.to_jwk(private=True)]}),
        ("jwks", {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
        ("jwks", {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}),
        ("jwks_uri", "http://app.example/jwks"),
        ("jwks_uri", "https://app.example/jwks#x"),
        ("logo_uri", "javascript:alert(1)"),
        ("client_uri", 7),
        ("contacts", "ops@app.example"),
        ("contacts", ["a\nb"]),
        ("contacts", ["a"] * 33),
        ("software_id", ""),
        ("software_id", "x" * 257),
        ("application_type", "desktop"),
        ("token_endpoint_auth_signing_alg", "none"),
        ("token_endpoint_auth_signing_alg", "HS256"),
        ("subject_type", "secret"),
        ("subject_type", []),
        ("sector_identifier_uri", "http://app.example/s"),
        ("id_token_signed_response_alg", "none"),
        ("id_token_signed_response_alg", "PS256"),
        ("userinfo_signed_response_alg", "HS256"),
        ("request_object_signing_alg", "none"),
        ("default_max_age", -1),
        ("default_max_age", True),
        ("default_max_age", 1.5),
        ("default_max_age", 2**31),
        ("require_auth_time", "true"),
        ("backchannel_logout_uri", "https://app.example/x#y"),
        ("id_token_encrypted_response_alg", "RSA1_5"),
        ("id_token_encrypted_response_alg", "dir"),
    ],
)
def test_bad_value_is_refused_by_name(name: str, value: Any) -> None:
    refusal = refusal_of(**{name: value})
    assert refusal.code is ErrorCode.INVALID_CLIENT_METADATA  # RFC 7591 section 3.2.2
    assert refusal.reason == f"{name}_invalid"
    assert refusal.description.startswith(f"{name}: ")


def test_private_key_among_public_ones_is_refused_and_not_left_out() -> None:
    refusal = refusal_of(jwks={"keys": [*JWKS["keys"], KEY.to_jwk(private=True)]})
    assert "private key" in refusal.description


def test_enc_without_alg_is_refused() -> None:  # OpenID Connect Registration section 2
    refusal = refusal_of(id_token_encrypted_response_enc="A256GCM")
    assert refusal.reason == "id_token_encrypted_response_enc_invalid"
    refusal = refusal_of(
        id_token_encrypted_response_alg="ECDH-ES", id_token_encrypted_response_enc="none"
    )
    assert refusal.reason == "id_token_encrypted_response_enc_invalid"


@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
@pytest.mark.parametrize("value", ["https://app.example/cb", ["http://app.example/cb"], [1]])
def test_bad_redirect_has_a_code_of_its_own(name: str, value: Any) -> None:
    assert refusal_of(**{name: value}).code is ErrorCode.INVALID_REDIRECT_URI


def test_web_application_has_no_private_scheme() -> None:
    uri = "com.example.app:/cb"
    assert read(redirect_uris=[uri]).redirect_uris == (uri,)
    assert refusal_of(application_type="web", redirect_uris=[uri]).reason == "redirect_uris_invalid"
