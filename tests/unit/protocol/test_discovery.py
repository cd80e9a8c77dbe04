"""Metadata (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3): only what is true."""

from __future__ import annotations

from tests.support.samples import ISSUER

from lingpai_server.protocol.discovery import (
    FACTS,
    IssuerFacts,
    oauth_metadata,
    openid_metadata,
)

ABOUT = IssuerFacts(ISSUER, scopes=("orders:write", "notes:read", "orders:write"))
METHODS = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


def test_the_oauth_document_says_exactly_this() -> None:
    assert oauth_metadata(ABOUT) == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/token",
        "jwks_uri": f"{ISSUER}/jwks",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "scopes_supported": ["notes:read", "orders:write"],
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
    }


def test_the_openid_document_says_the_same_and_what_openid_requires() -> None:
    assert openid_metadata(ABOUT) == {
        **oauth_metadata(ABOUT),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def test_the_issuer_is_named_exactly_as_it_is() -> None:  # RFC 8414 section 3.3
    slashed = IssuerFacts(f"{ISSUER}/")
    assert oauth_metadata(slashed)["issuer"] == f"{ISSUER}/"
    assert oauth_metadata(slashed)["token_endpoint"] == f"{ISSUER}/token"


def test_a_list_that_is_empty_is_left_out() -> None:  # RFC 8414 section 3.2
    assert "scopes_supported" not in oauth_metadata(IssuerFacts(ISSUER))


def test_nothing_is_promised_that_needs_an_authorization_endpoint() -> None:
    promised = {fact.name for fact in FACTS}
    assert not {"authorization_endpoint", "code_challenge_methods_supported"} & promised


def test_each_member_is_said_once() -> None:
    assert len({fact.name for fact in FACTS}) == len(FACTS)


def test_a_reader_cannot_change_what_the_next_one_reads() -> None:
    oauth_metadata(ABOUT)["grant_types_supported"].append("password")
    assert "password" not in oauth_metadata(ABOUT)["grant_types_supported"]
