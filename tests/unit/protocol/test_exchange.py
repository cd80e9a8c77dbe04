"""Token exchange: RFC 8693. Denied by default; never wider, never longer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import (
    API,
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FRESH,
    HELD_SLOT,
    NOTES,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    SESSION,
    SLOT,
    USER,
)

from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import RequireVersion
from lingpai_server.core.flow_records import ExchangeFacts, SessionFacts
from lingpai_server.core.records import Access, AccountStatus, Client, Session
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import SlotGrant
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import TOKEN_EXCHANGE
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import Arrival, ExchangeRequest, Sender
from lingpai_server.protocol.token.exchange import (
    ACCESS_TOKEN_TYPE,
    JWT_TYPE,
    decide_exchange,
    parse_exchange_request,
)
from lingpai_server.protocol.token_standing import TokenFacts

# the service at NOTES was given a user's token, and passes it on to the service at ORDERS
SERVICE = replace(
    CONFIDENTIAL_CLIENT,
    grant_types=(TOKEN_EXCHANGE,),
    scopes=("orders:read", "orders:write"),
    audiences=(ORDERS,),
    settings=ClientSettings(exchanges=(NOTES,)),
)
ACCESS = Access(roles=("clerk",), permissions=("orders:read",))
CLAIMS: Mapping[str, Any] = {
    "iss": POLICY.issuer,
    "sub": USER.user_id,
    "aud": NOTES,
    "exp": NOW + 200,
    "iat": NOW - 100,
    "jti": "presented",
    "client_id": PUBLIC_CLIENT.client_id,
    "sid": SESSION.session_id,
    "scope": "openid notes:read orders:read",
}
FACTS = ExchangeFacts(SERVICE, API, USER, SESSION, ACCESS)
SUBJECT = TokenFacts(CLAIMS, PUBLIC_CLIENT, SessionFacts(SESSION, USER, PUBLIC_CLIENT))
REQUEST = ExchangeRequest(CONFIDENTIAL, Secret("presented"), ORDERS)


def _decide(
    cmd: ExchangeRequest = REQUEST,
    facts: ExchangeFacts = FACTS,
    subject: TokenFacts | None = SUBJECT,
) -> Decision[TokenReply | Refusal]:
    return decide_exchange(cmd, facts, subject, POLICY, now=NOW, fresh=FRESH)


def _answered(decision: Decision[TokenReply | Refusal]) -> TokenReply:
    assert isinstance(decision.reply, TokenReply), decision.reply
    return decision.reply


def _refused(reply: object) -> tuple[ErrorCode, str]:
    assert isinstance(reply, Refusal), reply
    return reply.code, reply.reason


def _with(client: Client, **settings: Any) -> ExchangeFacts:
    return replace(FACTS, client=replace(client, settings=ClientSettings(**settings)))


def _subject(**claims: Any) -> TokenFacts:
    changed = {**CLAIMS, **claims}
    return replace(SUBJECT, claims={n: v for n, v in changed.items() if v is not ...})


# what comes out


def test_the_new_token_is_the_same_users_at_the_next_service() -> None:
    claims = _answered(_decide()).access.claims
    assert (claims["sub"], claims["aud"], claims["sid"]) == (USER.user_id, ORDERS, "s-1")
    assert claims["client_id"] == SERVICE.client_id
    assert (claims["roles"], claims["permissions"]) == (["clerk"], ["orders:read"])
    assert claims["jti"] == "new-jti"


def test_the_new_token_says_who_acts() -> None:  # section 4.1
    assert _answered(_decide()).access.claims["act"] == {"sub": SERVICE.client_id}


def test_actors_before_are_kept_inside() -> None:  # section 4.1
    chained = _answered(_decide(subject=_subject(act={"sub": "gateway"})))
    assert chained.access.claims["act"] == {"sub": SERVICE.client_id, "act": {"sub": "gateway"}}


def test_a_chain_of_actors_has_an_end() -> None:
    act: dict[str, Any] = {"sub": "one"}
    for name in ("two", "three", "four"):
        act = {"sub": name, "act": act}
    refused = _decide(subject=_subject(act=act)).reply
    assert _refused(refused)[1] == "subject_token_has_too_many_actors"


def test_the_reply_says_what_it_is_and_holds_no_refresh_token() -> None:  # section 2.2.1
    reply = _answered(_decide())
    assert reply.issued_token_type == ACCESS_TOKEN_TYPE
    assert reply.refresh_token is None
    assert reply.id_token is None


def test_the_first_exchange_takes_a_slot_by_the_versions_of_all_who_are_in_the_token() -> None:
    *versions, taken = _decide().effects
    assert set(versions) == {
        RequireVersion("client", SERVICE.client_id, SERVICE.access_version),
        RequireVersion("user", USER.user_id, USER.access_version),
        RequireVersion("api", API.audience, API.access_version),
    }
    grant = SlotGrant(SERVICE.client_id, SESSION.client_id, API.audience, SESSION.session_id)
    assert taken == TakeSlot(SLOT, grant, None, SESSION.absolute_deadline, NOW)


def test_an_exchange_on_behalf_of_a_client_has_a_slot_of_that_client() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "sid"} | {"sub": "batch"}
    batch = replace(SERVICE, client_id="batch", access_version=77)
    facts = ExchangeFacts(SERVICE, API, None, None, ACCESS, subject_client=batch)
    effects = _decide(facts=facts, subject=TokenFacts(claims, batch, None)).effects
    assert RequireVersion("client", "batch", 77) in effects
    grant = SlotGrant(SERVICE.client_id, "batch", API.audience)
    assert effects[-1] == TakeSlot(SLOT, grant, None, None, NOW)


def test_with_a_valid_slot_an_exchange_stores_nothing() -> None:
    assert _decide(facts=replace(FACTS, slot=HELD_SLOT)).effects == ()


def test_the_new_token_ends_with_the_presented_one() -> None:
    reply = _answered(_decide())
    assert reply.access.claims["exp"] == NOW + 200
    assert reply.expires_in_seconds == 200


def test_the_new_token_lives_no_longer_than_its_api_says() -> None:
    reply = _answered(_decide(subject=_subject(exp=NOW + 3000)))
    assert reply.expires_in_seconds == API.access_ttl_seconds


def test_a_proof_binds_the_new_token_to_the_services_key() -> None:
    reply = _answered(_decide(replace(REQUEST, sender=Sender(jkt="j"))))
    assert reply.access.claims["cnf"] == {"jkt": "j"}


# scopes


def test_the_scope_is_what_all_three_allow() -> None:
    assert _answered(_decide()).scopes == ("orders:read",)


def test_a_scope_that_the_presented_token_does_not_hold_is_refused() -> None:
    refused = _decide(replace(REQUEST, scopes=("orders:write",)))
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_SCOPE


def test_a_scope_that_the_client_may_not_have_is_refused() -> None:
    narrow = replace(FACTS, client=replace(SERVICE, scopes=("orders:write",)))
    refused = _decide(replace(REQUEST, scopes=("orders:read",)), narrow)
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_SCOPE


def test_a_scope_that_the_api_does_not_know_is_refused() -> None:
    refused = _decide(replace(REQUEST, scopes=("notes:read",)))
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_SCOPE


def test_openid_is_not_passed_on() -> None:
    facts = replace(FACTS, client=replace(SERVICE, scopes=("openid", "orders:read")))
    assert _answered(_decide(facts=facts)).scopes == ("orders:read",)


# who may


def test_exchange_is_denied_unless_an_audience_is_named() -> None:
    refused = _decide(facts=_with(SERVICE))
    expected = (ErrorCode.INVALID_REQUEST, "subject_token_audience_not_allowed")
    assert _refused(refused.reply) == expected


def test_a_token_of_another_audience_is_refused() -> None:
    refused = _decide(subject=_subject(aud="https://elsewhere.example"))
    assert _refused(refused.reply)[1] == "subject_token_audience_not_allowed"


def test_a_target_that_is_not_the_clients_is_refused() -> None:  # section 2.2.2
    facts = replace(FACTS, api=replace(API, audience=NOTES))
    refused = _decide(replace(REQUEST, resource=NOTES), facts)
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_TARGET


def test_a_target_that_is_not_known_is_refused_alike() -> None:
    refused = _decide(facts=replace(FACTS, api=None))
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_TARGET


def test_a_public_client_may_not_exchange() -> None:
    public = replace(
        PUBLIC_CLIENT,
        grant_types=(TOKEN_EXCHANGE,),
        settings=ClientSettings(exchanges=(NOTES,)),
    )
    refused = _decide(replace(REQUEST, client=PUBLIC), replace(FACTS, client=public))
    assert _refused(refused.reply) == (ErrorCode.UNAUTHORIZED_CLIENT, "client_is_public")


def test_a_client_that_did_not_register_for_it_is_refused() -> None:
    facts = _with(replace(SERVICE, grant_types=("client_credentials",)), exchanges=(NOTES,))
    assert _refused(_decide(facts=facts).reply)[0] is ErrorCode.UNAUTHORIZED_CLIENT


@pytest.mark.parametrize("client", [None, replace(SERVICE, disabled=True)])
def test_a_client_that_is_not_there_or_disabled_is_refused(client: Client | None) -> None:
    refused = _decide(facts=replace(FACTS, client=client))
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_CLIENT


def test_a_client_registered_for_dpop_needs_a_proof() -> None:  # RFC 9449 section 5.2
    facts = _with(SERVICE, exchanges=(NOTES,), dpop_bound=True)
    assert _refused(_decide(facts=facts).reply)[0] is ErrorCode.INVALID_DPOP_PROOF


# the presented token


def _living(session: Session = SESSION, **changes: Any) -> TokenFacts:
    known = SessionFacts(session, USER, PUBLIC_CLIENT)
    return replace(SUBJECT, session=replace(known, **changes))


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (None, "subject_token_not_ours"),
        (_subject(exp=NOW), "token_expired"),
        (replace(SUBJECT, client=None), "client_disabled"),
        (replace(SUBJECT, client=replace(PUBLIC_CLIENT, disabled=True)), "client_disabled"),
        (replace(SUBJECT, session=None), "session_unknown"),
        (_living(replace(SESSION, ended_at=NOW)), "session_ended"),
        (_living(replace(SESSION, idle_deadline=NOW)), "session_deadline_passed"),
        (_living(user=replace(USER, status=AccountStatus.LOCKED)), "account_not_active"),
    ],
)
def test_a_token_that_is_good_for_nothing_is_not_exchanged(  # section 2.2.2
    subject: TokenFacts | None, reason: str
) -> None:
    assert _refused(_decide(subject=subject).reply) == (ErrorCode.INVALID_REQUEST, reason)


def test_a_users_token_without_its_session_is_not_taken_for_a_clients() -> None:
    refused = _decide(facts=replace(FACTS, session=None))
    assert _refused(refused.reply)[1] == "session_unknown"


def test_a_clients_own_token_keeps_that_client_as_its_subject() -> None:
    subject = replace(_subject(sub="batch", client_id="batch", sid=...), session=None)
    facts = replace(FACTS, user=None, session=None)
    claims = _answered(_decide(facts=facts, subject=subject)).access.claims
    assert (claims["sub"], claims["client_id"]) == ("batch", SERVICE.client_id)
    assert claims["act"] == {"sub": SERVICE.client_id}
    assert "sid" not in claims


# the request

PARAMETERS = {"subject_token": "t", "subject_token_type": ACCESS_TOKEN_TYPE, "resource": ORDERS}


def _parse(**changes: Any) -> ExchangeRequest | Refusal:
    parameters = {n: v for n, v in (PARAMETERS | changes).items() if v is not None}
    return parse_exchange_request(parameters, CONFIDENTIAL, Arrival(address="192.0.2.7"))


def test_a_request_is_parsed() -> None:
    expected = ExchangeRequest(
        CONFIDENTIAL, Secret("t"), ORDERS, ("a",), wants_jwt=False, address="192.0.2.7"
    )
    assert _parse(scope="a") == expected


@pytest.mark.parametrize("named", [{"resource": None, "audience": ORDERS}, {"audience": ORDERS}])
def test_an_audience_is_a_resource(named: dict[str, str | None]) -> None:  # section 2.1
    cmd = _parse(**named)
    assert isinstance(cmd, ExchangeRequest)
    assert cmd.resource == ORDERS


@pytest.mark.parametrize("kind", [ACCESS_TOKEN_TYPE, JWT_TYPE])
def test_an_access_token_may_be_called_a_jwt(kind: str) -> None:
    assert isinstance(_parse(subject_token_type=kind), ExchangeRequest)


def test_a_jwt_may_be_asked_for() -> None:
    cmd = _parse(requested_token_type=JWT_TYPE)
    assert isinstance(cmd, ExchangeRequest)
    assert _answered(_decide(replace(REQUEST, wants_jwt=True))).issued_token_type == JWT_TYPE
    opaque = replace(FACTS, api=replace(API, settings=ApiSettings(format=TokenFormat.OPAQUE)))
    refused = _decide(replace(REQUEST, wants_jwt=True), opaque)
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subject_token": None}, "subject_token_missing"),
        ({"subject_token_type": None}, "subject_token_type_unknown"),
        ({"subject_token_type": "urn:other"}, "subject_token_type_unknown"),
        ({"requested_token_type": "urn:other"}, "requested_token_type_unknown"),
        ({"actor_token": "a"}, "actor_token_present"),
        ({"actor_token_type": ACCESS_TOKEN_TYPE}, "actor_token_present"),
        ({"audience": NOTES}, "two_targets"),
        ({"resource": "not a uri"}, "resource_malformed"),
        ({"scope": "a  b"}, "scope_malformed"),
    ],
)
def test_a_request_that_asks_for_something_else_is_refused(
    changes: dict[str, str | None], reason: str
) -> None:
    assert _refused(_parse(**changes))[1] == reason
