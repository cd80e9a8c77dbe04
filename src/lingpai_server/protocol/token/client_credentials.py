"""client_credentials grant (RFC 6749 section 4.4). No I/O, no clock, no randomness.

The first token of a client for an API takes the status slot that all of them carry. Nothing else is
stored and nothing recorded: a row a token is how such tables grow without bound.
"""

from __future__ import annotations

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, RequireVersion
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.ports import ClientFacts
from lingpai_server.core.records import Api, Client
from lingpai_server.core.slots import SlotGrant, SlotRef
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.client_auth import (
    authenticate_client,
    check_grant_type,
    refuse_unknown_client,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import CLIENT_CREDENTIALS, choose_scopes, reply_with
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import ClientCredentialsRequest
from lingpai_server.protocol.resources import choose_api
from lingpai_server.protocol.sender import bind_access, check_sender
from lingpai_server.protocol.status_slot import choose_slot


def check_registered(client: Client) -> Refusal | None:
    """The grant has to be among those of the client."""
    return check_grant_type(client, CLIENT_CREDENTIALS)


def check_confidential(client: Client) -> Refusal | None:
    """RFC 6749 section 4.4: the grant must only be used by confidential clients."""
    if not client.is_public:
        return None
    return refuse(
        ErrorCode.UNAUTHORIZED_CLIENT,
        reason="client_is_public",
        description="A public client has no credentials to use this grant with.",
    )


CLIENT_STEPS = (check_confidential, check_registered)


def decide_client_credentials(
    cmd: ClientCredentialsRequest,
    facts: ClientFacts | None,
    policy: IssuePolicy,
    *,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """An access token for the client itself, and no refresh token (section 4.4.3)."""
    if facts is None:
        return Decision(refuse_unknown_client(cmd.client))
    client = authenticate_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return Decision(client)
    refusal = first_refusal(CLIENT_STEPS, client) or check_sender(client, cmd.sender)
    if refusal is not None:
        return Decision(refusal)
    api = choose_api(client, facts.api, cmd.resource)
    if isinstance(api, Refusal):
        return Decision(api)
    scopes = choose_scopes(client, api, cmd.scopes)
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    slot, effects = _choose_slot(client, api, facts, now=now, fresh=fresh)
    access = build_access_token(
        policy.issuer,
        client,
        api,
        facts.access,
        None,
        scopes,
        slot,
        now=now,
        jti=fresh.jti,
        sender=bind_access(client, cmd.sender),
    )
    return Decision(reply_with(access, scopes, now=now), effects)


def _choose_slot(
    client: Client, api: Api, facts: ClientFacts, *, now: float, fresh: Fresh
) -> tuple[SlotRef, Effects]:
    grant = SlotGrant(client.client_id, client.client_id, api.audience)
    slot, taken = choose_slot(grant, facts.slot, fresh, held_until=None, now=now)
    if not taken:
        return slot, ()
    versions = (
        RequireVersion("client", client.client_id, client.access_version),
        RequireVersion("api", api.audience, api.access_version),
    )
    return slot, (*versions, *taken)
