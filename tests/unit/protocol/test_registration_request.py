"""What a client asks to have registered, each part fitting the others."""

from __future__ import annotations

from typing import Any

import pytest

from lingpai.jose.keys import Key, PrivateKey
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.grants import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    REFRESH_TOKEN,
)
from lingpai_server.protocol.registration_request import (
    ALL_METHODS,
    Choices,
    Registration,
    parse_registration,
)

KEY = Key.generate("ES256")
assert isinstance(KEY, PrivateKey)
JWKS = {"keys": [KEY.public.to_jwk()]}
CHOICES = Choices(
    profiles=(SecurityProfile.OAUTH21, SecurityProfile.FAPI2),
    grant_types=(AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE, CLIENT_CREDENTIALS),
    auth_methods=ALL_METHODS,
    signing=("ES256", "RS256"),
)
CALLBACK = {"redirect_uris": ["https://app.example/cb"]}


def parse(**members: Any) -> Registration | Refusal:
    return parse_registration(members, ClientSettings(), CHOICES)


def accepted(**members: Any) -> Registration:
    registration = parse(**(CALLBACK | members))
    assert isinstance(registration, Registration), registration
    return registration


def reason_of(**members: Any) -> str:
    refusal = parse(**(CALLBACK | members))
    assert isinstance(refusal, Refusal)
    return refusal.reason


def test_defaults_are_those_of_rfc_7591() -> None:  # section 2
    registration = accepted()
    assert registration.grant_types == (AUTHORIZATION_CODE,)
    assert registration.settings.auth_method == "client_secret_basic"
    assert registration.settings.profile is SecurityProfile.OAUTH21
    assert registration.scopes is None


def test_scopes_are_read() -> None:
    assert accepted(scope="openid email").scopes == ("openid", "email")
    assert reason_of(scope='"') == "scope_invalid"
    assert reason_of(scope=["openid"]) == "scope_invalid"


@pytest.mark.parametrize("name", ["a\nb", "x" * 101, 5])
def test_name_that_cannot_be_shown_is_refused(name: Any) -> None:
    assert reason_of(client_name=name) == "client_name_invalid"


@pytest.mark.parametrize(
    "grant_types",
    [[], "authorization_code", ["implicit"], ["password"], [1], [AUTHORIZATION_CODE, "implicit"]],
)
def test_grants_that_are_not_offered_are_refused(grant_types: Any) -> None:
    assert reason_of(grant_types=grant_types) == "grant_types_invalid"


@pytest.mark.parametrize("response_types", [["token"], ["code", "id_token"], [], "code"])
def test_response_types_go_with_the_grants(response_types: Any) -> None:
    assert reason_of(response_types=response_types) == "response_types_invalid"


def test_client_without_redirects_has_no_response_types() -> None:
    registration = parse(grant_types=[DEVICE_CODE], response_types=[])
    assert isinstance(registration, Registration)


def test_code_grant_needs_a_redirect() -> None:  # RFC 6749 section 3.1.2.2
    assert reason_of(redirect_uris=[]) == "redirect_uris_invalid"


def test_keys_come_one_way() -> None:  # RFC 7591 section 2
    uri = "https://app.example/jwks"
    assert reason_of(jwks=JWKS, jwks_uri=uri) == "jwks_invalid"


@pytest.mark.parametrize(
    "needing",
    [
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
        {"id_token_encrypted_response_alg": "ECDH-ES"},
        {"userinfo_encrypted_response_alg": "ECDH-ES"},
        {"request_object_signing_alg": "ES256"},
        {"require_signed_request_object": True},
    ],
)
def test_keys_are_there_where_they_are_needed(needing: dict[str, Any]) -> None:
    assert reason_of(**needing) == "jwks_invalid"
    accepted(jwks=JWKS, **needing)
    accepted(jwks_uri="https://app.example/jwks", **needing)


def test_certificate_has_a_name_where_it_is_needed() -> None:  # RFC 8705 section 2.1.2
    method = {"token_endpoint_auth_method": "tls_client_auth"}
    assert reason_of(**method) == "tls_client_auth_subject_dn_invalid"
    accepted(tls_client_auth_subject_dn="CN=app", **method)


def test_pairwise_client_of_several_hosts_names_its_sector() -> None:  # Core section 8.1
    both = ["https://app.example/cb", "https://other.example/cb"]
    pairwise = {"subject_type": "pairwise", "redirect_uris": both}
    assert reason_of(**pairwise) == "sector_identifier_uri_invalid"
    accepted(sector_identifier_uri="https://app.example/sector", **pairwise)
    accepted(subject_type="pairwise", redirect_uris=both[:1])


def test_client_without_redirects_takes_no_sector_for_its_own() -> None:
    """Any document lists all of no redirects, a stranger's too."""
    refusal = parse(
        grant_types=[DEVICE_CODE],
        subject_type="pairwise",
        sector_identifier_uri="https://victim.example/sector",
    )
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "sector_identifier_uri_invalid"


def test_public_client_has_no_grant_of_its_own() -> None:  # RFC 6749 section 4.4
    grants = {"grant_types": [CLIENT_CREDENTIALS], "token_endpoint_auth_method": "none"}
    assert reason_of(**grants) == "grant_types_invalid"


def test_profile_is_one_of_those_offered() -> None:
    assert reason_of(lingpai_profile="oidc") == "lingpai_profile_invalid"
    assert accepted(
        lingpai_profile="fapi2", token_endpoint_auth_method="private_key_jwt", jwks=JWKS
    )


def test_profile_decides_which_methods_there_are() -> None:  # FAPI 2.0 section 5.3
    refused = reason_of(lingpai_profile="fapi2", token_endpoint_auth_method="client_secret_basic")
    assert refused == "token_endpoint_auth_method_invalid"
