"""refresh_token grant: rotation, grace, reuse; RFC 6749 section 6, RFC 9700 section 4.14.2."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import (
    API,
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FAMILY,
    FAMILY_FACTS,
    FRESH,
    HELD_SLOT,
    ISSUER,
    KEYS,
    NOTES,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    SESSION,
    SLOT,
    USER,
    presented,
)

from lingpai.jwt.status_list import Status
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import (
    Effect,
    EndSession,
    Record,
    RequireVersion,
    RevokeFamily,
    RotateFamily,
)
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import AccountStatus, Client, Family
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import SlotGrant
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import PresentedClient, RefreshRequest, Sender
from lingpai_server.protocol.status_uri import status_claim
from lingpai_server.protocol.token.refresh import decide_refresh
from lingpai_server.sessions.refresh_token import (
    PresentedRefreshToken,
    RefreshTokenProblem,
    verify_refresh_token,
)

CURRENT = FAMILY.generation
REQUEST = RefreshRequest(PUBLIC, Secret("as presented"), address="192.0.2.7")
IN_GRACE = FAMILY.rotated_at + 9.9
VERSIONS = (
    RequireVersion("user", "u-alice", 11),
    RequireVersion("client", "app", 12),
    RequireVersion("api", ORDERS, 13),
)


def _decide(
    generation: int = CURRENT,
    *,
    cmd: RefreshRequest = REQUEST,
    facts: FamilyFacts | None = FAMILY_FACTS,
    client: Client | None = PUBLIC_CLIENT,
    reading: PresentedRefreshToken | RefreshTokenProblem | None = None,
    now: float = NOW + 0.5,
) -> Decision[TokenReply | Refusal]:
    token = reading if reading is not None else presented(generation)
    return decide_refresh(
        cmd,
        RefreshTokenFacts(client, token, facts),
        POLICY,
        refresh_keys=KEYS,
        now=now,
        fresh=FRESH,
    )


def _of(family: Family) -> FamilyFacts:
    return replace(FAMILY_FACTS, family=family)


CONFIDENTIAL_FAMILY = replace(
    _of(replace(FAMILY, client_id=CONFIDENTIAL_CLIENT.client_id)), client=CONFIDENTIAL_CLIENT
)


def _answered(decision: Decision[TokenReply | Refusal]) -> TokenReply:
    assert isinstance(decision.reply, TokenReply), decision.reply
    return decision.reply


def _generation(decision: Decision[TokenReply | Refusal]) -> int:
    token = _answered(decision).refresh_token
    assert token is not None
    reading = verify_refresh_token(token.reveal(), KEYS)
    assert isinstance(reading, PresentedRefreshToken)
    assert (reading.family_id, reading.key_version) == (FAMILY.family_id, FAMILY.key_version)
    return reading.generation


def _refused(decision: Decision[TokenReply | Refusal]) -> tuple[ErrorCode, str]:
    assert isinstance(decision.reply, Refusal)
    return decision.reply.code, decision.reply.reason


def _events(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.event.kind for effect in effects if isinstance(effect, Record)]


def _without_events(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    return tuple(effect for effect in effects if not isinstance(effect, Record))


# the current token


def test_the_current_token_is_answered_with_the_next() -> None:
    assert _generation(_decide()) == CURRENT + 1


def test_the_current_token_rotates_by_compare_and_set_and_slides_the_idle_deadline() -> None:
    rotation = RotateFamily(FAMILY.family_id, CURRENT, NOW + 0.5, NOW + 1000)
    assert _decide().effects == (*VERSIONS, rotation)


def test_an_ordinary_rotation_is_no_event_so_that_storage_does_not_grow() -> None:
    assert _events(_decide().effects) == []


def test_the_idle_deadline_never_slides_past_the_absolute_one() -> None:
    facts = _of(replace(FAMILY, idle_deadline=NOW + 900, absolute_deadline=NOW + 500))
    rotation = _without_events(_decide(facts=facts).effects)[-1]
    assert isinstance(rotation, RotateFamily)
    assert rotation.idle_deadline == NOW + 500


def test_the_access_token_is_fresh_and_of_the_same_session() -> None:
    claims = _answered(_decide()).access.claims
    assert (claims["jti"], claims["sid"], claims["auth_time"]) == ("new-jti", "s-1", NOW - 100)


def test_roles_and_permissions_are_those_of_today() -> None:
    access = replace(FAMILY_FACTS.access, roles=("manager",), permissions=("orders:refund",))
    claims = _answered(_decide(facts=replace(FAMILY_FACTS, access=access))).access.claims
    assert (claims["roles"], claims["permissions"]) == (["manager"], ["orders:refund"])


def test_expires_in_never_passes_the_absolute_deadline() -> None:
    session = replace(SESSION, absolute_deadline=NOW + 42)
    facts = replace(_of(replace(FAMILY, absolute_deadline=NOW + 42)), session=session)
    reply = _answered(_decide(facts=facts))
    assert (reply.expires_in_seconds, reply.refresh_expires_in_seconds) == (42, 42)


@pytest.mark.parametrize("in_cookie", [True, False])
def test_a_token_goes_back_the_way_it_came(in_cookie: bool) -> None:
    assert _answered(_decide(cmd=replace(REQUEST, in_cookie=in_cookie))).in_cookie is in_cookie


def test_the_event_tells_which_token_and_from_where() -> None:
    repeated = _decide(CURRENT - 1, now=IN_GRACE)
    [event] = [e.event for e in repeated.effects if isinstance(e, Record)]
    assert event.detail == {"family": "ZmZmZmZmZmZmZmZmZmZmZg", "presented": 4, "current": 5}
    assert (event.user_id, event.client_id, event.session_id, event.address) == (
        "u-alice",
        "app",
        "s-1",
        "192.0.2.7",
    )


# the previous token


def test_the_previous_token_in_grace_gets_the_same_current_token_again() -> None:
    assert _generation(_decide(CURRENT - 1, now=IN_GRACE)) == CURRENT


def test_the_previous_token_in_grace_moves_nothing_and_is_recorded() -> None:
    effects = _decide(CURRENT - 1, now=IN_GRACE).effects
    assert _without_events(effects) == VERSIONS
    assert _events(effects) == ["refresh.repeated"]


def test_a_valid_slot_stays_and_a_refresh_writes_none() -> None:
    reply = _answered(_decide())
    assert reply.access.claims["status"] == status_claim(ISSUER, HELD_SLOT.ref)


@pytest.mark.parametrize("generation", [CURRENT, CURRENT - 1])
def test_after_stale_the_next_refresh_takes_a_new_slot(generation: int) -> None:
    held = replace(HELD_SLOT, status=Status.STALE)
    stale = replace(FAMILY_FACTS, slot=held)
    decision = _decide(generation, facts=stale, now=IN_GRACE)
    grant = SlotGrant(SESSION.client_id, SESSION.client_id, API.audience, SESSION.session_id)
    taken = TakeSlot(SLOT, grant, held, SESSION.absolute_deadline, int(IN_GRACE))
    assert taken in decision.effects
    assert all(version in decision.effects for version in VERSIONS)
    assert _answered(decision).access.claims["status"] == status_claim(ISSUER, SLOT)


def test_the_second_answer_is_the_very_token_of_the_first() -> None:
    rotated = _of(replace(FAMILY, generation=CURRENT + 1, rotated_at=NOW + 0.5))
    first = _answered(_decide(now=NOW + 0.5)).refresh_token
    second = _answered(_decide(facts=rotated, now=NOW + 3)).refresh_token
    assert first == second


def test_the_previous_token_when_the_window_ends_is_reuse() -> None:
    decision = _decide(CURRENT - 1, now=FAMILY.rotated_at + 10)
    assert _refused(decision) == (ErrorCode.INVALID_GRANT, "refresh_reused")


def test_an_authenticated_client_gets_its_answer_again_without_a_limit() -> None:
    decision = _decide(
        CURRENT - 1,
        cmd=replace(REQUEST, client=CONFIDENTIAL),
        facts=CONFIDENTIAL_FAMILY,
        client=CONFIDENTIAL_CLIENT,
        now=FAMILY.rotated_at + 900,
    )
    assert _generation(decision) == CURRENT


def test_even_an_authenticated_client_reuses_what_is_older() -> None:
    decision = _decide(
        CURRENT - 2,
        cmd=replace(REQUEST, client=CONFIDENTIAL),
        facts=CONFIDENTIAL_FAMILY,
        client=CONFIDENTIAL_CLIENT,
    )
    assert _refused(decision)[1] == "refresh_reused"


def test_a_bound_token_with_its_proof_gets_its_answer_again_without_a_limit() -> None:
    decision = _decide(
        CURRENT - 1,
        cmd=replace(REQUEST, sender=Sender(jkt="thumb")),
        facts=_of(replace(FAMILY, jkt="thumb")),
        now=FAMILY.rotated_at + 900,
    )
    assert _generation(decision) == CURRENT


# reuse, and what was never issued


@pytest.mark.parametrize("generation", [0, CURRENT - 2])
def test_an_older_token_ends_family_and_session(generation: int) -> None:
    decision = _decide(generation, now=FAMILY.rotated_at)
    assert _refused(decision) == (ErrorCode.INVALID_GRANT, "refresh_reused")
    assert _without_events(decision.effects) == (
        RevokeFamily(FAMILY.family_id, int(FAMILY.rotated_at), "refresh_reused"),
        EndSession("s-1", int(FAMILY.rotated_at), "refresh_reused"),
    )
    assert _events(decision.effects) == ["refresh.reused"]


@pytest.mark.parametrize(
    "cmd",
    [replace(REQUEST, scopes=("root",)), replace(REQUEST, resource=NOTES)],
    ids=["scope", "resource"],
)
def test_reuse_is_seen_whatever_else_is_wrong_with_the_request(cmd: RefreshRequest) -> None:
    assert _refused(_decide(CURRENT - 2, cmd=cmd))[1] == "refresh_reused"


def test_reuse_is_seen_when_the_account_is_locked() -> None:
    facts = replace(FAMILY_FACTS, user=replace(USER, status=AccountStatus.LOCKED))
    assert _refused(_decide(CURRENT - 2, facts=facts))[1] == "refresh_reused"


@pytest.mark.parametrize("token", [presented(CURRENT + 1), presented(CURRENT, key_version=1)])
def test_what_was_never_issued_is_recorded_and_revokes_nothing(
    token: PresentedRefreshToken,
) -> None:
    decision = _decide(reading=token)
    assert _refused(decision) == (ErrorCode.INVALID_GRANT, "refresh_generation_never_issued")
    assert _without_events(decision.effects) == ()
    assert _events(decision.effects) == ["refresh.never_issued"]


# what is refused, at no cost


def _assert_costless(
    decision: Decision[TokenReply | Refusal], code: ErrorCode, reason: str
) -> None:
    assert _refused(decision) == (code, reason)
    assert decision.effects == ()


@pytest.mark.parametrize("problem", list(RefreshTokenProblem))
def test_text_that_is_no_token_is_an_invalid_grant(problem: RefreshTokenProblem) -> None:
    decision = _decide(reading=problem, facts=None)
    _assert_costless(decision, ErrorCode.INVALID_GRANT, problem.value)


def test_a_token_of_no_known_family_is_an_invalid_grant() -> None:
    _assert_costless(_decide(facts=None), ErrorCode.INVALID_GRANT, "family_unknown")


@pytest.mark.parametrize("generation", [CURRENT, CURRENT - 1, 0, CURRENT + 1])
def test_a_token_of_another_client_is_refused_and_costs_nothing(generation: int) -> None:
    decision = _decide(generation, facts=CONFIDENTIAL_FAMILY)
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "refresh_token_of_another_client")


def test_a_client_that_is_not_proven_is_refused_first() -> None:
    decision = _decide(0, client=None)
    _assert_costless(decision, ErrorCode.INVALID_CLIENT, "client_unknown")


def test_a_confidential_client_has_to_authenticate() -> None:  # RFC 6749 section 6
    bare: PresentedClient = replace(CONFIDENTIAL, secret=None)
    decision = _decide(
        cmd=replace(REQUEST, client=bare),
        facts=CONFIDENTIAL_FAMILY,
        client=CONFIDENTIAL_CLIENT,
    )
    _assert_costless(decision, ErrorCode.INVALID_CLIENT, "client_secret_missing")


def test_a_disabled_client_is_an_invalid_grant() -> None:
    decision = _decide(client=replace(PUBLIC_CLIENT, disabled=True))
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "client_disabled")


def test_a_revoked_family_is_an_invalid_grant() -> None:
    facts = _of(replace(FAMILY, revoked_at=NOW - 1, revoked_reason="x"))
    _assert_costless(_decide(facts=facts), ErrorCode.INVALID_GRANT, "family_revoked")


def test_reuse_of_a_revoked_family_writes_nothing_more() -> None:
    facts = _of(replace(FAMILY, revoked_at=NOW - 1, revoked_reason="x"))
    _assert_costless(_decide(0, facts=facts), ErrorCode.INVALID_GRANT, "family_revoked")


def test_an_ended_session_is_an_invalid_grant() -> None:
    facts = replace(FAMILY_FACTS, session=replace(SESSION, ended_at=NOW - 1))
    _assert_costless(_decide(facts=facts), ErrorCode.INVALID_GRANT, "session_ended")


def test_the_idle_deadline_itself_is_too_late() -> None:
    just_before = _decide(now=FAMILY.idle_deadline - 0.001)
    assert _generation(just_before) == CURRENT + 1
    decision = _decide(now=FAMILY.idle_deadline)
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "idle_deadline_passed")


def test_the_absolute_deadline_itself_is_too_late() -> None:
    facts = _of(replace(FAMILY, idle_deadline=FAMILY.absolute_deadline))
    just_before = _decide(facts=facts, now=FAMILY.absolute_deadline - 0.001)
    assert _generation(just_before) == CURRENT + 1
    decision = _decide(facts=facts, now=FAMILY.absolute_deadline)
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "absolute_deadline_passed")


def test_grace_does_not_outlive_a_deadline() -> None:
    facts = _of(replace(FAMILY, rotated_at=FAMILY.idle_deadline - 5.0))
    decision = _decide(CURRENT - 1, facts=facts, now=FAMILY.idle_deadline)
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "idle_deadline_passed")


def test_a_locked_account_is_an_invalid_grant_and_keeps_its_token() -> None:
    facts = replace(FAMILY_FACTS, user=replace(USER, status=AccountStatus.LOCKED))
    _assert_costless(_decide(facts=facts), ErrorCode.INVALID_GRANT, "account_not_active")


@pytest.mark.parametrize("jkt", [None, "other"])
def test_a_bound_token_without_its_proof_is_refused(jkt: str | None) -> None:  # RFC 9449 section 5
    decision = _decide(
        cmd=replace(REQUEST, sender=Sender(jkt=jkt)), facts=_of(replace(FAMILY, jkt="thumb"))
    )
    _assert_costless(decision, ErrorCode.INVALID_GRANT, "jkt_mismatch")


def test_a_client_that_lost_the_grant_is_refused() -> None:
    client = replace(PUBLIC_CLIENT, grant_types=())
    decision = _decide(client=client)
    _assert_costless(decision, ErrorCode.UNAUTHORIZED_CLIENT, "grant_type_not_registered")


def test_a_client_that_lost_the_api_is_refused() -> None:
    client = replace(PUBLIC_CLIENT, audiences=(NOTES,))
    _assert_costless(_decide(client=client), ErrorCode.INVALID_GRANT, "audience_withdrawn")


def test_another_resource_is_refused_and_costs_nothing() -> None:  # RFC 8707 section 2.2
    decision = _decide(cmd=replace(REQUEST, resource=NOTES))
    _assert_costless(decision, ErrorCode.INVALID_TARGET, "resource_not_granted")


def test_the_resource_of_the_family_is_answered() -> None:
    assert _generation(_decide(cmd=replace(REQUEST, resource=ORDERS))) == CURRENT + 1


def test_a_wider_scope_is_refused_and_costs_nothing() -> None:  # RFC 6749 section 6
    decision = _decide(cmd=replace(REQUEST, scopes=("orders:read", "orders:admin")))
    _assert_costless(decision, ErrorCode.INVALID_SCOPE, "scope_exceeds_grant")


def test_a_narrower_scope_is_for_this_access_token_alone() -> None:  # RFC 6749 section 6
    narrow = _decide(cmd=replace(REQUEST, scopes=("orders:read",)))
    assert _answered(narrow).access.claims["scope"] == "orders:read"
    assert _without_events(narrow.effects) == _without_events(_decide().effects)


def test_a_scope_that_api_or_client_lost_falls_away() -> None:
    api = replace(API, scopes=("orders:read",))
    assert _answered(_decide(facts=replace(FAMILY_FACTS, api=api))).scopes == ("orders:read",)
    client = replace(PUBLIC_CLIENT, scopes=("orders:write",))
    assert _answered(_decide(client=client)).scopes == ("orders:write",)


def test_every_dead_token_gets_one_public_answer() -> None:
    dead = (
        _decide(facts=None),
        _decide(0),
        _decide(CURRENT + 1),
        _decide(reading=RefreshTokenProblem.BAD_MAC, facts=None),
        _decide(facts=_of(replace(FAMILY, revoked_at=1))),
        _decide(now=FAMILY.idle_deadline),
        _decide(client=replace(PUBLIC_CLIENT, disabled=True)),
    )
    replies = {replace(d.reply, reason="") for d in dead if isinstance(d.reply, Refusal)}
    assert len(replies) == 1
