"""refresh_token grant (RFC 6749 section 6, RFC 9700 section 4.14.2). No I/O, clock, randomness.

The current token rotates the family by one compare-and-set. The previous one, inside the grace
window, is answered with the current one again: a lost answer, a retry and a second tab change
nothing. That answer consumes nothing, so it needs no compare-and-set; it is as if it had been given
when its facts were read. Anything older, or later, is reuse and ends the family.
"""

from __future__ import annotations

from typing import assert_never

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record, RotateFamily, SlideFamily
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.fresh import Fresh
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.client_auth import identify_client
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.family_end import REUSE, end_family, record
from lingpai_server.protocol.grants import reply_with, require_versions, user_scopes_of
from lingpai_server.protocol.id_token import build_id_token
from lingpai_server.protocol.openid_scopes import OPENID
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.replies import IdToken, TokenReply
from lingpai_server.protocol.requests import RefreshRequest
from lingpai_server.protocol.scopes import narrow_scope
from lingpai_server.protocol.sender import bind_access
from lingpai_server.protocol.status_slot import choose_slot, slot_of_session
from lingpai_server.protocol.token.refresh_checks import (
    REQUEST_STEPS,
    TOKEN_STEPS,
    RefreshCase,
    refuse_grant,
)
from lingpai_server.sessions.families import Standing, decide_standing, idle_deadline
from lingpai_server.sessions.refresh_token import (
    RefreshKeys,
    RefreshTokenProblem,
    derive_refresh_token,
)


def decide_refresh(
    cmd: RefreshRequest,
    facts: RefreshTokenFacts,
    policy: IssuePolicy,
    *,
    refresh_keys: RefreshKeys,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """New tokens, the same again, or a refusal with what it costs the family."""
    case = _identify(cmd, facts, now=now)
    if isinstance(case, Refusal):
        return Decision(case)
    refusal = first_refusal(TOKEN_STEPS, case)
    if refusal is not None:
        return Decision(refusal)
    standing = _standing(case, policy)
    match standing:
        case Standing.CURRENT:
            rotates = rules_of(case.client).refresh_rotates
            moved = _rotate(case, policy) if rotates else _slide(case, policy)
            return _answer(case, policy, refresh_keys, fresh, moved, rotates=rotates)
        case Standing.PREVIOUS_IN_GRACE:
            return _answer(case, policy, refresh_keys, fresh, _repeat(case), rotates=False)
        case Standing.REUSED:
            return _punish_reuse(case)
        case Standing.NEVER_ISSUED:
            return _refuse_never_issued(case)
        case _:
            assert_never(standing)


def _identify(
    cmd: RefreshRequest, facts: RefreshTokenFacts, *, now: float
) -> RefreshCase | Refusal:
    client = identify_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return client
    if isinstance(facts.presented, RefreshTokenProblem):
        return refuse_grant(facts.presented.value)
    if facts.family is None:
        return refuse_grant("family_unknown")
    return RefreshCase(cmd, client, facts.presented, facts.family, now)


def _standing(case: RefreshCase, policy: IssuePolicy) -> Standing:
    family = case.facts.family
    bound = family.jkt is not None or family.x5t is not None
    proven = not case.client.is_public or bound
    return decide_standing(
        case.presented, family, policy.sessions, now=case.now, grace_has_limit=not proven
    )


def _answer(
    case: RefreshCase,
    policy: IssuePolicy,
    refresh_keys: RefreshKeys,
    fresh: Fresh,
    moved: Effects,
    *,
    rotates: bool,
) -> Decision[TokenReply | Refusal]:
    """Token n + 1 after a rotation, or token n again; the access token is new either way. It alone
    is bound to the key of a proof that came along (RFC 9449 section 5)."""
    family, api = case.facts.family, case.facts.api
    scopes = first_refusal(REQUEST_STEPS, case) or narrow_scope(
        case.cmd.scopes, family.scopes, user_scopes_of(case.client, api)
    )
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    session = case.facts.session
    slot, taken = choose_slot(
        slot_of_session(session, api.audience),
        case.facts.slot,
        fresh,
        held_until=session.absolute_deadline,
        now=case.now,
    )
    access = build_access_token(
        policy.issuer,
        case.client,
        api,
        case.facts.access,
        session,
        scopes,
        slot,
        now=case.now,
        jti=fresh.jti,
        sender=bind_access(case.client, case.cmd.sender),
        authorization_details=family.authorization_details,
    )
    refresh_token = derive_refresh_token(
        refresh_keys,
        version=family.key_version,
        family_id=family.family_id,
        generation=family.generation + rotates,
    )
    reply = reply_with(
        access,
        scopes,
        family=family,
        refresh_token=refresh_token,
        in_cookie=case.cmd.in_cookie,
        id_token=_identify_again(case, policy) if OPENID in scopes else None,
        authorization_details=family.authorization_details,
        now=case.now,
    )
    versions = require_versions(case.facts.user, case.client, api)
    return Decision(reply, (*versions, *moved, *taken))


def _identify_again(case: RefreshCase, policy: IssuePolicy) -> IdToken:
    """OpenID Connect Core section 12.2: the same login, told anew; a nonce is told once."""
    facts = case.facts
    return build_id_token(
        policy.issuer, case.client, facts.user, facts.session, nonce=None, now=case.now
    )


def _rotate(case: RefreshCase, policy: IssuePolicy) -> Effects:
    """The row moves, and nothing is added: storage does not grow with rotations, so the ordinary
    refresh is no event. What is odd about one is."""
    family = case.facts.family
    return (RotateFamily(family.family_id, family.generation, case.now, _slid(case, policy)),)


def _slide(case: RefreshCase, policy: IssuePolicy) -> Effects:
    """FAPI 2.0 Security Profile section 5.3.2.1: the client proves who it is, so its token stays
    good; the session was used all the same."""
    family = case.facts.family
    return (SlideFamily(family.family_id, family.generation, _slid(case, policy)),)


def _slid(case: RefreshCase, policy: IssuePolicy) -> int:
    return idle_deadline(policy.sessions, case.facts.family.absolute_deadline, now=case.now)


def _repeat(case: RefreshCase) -> Effects:
    return (_record(EventKind.REFRESH_REPEATED, case),)


def _punish_reuse(case: RefreshCase) -> Decision[TokenReply | Refusal]:
    """RFC 9700 section 4.14.2: two hold the token, and nobody can tell which one is the thief."""
    return Decision(
        refuse_grant(REUSE),
        (
            *end_family(case.facts, reason=REUSE, now=case.now),
            _record(EventKind.REFRESH_REUSED, case),
        ),
    )


def _refuse_never_issued(case: RefreshCase) -> Decision[TokenReply | Refusal]:
    """Its MAC is right and nobody was given it: the refresh key may have leaked. Nothing is
    revoked, or whoever has the key could end any session."""
    never_issued = _record(EventKind.REFRESH_NEVER_ISSUED, case)
    return Decision(refuse_grant("refresh_generation_never_issued"), (never_issued,))


def _record(kind: EventKind, case: RefreshCase) -> Record:
    return record(kind, case.facts.family, case.presented, address=case.cmd.address, now=case.now)
