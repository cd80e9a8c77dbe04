"""Revocation: RFC 7009."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import (
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FAMILY,
    FAMILY_FACTS,
    NOW,
    PUBLIC,
    PUBLIC_CLIENT,
    SESSION,
    USER,
    presented,
)

from lingpai.jose import base64url
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import EndSession, Record, RevokeFamily
from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.core.status_effects import DenyToken
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.replies import Revoked
from lingpai_server.protocol.requests import (
    Arrival,
    ClientAuthMethod,
    PresentedClient,
    RevokeRequest,
)
from lingpai_server.protocol.revoke import decide_revoke, parse_revoke_request
from lingpai_server.protocol.token_standing import TokenFacts
from lingpai_server.sessions.refresh_token import (
    PresentedRefreshToken,
    RefreshTokenProblem,
    RefreshTokenReading,
)

REQUEST = RevokeRequest(PUBLIC, Secret("as presented"), address="192.0.2.7")
ENDED = (
    RevokeFamily(FAMILY.family_id, NOW, "revoked_by_client"),
    EndSession(SESSION.session_id, NOW, "revoked_by_client"),
)


def _decide(
    reading: RefreshTokenReading,
    facts: FamilyFacts | None = FAMILY_FACTS,
    *,
    cmd: RevokeRequest = REQUEST,
    client: Client | None = PUBLIC_CLIENT,
) -> Decision[Revoked | Refusal]:
    return decide_revoke(cmd, RefreshTokenFacts(client, reading, facts), now=NOW + 0.5)


def _decide_text(text: str) -> Decision[Revoked | Refusal]:
    cmd = replace(REQUEST, token=Secret(text))
    return _decide(RefreshTokenProblem.MALFORMED, None, cmd=cmd)


def _header(json: bytes) -> str:
    return base64url.encode(json)


def test_a_request_is_token_client_and_hint() -> None:
    parameters = {"token": "t", "client_id": "app", "token_type_hint": "refresh_token"}
    assert parse_revoke_request(parameters, Arrival(address="192.0.2.7")) == RevokeRequest(
        PresentedClient("app", ClientAuthMethod.NONE), Secret("t"), "refresh_token", "192.0.2.7"
    )


def test_a_request_without_a_token_is_refused() -> None:  # section 2.1
    refusal = parse_revoke_request({"client_id": "app"}, Arrival())
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.INVALID_REQUEST


def test_a_request_of_nobody_is_refused() -> None:
    refusal = parse_revoke_request({"token": "t"}, Arrival())
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.INVALID_CLIENT


@pytest.mark.parametrize("generation", [FAMILY.generation, FAMILY.generation - 1, 0])
def test_any_issued_token_ends_family_and_session(generation: int) -> None:
    decision = _decide(presented(generation))
    assert decision.reply == Revoked()
    *ended, record = decision.effects
    assert tuple(ended) == ENDED
    assert isinstance(record, Record)
    assert (record.event.kind, record.event.address) == ("token.revoked", "192.0.2.7")


@pytest.mark.parametrize("hint", ["access_token", "令牌", "id_token"])
def test_a_wrong_hint_changes_nothing(hint: str) -> None:  # section 2.1
    cmd = replace(REQUEST, token_type_hint=hint)
    assert _decide(presented(5), cmd=cmd) == _decide(presented(5))


@pytest.mark.parametrize("problem", list(RefreshTokenProblem))
def test_a_token_that_is_not_one_is_revoked_already(problem: RefreshTokenProblem) -> None:
    assert _decide(problem, None) == Decision(Revoked())  # section 2.2


def test_a_token_of_no_known_family_is_revoked_already() -> None:
    assert _decide(presented(5), None) == Decision(Revoked())


def test_revoking_twice_succeeds_and_writes_nothing() -> None:
    facts = replace(
        FAMILY_FACTS,
        family=replace(FAMILY, revoked_at=NOW),
        session=replace(SESSION, ended_at=NOW),
    )
    assert _decide(presented(5), facts) == Decision(Revoked())


def test_a_revoked_family_whose_session_still_runs_is_ended_too() -> None:
    facts = replace(FAMILY_FACTS, family=replace(FAMILY, revoked_at=NOW))
    assert _decide(presented(5), facts).effects[:2] == ENDED


def test_a_token_of_another_client_is_refused_and_lives() -> None:  # section 2.1
    cmd = replace(REQUEST, client=CONFIDENTIAL)
    decision = _decide(presented(5), cmd=cmd, client=CONFIDENTIAL_CLIENT)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code is ErrorCode.INVALID_GRANT
    assert decision.effects == ()


@pytest.mark.parametrize(
    ("cmd", "client"),
    [
        (REQUEST, None),
        (REQUEST, replace(PUBLIC_CLIENT, disabled=True)),
        (replace(REQUEST, client=replace(CONFIDENTIAL, secret=None)), CONFIDENTIAL_CLIENT),
        (replace(REQUEST, client=replace(CONFIDENTIAL, secret=Secret("x"))), CONFIDENTIAL_CLIENT),
    ],
    ids=["unknown", "disabled", "no secret", "wrong secret"],
)
def test_a_client_that_is_not_proven_revokes_nothing(
    cmd: RevokeRequest, client: Client | None
) -> None:
    decision = _decide(presented(5), cmd=cmd, client=client)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code is ErrorCode.INVALID_CLIENT
    assert decision.effects == ()


@pytest.mark.parametrize("token", [presented(6), presented(5, key_version=1)])
def test_what_was_never_issued_revokes_nothing_and_is_recorded(
    token: PresentedRefreshToken,
) -> None:
    decision = _decide(token)
    assert decision.reply == Revoked()
    [record] = decision.effects
    assert isinstance(record, Record)
    assert record.event.kind == "refresh.never_issued"


ACCESS = TokenFacts(
    {
        "aud": "https://orders.example",
        "client_id": "app",
        "exp": NOW + 300,
        "jti": "j-1",
        "sid": SESSION.session_id,
        "sub": "a pairwise subject",
    },
    PUBLIC_CLIENT,
    SessionFacts(SESSION, USER, PUBLIC_CLIENT),
)


def _decide_access(
    access: TokenFacts, *, cmd: RevokeRequest = REQUEST, client: Client | None = PUBLIC_CLIENT
) -> Decision[Revoked | Refusal]:
    facts = RefreshTokenFacts(client, RefreshTokenProblem.MALFORMED, None)
    return decide_revoke(cmd, facts, access=access, now=NOW + 0.5)


def test_an_access_token_is_denied_until_it_expires() -> None:  # section 2.1
    decision = _decide_access(ACCESS)
    assert decision.reply == Revoked()
    deny, record = decision.effects
    assert deny == DenyToken("j-1", NOW + 300, NOW)
    assert isinstance(record, Record)
    event = record.event
    assert (event.kind, event.user_id, event.session_id) == ("token.denied", "u-alice", "s-1")
    assert (event.client_id, event.address) == ("app", "192.0.2.7")


def test_a_clients_own_access_token_is_denied_too() -> None:
    own = {name: value for name, value in ACCESS.claims.items() if name != "sid"}
    deny, _ = _decide_access(TokenFacts(own, PUBLIC_CLIENT, None)).effects
    assert deny == DenyToken("j-1", NOW + 300, NOW)


def test_an_access_token_of_another_client_is_refused_and_lives() -> None:  # section 2.1
    cmd = replace(REQUEST, client=CONFIDENTIAL)
    decision = _decide_access(ACCESS, cmd=cmd, client=CONFIDENTIAL_CLIENT)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code is ErrorCode.INVALID_GRANT
    assert decision.effects == ()


@pytest.mark.parametrize("client", [None, replace(PUBLIC_CLIENT, disabled=True)])
def test_nobody_who_is_not_proven_denies_an_access_token(client: Client | None) -> None:
    decision = _decide_access(ACCESS, client=client)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code is ErrorCode.INVALID_CLIENT
    assert decision.effects == ()


@pytest.mark.parametrize(
    "access",
    [
        replace(ACCESS, is_denied=True),
        replace(ACCESS, claims={**ACCESS.claims, "exp": NOW}),
        replace(ACCESS, session=SessionFacts(replace(SESSION, ended_at=NOW), USER, PUBLIC_CLIENT)),
    ],
    ids=["denied", "expired", "session ended"],
)
def test_what_is_over_takes_no_place_among_the_denied(access: TokenFacts) -> None:
    assert _decide_access(access) == Decision(Revoked())


def test_a_token_that_a_lock_holds_back_is_denied_all_the_same() -> None:
    """An unlocked account would give it back."""
    locked = replace(USER, status=AccountStatus.LOCKED)
    access = replace(ACCESS, session=SessionFacts(SESSION, locked, PUBLIC_CLIENT))
    assert len(_decide_access(access).effects) == 2


def test_an_access_token_that_others_can_make_is_of_an_unsupported_type() -> None:  # section 2.2.1
    decision = _decide_text(_header(b'{"typ":"at+jwt","alg":"ES256"}') + ".e30.c2ln")
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.code is ErrorCode.UNSUPPORTED_TOKEN_TYPE
    assert decision.effects == ()


@pytest.mark.parametrize(
    "text",
    [
        "random",
        "a.b.c",
        "..",
        _header(b"{}") + ".e30.c2ln",
        _header(b'"alg"') + ".e30.c2ln",
        _header(b'{"alg":') + ".e30.c2ln",
        _header(b'{"alg":"ES256"}') + ".e30",
        _header(b'{"alg":"ES256"}') + ".a.b.c",
        _header(b'{"alg":"ES256"}') + "=.e30.c2ln",
        "令牌.令.牌",
        "." * 65_000,
        "A" * 65_000,
        _header(b"[" * 3_000) + ".e30.c2ln",
    ],
)
def test_random_text_succeeds(text: str) -> None:  # section 2.2
    assert _decide_text(text) == Decision(Revoked())
