"""Metadata (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3): only what is true."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.support.samples import ISSUER

from lingpai_server.console.languages import Language
from lingpai_server.protocol.discovery import FACTS, Features, IssuerFacts, issuer_metadata

ABOUT = IssuerFacts(
    ISSUER,
    scopes=("orders:write", "notes:read", "orders:write", "email"),
    details_types=("payment", "payment"),
    algorithms=("ES256", "RS256"),
)
METHODS = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
ENCRYPTION = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]
CONTENT = [
    *("A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM"),
]


def metadata(**changes: Any) -> dict[str, Any]:
    return dict(issuer_metadata(dataclasses.replace(ABOUT, **changes)))


def test_endpoints_are_below_the_issuer() -> None:
    endpoints = {name: url for name, url in metadata().items() if name.endswith("_endpoint")}
    assert endpoints == {
        "authorization_endpoint": f"{ISSUER}/authorize",
        "pushed_authorization_request_endpoint": f"{ISSUER}/par",
        "device_authorization_endpoint": f"{ISSUER}/device_authorization",
        "token_endpoint": f"{ISSUER}/token",
        "userinfo_endpoint": f"{ISSUER}/userinfo",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "end_session_endpoint": f"{ISSUER}/end-session",
        "status_list_aggregation_endpoint": f"{ISSUER}/status-lists",
        "status_list_stream_endpoint": f"{ISSUER}/status-lists/stream",
    }


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("response_types_supported", ["code"]),
        ("response_modes_supported", ["query", "form_post"]),
        ("code_challenge_methods_supported", ["S256"]),
        ("prompt_values_supported", ["none", "login", "consent", "select_account"]),
        ("display_values_supported", ["page", "popup", "touch", "wap"]),
        ("acr_values_supported", ["urn:lingpai:acr:password"]),
        ("ui_locales_supported", ["en", "zh-CN"]),
        ("authorization_response_iss_parameter_supported", True),  # RFC 9207 section 3
        ("claims_parameter_supported", True),
        ("request_parameter_supported", True),
        ("request_uri_parameter_supported", False),  # absent would mean true
        ("require_request_uri_registration", False),
        ("require_pushed_authorization_requests", False),
        ("backchannel_logout_supported", True),
        ("backchannel_logout_session_supported", True),
    ],
)
def test_what_the_authorization_endpoint_can_do_is_told(member: str, value: object) -> None:
    assert metadata()[member] == value


def test_request_objects_are_signed_or_refused() -> None:  # RFC 9101 section 10.1
    listed = metadata()["request_object_signing_alg_values_supported"]
    assert "RS256" in listed
    assert "none" not in listed


def test_grants_are_those_that_the_token_endpoint_answers() -> None:
    assert metadata()["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ]


def test_languages_are_those_of_the_pages() -> None:
    assert metadata()["ui_locales_supported"] == list(Language)


def test_grants_that_oauth_2_1_dropped_are_not_there() -> None:  # OAuth 2.1
    assert not {"implicit", "password"} & set(metadata()["grant_types_supported"])


def test_the_issuer_is_named_exactly_as_it_is() -> None:  # RFC 8414 section 3.3
    slashed = metadata(issuer=f"{ISSUER}/")
    assert slashed["issuer"] == f"{ISSUER}/"
    assert slashed["token_endpoint"] == f"{ISSUER}/token"


def test_scopes_are_openid_connects_and_those_of_the_apis_once_each() -> None:
    assert metadata()["scopes_supported"] == [
        *("openid", "profile", "email", "address", "phone", "offline_access"),
        *("notes:read", "orders:write"),
    ]


def test_types_of_authorization_details_are_those_of_the_apis() -> None:  # RFC 9396 section 10
    assert metadata()["authorization_details_types_supported"] == ["payment"]
    assert "authorization_details_types_supported" not in metadata(details_types=())


def test_algorithms_are_those_that_there_are_keys_for() -> None:
    for name in ("id_token", "userinfo", "introspection"):
        member = f"{name}_signing_alg_values_supported"
        assert metadata()[member] == ["RS256", "ES256"]
        assert metadata(algorithms=("ES256", "Ed25519", "PS256", "RS256"))[member] == [
            *("RS256", "ES256", "PS256", "Ed25519")
        ]


def test_rs256_is_always_listed() -> None:  # OpenID Connect Core section 15.1
    assert "RS256" in metadata(algorithms=())["id_token_signing_alg_values_supported"]


def test_what_can_be_encrypted_to_clients_is_listed() -> None:
    for name in ("id_token", "userinfo"):
        assert metadata()[f"{name}_encryption_alg_values_supported"] == ENCRYPTION
        assert sorted(metadata()[f"{name}_encryption_enc_values_supported"]) == sorted(CONTENT)


def test_both_kinds_of_subject_are_supported() -> None:
    assert metadata()["subject_types_supported"] == ["public", "pairwise"]


@pytest.mark.parametrize(
    ("feature", "member", "value"),
    [
        ("registration", "registration_endpoint", f"{ISSUER}/register"),
        ("metadata_documents", "client_id_metadata_document_supported", True),
        ("certificates", "tls_client_certificate_bound_access_tokens", True),
    ],
)
def test_what_an_operator_opens_is_there_only_then(
    feature: str, member: str, value: object
) -> None:
    assert member not in metadata()
    assert metadata(features=Features(**{feature: True}))[member] == value


class TestAuthMethods:
    def test_are_those_that_need_no_proxy(self) -> None:
        assert metadata()["token_endpoint_auth_methods_supported"] == METHODS
        assert metadata()["revocation_endpoint_auth_methods_supported"] == METHODS

    def test_of_introspection_leave_out_public_clients(self) -> None:
        assert metadata()["introspection_endpoint_auth_methods_supported"] == METHODS[1:]

    def test_by_certificate_need_a_proxy_that_tells_of_them(self) -> None:  # RFC 8705 section 3.3
        features = Features(certificates=True)
        methods = metadata(features=features)["token_endpoint_auth_methods_supported"]
        assert methods == [*METHODS, "self_signed_tls_client_auth"]

    def test_by_a_trusted_certificate_need_somebody_to_trust(self) -> None:
        features = Features(certificates=True, authorities=True)
        methods = metadata(features=features)["token_endpoint_auth_methods_supported"]
        assert set(methods) - set(METHODS) == {"tls_client_auth", "self_signed_tls_client_auth"}

    @pytest.mark.parametrize("endpoint", ["token", "introspection", "revocation"])
    def test_by_assertion_name_their_algorithms(self, endpoint: str) -> None:
        listed = metadata()[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert {"RS256", "PS256", "ES256", "Ed25519"} <= set(listed)
        assert not {"none", "HS256"} & set(listed)


def test_dpop_algorithms_are_asymmetric() -> None:  # RFC 9449 section 5.1
    listed = metadata()["dpop_signing_alg_values_supported"]
    assert "ES256" in listed
    assert not {"none", "HS256"} & set(listed)


def test_claims_that_may_be_told_are_listed() -> None:
    assert {"sub", "acr", "name", "email_verified", "address", "phone_number"} <= set(
        metadata()["claims_supported"]
    )


def test_a_list_that_is_empty_is_left_out() -> None:  # RFC 8414 section 3.2
    required = {fact.name for fact in FACTS if fact.required}
    assert all(value or name in required for name, value in metadata().items())


def test_each_member_is_said_once() -> None:
    assert len({fact.name for fact in FACTS}) == len(FACTS)


def test_a_reader_cannot_change_what_the_next_one_reads() -> None:
    metadata()["grant_types_supported"].append("password")
    assert "password" not in metadata()["grant_types_supported"]
