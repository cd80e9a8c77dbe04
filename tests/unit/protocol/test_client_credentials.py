"""client_credentials: RFC 6749 section 4.4."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import (
    API,
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FRESH,
    HELD_SLOT,
    ISSUER,
    NOTES,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    SLOT,
)

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import RequireVersion
from lingpai_server.core.ports import ClientFacts
from lingpai_server.core.records import Access, Client
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import SlotGrant
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import ClientCredentialsRequest, PresentedClient
from lingpai_server.protocol.status_uri import status_claim
from lingpai_server.protocol.token.client_credentials import decide_client_credentials

FACTS = ClientFacts(CONFIDENTIAL_CLIENT, API, Access(("importer",), ("orders:import",)))


def _decide(
    facts: ClientFacts | None = FACTS,
    *,
    client: PresentedClient = CONFIDENTIAL,
    resource: str | None = None,
    scopes: tuple[str, ...] | None = None,
) -> Decision[TokenReply | Refusal]:
    cmd = ClientCredentialsRequest(client, resource, scopes)
    return decide_client_credentials(cmd, facts, POLICY, now=NOW, fresh=FRESH)


def _refused(decision: Decision[TokenReply | Refusal]) -> tuple[ErrorCode, str]:
    assert isinstance(decision.reply, Refusal)
    assert decision.effects == ()
    return decision.reply.code, decision.reply.reason


def _with(client: Client) -> ClientFacts:
    return replace(FACTS, client=client)


def test_the_client_gets_a_token_for_itself() -> None:
    reply = _decide().reply
    assert isinstance(reply, TokenReply)
    claims = reply.access.claims
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("backend", "backend", ORDERS)
    assert (claims["roles"], claims["permissions"]) == (["importer"], ["orders:import"])
    assert claims["jti"] == "new-jti"
    assert not {"sid", "auth_time", "amr"} & set(claims)


def test_there_is_no_refresh_token() -> None:  # RFC 6749 section 4.4.3
    reply = _decide().reply
    assert isinstance(reply, TokenReply)
    assert reply.refresh_token is None
    assert reply.refresh_expires_in_seconds is None


def test_the_first_token_takes_a_slot_by_the_versions_of_client_and_api() -> None:
    assert _decide().effects == (
        RequireVersion("client", "backend", CONFIDENTIAL_CLIENT.access_version),
        RequireVersion("api", API.audience, API.access_version),
        TakeSlot(SLOT, SlotGrant("backend", "backend", API.audience), None, None, NOW),
    )


def test_with_a_valid_slot_nothing_is_stored() -> None:
    decision = _decide(replace(FACTS, slot=HELD_SLOT))
    assert decision.effects == ()
    assert isinstance(decision.reply, TokenReply)
    assert decision.reply.access.claims["status"] == status_claim(ISSUER, HELD_SLOT.ref)


def test_the_scope_is_by_default_all_that_client_and_api_share() -> None:
    reply = _decide().reply
    assert isinstance(reply, TokenReply)
    assert reply.scopes == ("orders:read", "orders:write")


def test_the_scope_may_be_narrower() -> None:
    reply = _decide(scopes=("orders:write",)).reply
    assert isinstance(reply, TokenReply)
    assert (reply.scopes, reply.access.claims["scope"]) == (("orders:write",), "orders:write")


@pytest.mark.parametrize("scope", ["orders:admin", "notes:read", "unheard:of"])
def test_a_scope_beyond_client_or_api_is_refused(scope: str) -> None:
    assert _refused(_decide(scopes=("orders:read", scope)))[0] is ErrorCode.INVALID_SCOPE


def test_an_unknown_client_is_refused() -> None:
    assert _refused(_decide(None)) == (ErrorCode.INVALID_CLIENT, "client_unknown")


def test_a_wrong_secret_is_refused() -> None:
    wrong = replace(CONFIDENTIAL, secret=Secret("wrong"))
    assert _refused(_decide(client=wrong))[0] is ErrorCode.INVALID_CLIENT


def test_a_disabled_client_is_refused() -> None:
    disabled = _with(replace(CONFIDENTIAL_CLIENT, disabled=True))
    assert _refused(_decide(disabled)) == (ErrorCode.INVALID_CLIENT, "client_disabled")


def test_a_public_client_is_refused_whatever_it_was_registered_for() -> None:  # section 4.4
    public = replace(PUBLIC_CLIENT, grant_types=("client_credentials",))
    expected = (ErrorCode.UNAUTHORIZED_CLIENT, "client_is_public")
    assert _refused(_decide(_with(public), client=PUBLIC)) == expected


def test_a_client_without_the_grant_is_refused() -> None:
    without = _with(replace(CONFIDENTIAL_CLIENT, grant_types=("refresh_token",)))
    assert _refused(_decide(without))[0] is ErrorCode.UNAUTHORIZED_CLIENT


def test_an_api_that_is_not_there_is_no_target() -> None:
    gone = replace(FACTS, api=None)
    assert _refused(_decide(gone, resource=ORDERS))[0] is ErrorCode.INVALID_TARGET


def test_an_api_of_others_is_no_target() -> None:
    others = replace(FACTS, api=replace(API, audience=NOTES))
    assert _refused(_decide(others, resource=NOTES))[0] is ErrorCode.INVALID_TARGET
