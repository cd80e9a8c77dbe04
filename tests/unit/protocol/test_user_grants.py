"""What a user's grant starts with: RFC 6749 section 5.1, OpenID Connect Core sections 5.4, 11."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import (
    ACCESS,
    API,
    FRESH,
    KEYS,
    NOTES,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC_CLIENT,
    USER,
)

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import StartFamily, StartSession
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.records import USERINFO_AUDIENCE, Client, Family, Session
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import (
    REFRESH_TOKEN,
    choose_user_scopes,
    gives_refresh_token,
    user_scopes_of,
)
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import NO_SENDER, Sender
from lingpai_server.protocol.resources import choose_user_api, keeps_audience, wanted_audience
from lingpai_server.protocol.token.start import UserGrant, start_grant

CLIENT = replace(
    PUBLIC_CLIENT, first_party=False, scopes=("openid", "email", "offline_access", "orders:read")
)
BROWSER = BrowserSession(
    browser_id=b"b" * 32,
    user_id=USER.user_id,
    auth_time=NOW - 100,
    amr=("pwd",),
    acr="urn:acr",
    idle_deadline=NOW + 500,
    absolute_deadline=NOW + 900,
)
USERINFO = replace(API, audience=USERINFO_AUDIENCE, scopes=())


def _start(**changes: Any) -> Decision[TokenReply]:
    values: dict[str, Any] = {
        "client": CLIENT,
        "user": USER,
        "api": API,
        "access": ACCESS,
        "scopes": ("openid", "orders:read"),
        "sender": NO_SENDER,
        "auth_time": NOW - 100,
        "amr": ("pwd",),
        "acr": "urn:acr",
        "browser": BROWSER,
        "nonce": "n",
    }
    grant = UserGrant(**(values | changes))
    return start_grant(grant, POLICY, refresh_keys=KEYS, now=NOW, fresh=FRESH)


def _session(**changes: Any) -> Session:
    [found] = [e.session for e in _start(**changes).effects if isinstance(e, StartSession)]
    return found


def _family(**changes: Any) -> Family:
    [found] = [e.family for e in _start(**changes).effects if isinstance(e, StartFamily)]
    return found


# scopes


def test_openids_scopes_may_be_had_at_any_api() -> None:  # OpenID Connect Core section 5.4
    expected = ("openid", "email", "offline_access", "orders:read")
    assert user_scopes_of(CLIENT, API) == expected


def test_what_is_not_asked_for_says_nothing_of_the_user() -> None:
    assert choose_user_scopes(CLIENT, API, None) == ("orders:read",)


def test_a_scope_of_openids_that_the_client_does_not_have_is_refused() -> None:
    refused = choose_user_scopes(CLIENT, API, ("openid", "phone"))
    assert isinstance(refused, Refusal)
    assert refused.code is ErrorCode.INVALID_SCOPE


# audiences


@pytest.mark.parametrize(
    ("resource", "scopes", "audience"),
    [
        (None, None, None),
        (None, (), None),
        (None, ("orders:read",), None),
        (None, ("openid", "orders:read"), None),
        (None, ("openid", "email"), USERINFO_AUDIENCE),
        (NOTES, ("openid",), NOTES),
        (NOTES, None, NOTES),
    ],
)
def test_who_asks_for_an_identity_alone_gets_a_token_for_the_issuer(
    resource: str | None, scopes: tuple[str, ...] | None, audience: str | None
) -> None:
    assert wanted_audience(resource, scopes) == audience


def test_every_client_may_have_a_token_for_the_issuer() -> None:
    assert choose_user_api(CLIENT, USERINFO, None) is USERINFO
    assert choose_user_api(CLIENT, USERINFO, USERINFO_AUDIENCE) is USERINFO
    assert keeps_audience(replace(CLIENT, audiences=()), USERINFO_AUDIENCE)


def test_the_issuer_stands_in_for_no_other_resource() -> None:
    assert isinstance(choose_user_api(CLIENT, USERINFO, NOTES), Refusal)
    assert isinstance(choose_user_api(CLIENT, replace(API, audience="urn:x"), None), Refusal)
    assert not keeps_audience(replace(CLIENT, audiences=()), ORDERS)


# refresh tokens


def _profiled(profile: SecurityProfile, **changes: Any) -> Client:
    return replace(CLIENT, settings=ClientSettings(profile=profile), **changes)


@pytest.mark.parametrize(
    ("profile", "scopes", "gives"),
    [
        (SecurityProfile.OIDC, ("openid",), False),
        (SecurityProfile.OIDC, ("openid", "offline_access"), True),
        (SecurityProfile.OIDC, ("orders:read",), True),
        (SecurityProfile.OAUTH21, ("openid",), True),
        (SecurityProfile.FAPI2, ("openid",), True),
    ],
)
def test_certified_clients_ask_for_offline_access(  # OpenID Connect Core section 11
    profile: SecurityProfile, scopes: tuple[str, ...], gives: bool
) -> None:
    assert gives_refresh_token(_profiled(profile), scopes) is gives


def test_a_first_party_client_need_not_ask() -> None:
    assert gives_refresh_token(_profiled(SecurityProfile.OIDC, first_party=True), ("openid",))


def test_nobody_gets_one_who_could_not_use_it() -> None:
    client = replace(CLIENT, grant_types=("authorization_code",))
    assert REFRESH_TOKEN not in client.grant_types
    assert not gives_refresh_token(client, ("offline_access",))


def test_the_family_is_there_even_without_a_refresh_token() -> None:
    client = replace(CLIENT, grant_types=("authorization_code",))
    reply = _start(client=client).reply
    assert reply.refresh_token is None
    assert reply.refresh_expires_in_seconds is None
    assert _family(client=client).session_id == "new-session"


# the session


def test_a_session_ends_with_its_browser() -> None:
    session = _session()
    assert (session.browser_id, session.offline) == (BROWSER.browser_id, False)
    assert (session.absolute_deadline, session.idle_deadline) == (NOW + 900, NOW + 900)


def test_an_offline_session_does_not() -> None:  # OpenID Connect Core section 11
    session = _session(scopes=("openid", "offline_access"))
    assert session.offline
    assert session.absolute_deadline == NOW - 100 + 5000  # of the policy, from the login


def test_a_client_that_wants_to_hear_of_the_end_will() -> None:  # Back-Channel Logout 1.0
    assert not _session().notify
    settings = ClientSettings(backchannel_logout_uri="https://app.example/out")
    assert _session(client=replace(CLIENT, settings=settings)).notify


def test_the_family_lives_as_long_as_its_session() -> None:
    family, session = _family(), _session()
    assert family.absolute_deadline == session.absolute_deadline
    assert family.idle_deadline == session.idle_deadline
    assert (family.scopes, family.audience) == (("openid", "orders:read"), ORDERS)


def test_what_was_asked_for_is_kept_with_the_session() -> None:
    assert _session(claims='{"id_token":{}}').claims == '{"id_token":{}}'
    details = '[{"type":"a"}]'
    assert _family(authorization_details=details).authorization_details == details
    assert _start(authorization_details=details).reply.authorization_details == details


# the tokens


def test_openid_brings_an_id_token_with_the_nonce() -> None:  # Core section 3.1.3.7
    id_token = _start().reply.id_token
    assert id_token is not None
    assert id_token.claims["nonce"] == "n"
    assert _start(scopes=("orders:read",)).reply.id_token is None


def test_the_access_token_is_bound_to_the_sender() -> None:
    reply = _start(sender=Sender(jkt="j")).reply
    assert reply.access.claims["cnf"] == {"jkt": "j"}
    assert _family(sender=Sender(jkt="j")).jkt == "j"
