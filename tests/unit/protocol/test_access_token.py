"""Access token claims: RFC 9068 section 2.2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.samples import (
    ACCESS,
    API,
    CONFIDENTIAL_CLIENT,
    ISSUER,
    NOW,
    PUBLIC_CLIENT,
    SESSION,
    SLOT,
)

from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings, SubjectType
from lingpai_server.core.records import Access, Session
from lingpai_server.protocol.access_token import build_access_token, lifetime_seconds
from lingpai_server.protocol.replies import AccessToken
from lingpai_server.protocol.requests import Sender


def _user_token(
    *, session: Session = SESSION, access: Access = ACCESS, now: float = NOW + 0.9
) -> AccessToken:
    scopes = ("orders:read", "orders:write")
    return build_access_token(
        ISSUER, PUBLIC_CLIENT, API, access, session, scopes, SLOT, now=now, jti="j"
    )


# Token Status List section 6.1
STATUS = {"status_list": {"idx": 4711, "uri": f"{ISSUER}/status-lists/0123456789abcdef-1"}}


def test_a_users_token_has_exactly_these_claims() -> None:
    expected: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "u-alice",
        "aud": "https://orders.example",
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "j",
        "client_id": "app",
        "sid": "s-1",
        "auth_time": NOW - 100,
        "amr": ["pwd"],
        "scope": "orders:read orders:write",
        "roles": ["clerk"],
        "permissions": ["orders:read"],
        "status": STATUS,
    }
    assert _user_token().claims == expected


def test_a_clients_own_token_has_the_client_as_subject_and_no_session() -> None:
    token = build_access_token(
        ISSUER, CONFIDENTIAL_CLIENT, API, Access(), None, (), SLOT, now=NOW, jti="j"
    )
    assert token.claims == {
        "iss": ISSUER,
        "sub": "backend",
        "aud": "https://orders.example",
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "j",
        "client_id": "backend",
        "status": STATUS,
    }


def test_the_api_names_algorithm_and_audience() -> None:
    token = _user_token()
    assert (token.algorithm, token.audience) == ("ES256", "https://orders.example")


def test_roles_and_permissions_that_are_empty_are_left_out() -> None:
    claims = _user_token(access=Access()).claims
    assert "roles" not in claims
    assert "permissions" not in claims


def test_a_token_never_outlives_the_absolute_deadline() -> None:
    session = replace(SESSION, absolute_deadline=NOW + 42)
    token = _user_token(session=session)
    assert token.claims["exp"] == NOW + 42
    assert lifetime_seconds(token) == 42


def test_in_the_last_second_of_a_session_a_token_still_lives_for_one() -> None:
    session = replace(SESSION, absolute_deadline=NOW + 1)
    assert lifetime_seconds(_user_token(session=session, now=NOW + 0.999)) == 1


def test_a_token_is_bound_to_the_keys_that_its_sender_holds() -> None:
    token = _bound(Sender(jkt="k", x5t="c"))  # RFC 9449 section 6.1, RFC 8705 section 3.1
    assert token.claims["cnf"] == {"jkt": "k", "x5t#S256": "c"}
    assert _bound(Sender(x5t="c")).claims["cnf"] == {"x5t#S256": "c"}


def test_authorization_details_are_in_the_token_as_they_were_granted() -> None:  # RFC 9396 9.1
    token = _bound(Sender(), details='[{"type": "payment", "iban": "DE89"}]')
    assert token.claims["authorization_details"] == [{"type": "payment", "iban": "DE89"}]


def test_the_class_of_the_login_is_in_the_token() -> None:  # RFC 9068 section 2.2.1
    session = replace(SESSION, acr="urn:lingpai:acr:password")
    assert _user_token(session=session).claims["acr"] == "urn:lingpai:acr:password"


def test_how_the_api_wants_its_tokens_goes_along() -> None:
    api = replace(API, settings=ApiSettings(TokenFormat.OPAQUE))
    token = build_access_token(
        ISSUER, PUBLIC_CLIENT, api, ACCESS, SESSION, (), SLOT, now=NOW, jti="j"
    )
    assert token.settings.format is TokenFormat.OPAQUE


def test_a_token_for_a_user_of_a_pairwise_client_names_the_sector() -> None:
    settings = ClientSettings(
        subject_type=SubjectType.PAIRWISE, redirect_uris=("https://app.example/cb",)
    )
    client = replace(PUBLIC_CLIENT, settings=settings)
    token = build_access_token(ISSUER, client, API, ACCESS, SESSION, (), SLOT, now=NOW, jti="j")
    assert token.sector == "app.example"
    own = build_access_token(ISSUER, client, API, ACCESS, None, (), SLOT, now=NOW, jti="j")
    assert own.sector is None


def _bound(sender: Sender, details: str | None = None) -> AccessToken:
    return build_access_token(
        ISSUER,
        PUBLIC_CLIENT,
        API,
        ACCESS,
        SESSION,
        (),
        SLOT,
        now=NOW,
        jti="j",
        sender=sender,
        authorization_details=details,
    )
