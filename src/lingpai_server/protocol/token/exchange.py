"""Token exchange (RFC 8693): a service trades a token that it was given for one to pass on. Pure.

Denied unless the operator named, at the client, the audiences whose tokens it may present. What
comes out is for one of the client's own audiences, holds no scope that the presented token did not
hold, and ends no later. It says on whose behalf (`sub`) and by whom (`act`) it is used.

The first exchange of a session's tokens by a client takes the status slot that what it gets at that
API will carry. Nothing else is stored and nothing recorded: services exchange a token a request,
and a row each would grow without bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lingpai_server.core.api_settings import TokenFormat
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, RequireVersion
from lingpai_server.core.flow_records import ExchangeFacts
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.records import Api, Client
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import SlotGrant, SlotRef
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.client_auth import authenticate_client, check_grant_type
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import TOKEN_EXCHANGE, reply_with, scopes_of
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import AccessToken, TokenReply
from lingpai_server.protocol.requests import Arrival, ExchangeRequest, PresentedClient
from lingpai_server.protocol.resources import check_resource_syntax, choose_api
from lingpai_server.protocol.scopes import narrow_scope, parse_scope
from lingpai_server.protocol.sender import bind_access, check_sender
from lingpai_server.protocol.status_slot import choose_slot, slot_of_session
from lingpai_server.protocol.token.client_credentials import check_confidential
from lingpai_server.protocol.token_standing import TokenFacts, why_not_good

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # RFC 8693 section 3
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
MAX_ACTORS = 4  # services in a row; every one makes the token longer


# what may be presented: tokens of ours, which are access tokens whatever they are called
_PRESENTED_TYPES = frozenset({ACCESS_TOKEN_TYPE, JWT_TYPE})


def parse_exchange_request(
    parameters: Mapping[str, str], client: PresentedClient, arrival: Arrival
) -> ExchangeRequest | Refusal:
    """Section 2.1. An `audience` is the same as a `resource`: APIs are known by their URI."""
    subject_token = parameters.get("subject_token")
    if subject_token is None:
        return _refuse("subject_token_missing", "The parameter subject_token is missing.")
    if parameters.get("subject_token_type") not in _PRESENTED_TYPES:
        return _refuse("subject_token_type_unknown", "The subject_token has to be an access token.")
    if "actor_token" in parameters or "actor_token_type" in parameters:
        return _refuse(
            "actor_token_present", "An actor_token is not supported: the client is the actor."
        )
    wanted = parameters.get("requested_token_type", ACCESS_TOKEN_TYPE)
    if wanted not in _PRESENTED_TYPES:
        return _refuse("requested_token_type_unknown", "Only access tokens are issued.")
    target = _parse_target(parameters)
    if isinstance(target, Refusal):
        return target
    scopes = parse_scope(parameters.get("scope"))
    if isinstance(scopes, Refusal):
        return scopes
    return ExchangeRequest(
        client=client,
        subject_token=Secret(subject_token),
        resource=target.resource,
        scopes=scopes,
        wants_jwt=wanted == JWT_TYPE,
        address=arrival.address,
    )


@dataclass(frozen=True, slots=True)
class _Target:
    resource: str | None


def _parse_target(parameters: Mapping[str, str]) -> _Target | Refusal:
    resource, audience = parameters.get("resource"), parameters.get("audience")
    if resource is not None and audience not in {None, resource}:
        return refuse(
            ErrorCode.INVALID_TARGET,
            reason="two_targets",
            description="A token is for one resource: ask for one at a time.",
        )
    target = audience if resource is None else resource
    return check_resource_syntax(target) or _Target(target)


@dataclass(frozen=True, slots=True)
class _Case:
    client: Client
    api: Api
    facts: ExchangeFacts
    subject: TokenFacts


def decide_exchange(
    cmd: ExchangeRequest,
    facts: ExchangeFacts,
    subject: TokenFacts | None,
    policy: IssuePolicy,
    *,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """A token for the next service. `subject` is what is known of the presented token, None if it
    is none of ours."""
    client = authenticate_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return Decision(client)
    refusal = (
        check_confidential(client)
        or check_grant_type(client, TOKEN_EXCHANGE)
        or check_sender(client, cmd.sender)
    )
    if refusal is not None:
        return Decision(refusal)
    if subject is None:
        return Decision(_refuse_subject("subject_token_not_ours"))
    reason = _why_not_presentable(client, facts, subject, now=now)
    if reason is not None:
        return Decision(_refuse_subject(reason))
    api = _choose_target(cmd, client, facts.api)
    if isinstance(api, Refusal):
        return Decision(api)
    return _exchange(cmd, _Case(client, api, facts, subject), policy, now=now, fresh=fresh)


def _why_not_presentable(
    client: Client, facts: ExchangeFacts, subject: TokenFacts, *, now: float
) -> str | None:
    """Section 2.2.2: one public answer for all of it."""
    if subject.claims["aud"] not in client.settings.exchanges:
        return "subject_token_audience_not_allowed"
    if "sid" in subject.claims and facts.session is None:
        return "session_unknown"
    if _count_actors(subject.claims.get("act")) >= MAX_ACTORS:
        return "subject_token_has_too_many_actors"
    return why_not_good(subject, now=now)


def _choose_target(cmd: ExchangeRequest, client: Client, api: Api | None) -> Api | Refusal:
    target = choose_api(client, api, cmd.resource)
    if isinstance(target, Refusal):
        return target
    if cmd.wants_jwt and target.settings.format is not TokenFormat.JWT:
        return _refuse("requested_token_type_not_jwt", "This API's tokens are no plain JWTs.")
    return target


def _exchange(
    cmd: ExchangeRequest, case: _Case, policy: IssuePolicy, *, now: float, fresh: Fresh
) -> Decision[TokenReply | Refusal]:
    most = tuple(s for s in scopes_of(case.client, case.api) if s in case.subject.scopes)
    scopes = narrow_scope(cmd.scopes, most, most)
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    slot, effects = _choose_slot(case, now=now, fresh=fresh)
    access = build_access_token(
        policy.issuer,
        case.client,
        case.api,
        case.facts.access,
        case.facts.session,
        scopes,
        slot,
        now=now,
        jti=fresh.jti,
        sender=bind_access(case.client, cmd.sender),
    )
    reply = reply_with(_on_behalf(access, case), scopes, now=now)
    issued = JWT_TYPE if cmd.wants_jwt else ACCESS_TOKEN_TYPE
    return Decision(replace(reply, issued_token_type=issued), effects)


def _choose_slot(case: _Case, *, now: float, fresh: Fresh) -> tuple[SlotRef, Effects]:
    """It ends with the session of the subject, or never if that is a client."""
    session, client, audience = case.facts.session, case.client, case.api.audience
    if session is None:
        origin = case.subject.claims["sub"]
        grant, held_until = SlotGrant(client.client_id, origin, audience), None
    else:
        grant = slot_of_session(session, audience, client_id=client.client_id)
        held_until = session.absolute_deadline
    slot, taken = choose_slot(grant, case.facts.slot, fresh, held_until=held_until, now=now)
    return slot, (*_require_versions(case), *taken) if taken else ()


def _require_versions(case: _Case) -> Effects:
    """Of everybody whose access is in the token."""
    facts = case.facts
    clients = {c.client_id: c for c in (case.client, facts.subject_client) if c is not None}
    versions = [RequireVersion("client", c.client_id, c.access_version) for c in clients.values()]
    if facts.user is not None:
        versions.append(RequireVersion("user", facts.user.user_id, facts.user.access_version))
    api = case.api
    return (*versions, RequireVersion("api", api.audience, api.access_version))


def _on_behalf(access: AccessToken, case: _Case) -> AccessToken:
    """The same subject, for no longer, and who acts for it (section 4.1). A client that is a
    subject has no session, and keeps its name."""
    presented = case.subject.claims
    claims = {
        **access.claims,
        "exp": min(access.claims["exp"], presented["exp"]),
        "act": _act(case.client, presented.get("act")),
    }
    if case.facts.session is None:
        claims["sub"] = presented["sub"]
    return replace(access, claims=claims)


def _act(client: Client, before: object) -> Mapping[str, Any]:
    """The latest actor, with those before it inside."""
    act: dict[str, Any] = {"sub": client.client_id}
    return act | ({"act": before} if isinstance(before, Mapping) else {})


def _count_actors(act: object) -> int:
    count = 0
    while isinstance(act, Mapping):
        count, act = count + 1, act.get("act")
    return count


def _refuse_subject(reason: str) -> Refusal:
    return _refuse(reason, "The subject_token is not valid, or may not be exchanged.")


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)
