"""Logout: whoever holds the token may end its session, once and again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import FAMILY, FAMILY_FACTS, ISSUER, NOW, SESSION, presented

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import EndSession, Record, RevokeFamily
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.logout import decide_logout, parse_logout_request
from lingpai_server.protocol.replies import LoggedOut
from lingpai_server.protocol.requests import Arrival, LogoutRequest
from lingpai_server.sessions.refresh_token import RefreshTokenProblem, RefreshTokenReading

COOKIE = Secret("from-the-cookie")
BY_COOKIE = LogoutRequest(COOKIE, in_cookie=True, address="192.0.2.7")


def _decide(
    reading: RefreshTokenReading,
    facts: FamilyFacts | None = FAMILY_FACTS,
    *,
    cmd: LogoutRequest = BY_COOKIE,
) -> Decision[LoggedOut]:
    return decide_logout(cmd, RefreshTokenFacts(None, reading, facts), now=NOW + 0.5)


def _parse(parameters: dict[str, str], arrival: Arrival) -> LogoutRequest | Refusal:
    return parse_logout_request(parameters, arrival, issuer=ISSUER)


def test_the_cookie_is_the_token_when_the_form_has_none() -> None:
    arrival = Arrival(refresh_cookie=COOKIE, origin=ISSUER, address="192.0.2.7")
    assert _parse({}, arrival) == BY_COOKIE


def test_the_token_in_the_form_wins_and_leaves_the_cookie_alone() -> None:
    arrival = Arrival(refresh_cookie=COOKIE, sec_fetch_site="cross-site")
    assert _parse({"refresh_token": "t"}, arrival) == LogoutRequest(Secret("t"), in_cookie=False)


def test_no_token_at_all_is_a_request_too() -> None:
    assert _parse({}, Arrival(origin=ISSUER)) == LogoutRequest(None, in_cookie=True)


@pytest.mark.parametrize("cookie", [COOKIE, None])
@pytest.mark.parametrize(
    "arrival",
    [
        Arrival(sec_fetch_site="cross-site"),
        Arrival(sec_fetch_site="same-site"),
        Arrival(origin="https://evil.example"),
        Arrival(),
    ],
)
def test_a_foreign_page_can_neither_log_out_nor_clear_the_cookie(
    arrival: Arrival, cookie: Secret[str] | None
) -> None:
    refusal = _parse({}, replace(arrival, refresh_cookie=cookie))
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.ACCESS_DENIED


@pytest.mark.parametrize("generation", [FAMILY.generation, FAMILY.generation - 1, 0])
def test_any_issued_token_ends_family_and_session(generation: int) -> None:
    decision = _decide(presented(generation))
    revoke, end, record = decision.effects
    assert revoke == RevokeFamily(FAMILY.family_id, NOW, "logout")
    assert end == EndSession(SESSION.session_id, NOW, "logout")
    assert isinstance(record, Record)
    assert (record.event.kind, record.event.session_id) == ("session.logged_out", "s-1")


@pytest.mark.parametrize("in_cookie", [True, False])
def test_the_cookie_is_cleared_when_it_was_the_token(in_cookie: bool) -> None:
    cmd = replace(BY_COOKIE, in_cookie=in_cookie)
    assert _decide(presented(5), cmd=cmd).reply == LoggedOut(clear_cookie=in_cookie)


def test_logging_out_twice_succeeds_and_writes_nothing() -> None:
    facts = replace(
        FAMILY_FACTS,
        family=replace(FAMILY, revoked_at=NOW),
        session=replace(SESSION, ended_at=NOW),
    )
    assert _decide(presented(5), facts) == Decision(LoggedOut(clear_cookie=True))


@pytest.mark.parametrize("problem", list(RefreshTokenProblem))
def test_a_token_that_is_not_one_has_nothing_to_end(problem: RefreshTokenProblem) -> None:
    assert _decide(problem, None) == Decision(LoggedOut(clear_cookie=True))


def test_a_token_of_no_known_family_has_nothing_to_end() -> None:
    assert _decide(presented(5), None) == Decision(LoggedOut(clear_cookie=True))


def test_no_token_has_nothing_to_end() -> None:
    cmd = LogoutRequest(None, in_cookie=True)
    assert decide_logout(cmd, None, now=NOW) == Decision(LoggedOut(clear_cookie=True))


def test_what_was_never_issued_ends_nothing_and_is_recorded() -> None:
    [record] = _decide(presented(6)).effects
    assert isinstance(record, Record)
    assert record.event.kind == "refresh.never_issued"
