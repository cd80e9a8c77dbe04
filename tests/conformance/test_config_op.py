"""Config OP: one test for each thing that the plan looks at in the discovery document."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.conformance.rp import Provider

pytestmark = pytest.mark.process


@pytest.fixture
def metadata(provider: Provider) -> dict[str, Any]:
    answer = provider.get("/.well-known/openid-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    document: dict[str, Any] = answer.json()
    return document


def test_issuer_is_exact_and_a_url(metadata: dict[str, Any], provider: Provider) -> None:
    assert metadata["issuer"] == provider.url
    parts = urlsplit(metadata["issuer"])
    assert (parts.scheme, parts.query, parts.fragment) == ("https", "", "")


@pytest.mark.parametrize(
    "name",
    [
        *("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"),
        *("end_session_endpoint", "introspection_endpoint", "revocation_endpoint"),
        *("pushed_authorization_request_endpoint", "device_authorization_endpoint"),
    ],
)
def test_endpoints_are_https(metadata: dict[str, Any], name: str) -> None:
    assert metadata[name].startswith("https://")


def test_response_types_are_the_code_alone(metadata: dict[str, Any]) -> None:
    assert metadata["response_types_supported"] == ["code"]
    assert {"query", "form_post"} == set(metadata["response_modes_supported"])


def test_subject_types(metadata: dict[str, Any]) -> None:
    assert set(metadata["subject_types_supported"]) == {"public", "pairwise"}


def test_rs256_is_listed_and_none_is_not(metadata: dict[str, Any]) -> None:
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]


def test_keys_are_public_and_usable(provider: Provider, metadata: dict[str, Any]) -> None:
    keys = provider.get(urlsplit(metadata["jwks_uri"]).path).json()["keys"]
    assert "RSA" in {key["kty"] for key in keys}
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["use"] == "sig"
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()


def test_scopes_have_openid_and_the_syntax_of_scopes(metadata: dict[str, Any]) -> None:
    assert "openid" in metadata["scopes_supported"]
    assert all(scope.isascii() and " " not in scope for scope in metadata["scopes_supported"])


def test_claims_are_named(metadata: dict[str, Any]) -> None:
    assert {"sub", "name", "email", "address", "phone_number"} <= set(metadata["claims_supported"])


def test_locales_are_language_tags(metadata: dict[str, Any]) -> None:
    assert set(metadata["ui_locales_supported"]) == {"en", "zh-CN"}


def test_code_challenge_methods_are_an_array(metadata: dict[str, Any]) -> None:
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_what_the_other_plans_need_is_said(metadata: dict[str, Any]) -> None:
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["claims_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False
    methods = set(metadata["token_endpoint_auth_methods_supported"])
    assert {"client_secret_basic", "client_secret_post"} <= methods


def test_oauth_metadata_say_the_same(provider: Provider, metadata: dict[str, Any]) -> None:
    """RFC 8414 section 5: both places may be asked."""
    assert provider.get("/.well-known/oauth-authorization-server").json() == metadata
