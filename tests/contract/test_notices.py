"""Logout notices (OpenID Connect Back-Channel Logout 1.0): due at the end of a session, by whatever
way it came, told by one process, and not forgotten before that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOW,
    a_client,
    a_family,
    a_session,
    a_sign_in,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    CreateClient,
    Effect,
    EndSession,
    EndSessionsOfUser,
    RevokeFamily,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import DeleteClient, EndBrowser, MoveNotice
from lingpai_server.core.flow_records import LogoutNotice
from lingpai_server.core.ports import StaleState, Store

END = EndSession("session-1", NOW + 7, "logout")
DEADLINE = NOW + 9_000
A_DAY = 86_400


@pytest.fixture
def told(store: Store) -> Store:
    """A store with a session whose client wants to hear of its end."""
    session = a_session(browser_id=BROWSER_ID, notify=True)
    fill(store, people_and_apis(), a_sign_in(), [StartSession(session)])
    return store


def due(store: Store, now: int = NOW + 7, limit: int = 10, skip: Sequence[str] = ()) -> list[str]:
    """The sessions of the notices that are due."""
    notices = run(store.load_logout_notices(now, limit, skip_clients=skip))
    return [notice.session.session_id for notice in notices]


@pytest.mark.parametrize(
    "end",
    [
        END,
        EndSessionsOfUser("id-of-ming", NOW + 7, "locked"),
        EndBrowser(BROWSER_ID, NOW + 7, "logout"),
        DeleteClient("app", 1, NOW + 7),
    ],
)
def test_every_end_makes_a_notice_due_at_once(told: Store, end: Effect) -> None:
    assert due(told) == []
    fill(told, [end])
    assert due(told, NOW + 6) == []
    (notice,) = run(told.load_logout_notices(NOW + 7, 10))
    assert (notice.attempts, notice.due_at) == (0, NOW + 7)
    assert notice.session.ended_at == NOW + 7


def test_a_notice_has_the_session_as_it_ended_and_its_client(told: Store) -> None:
    fill(told, [END])
    ended = a_session(browser_id=BROWSER_ID, notify=True, ended_at=NOW + 7, end_reason="logout")
    notices = run(told.load_logout_notices(NOW + 7, 10))
    assert notices == (LogoutNotice(ended, a_client(), 0, NOW + 7),)


def test_no_notice_is_due_of_a_session_that_nobody_wants_to_hear_of(store: Store) -> None:
    fill(store, people_and_apis(), [StartSession(a_session())], [END])
    assert due(store) == []


def test_no_notice_is_due_of_what_ends_by_its_deadline(told: Store) -> None:
    assert due(told, DEADLINE + A_DAY) == []


def test_the_revocation_of_a_family_is_no_end_of_its_session(told: Store) -> None:
    fill(told, [StartFamily(a_family())], [RevokeFamily(FAMILY_ID, NOW, "revoked")])
    assert due(told) == []


def test_ending_twice_makes_no_second_notice(told: Store) -> None:
    fill(told, [END], [MoveNotice("session-1", 0, None)])
    fill(told, [EndSession("session-1", NOW + 9, "again")])
    fill(told, [EndSessionsOfUser("id-of-ming", NOW + 9, "again")])
    assert due(told, NOW + 100) == []


def test_a_claimed_notice_is_due_again_at_its_new_time(told: Store) -> None:
    fill(told, [END], [MoveNotice("session-1", 0, NOW + 30)])
    assert due(told, NOW + 29) == []
    (notice,) = run(told.load_logout_notices(NOW + 30, 10))
    assert (notice.attempts, notice.due_at) == (1, NOW + 30)


def test_a_notice_is_claimed_once_an_attempt(told: Store) -> None:
    fill(told, [END], [MoveNotice("session-1", 0, NOW + 30)])
    with pytest.raises(StaleState):
        run(told.apply((MoveNotice("session-1", 0, NOW + 40),)))
    fill(told, [MoveNotice("session-1", 1, NOW + 40)])
    assert due(told, NOW + 39) == []


def test_a_notice_that_is_done_with_is_never_due_and_cannot_be_claimed(told: Store) -> None:
    fill(told, [END], [MoveNotice("session-1", 0, NOW + 30)], [MoveNotice("session-1", 1, None)])
    assert due(told, DEADLINE) == []
    for attempts in range(4):
        with pytest.raises(StaleState):
            run(told.apply((MoveNotice("session-1", attempts, NOW + 50),)))


@pytest.mark.parametrize("session_id", ["session-1", "nowhere"])
def test_there_is_nothing_to_claim_of_a_session_that_lives_or_is_not_there(
    told: Store, session_id: str
) -> None:
    with pytest.raises(StaleState):
        run(told.apply((MoveNotice(session_id, 0, NOW),)))


def test_the_oldest_come_first_and_no_more_than_asked(store: Store) -> None:
    sessions = [a_session(f"session-{number}", notify=True) for number in range(4)]
    ends = [EndSession(f"session-{n}", NOW + at, "out") for n, at in enumerate((3, 1, 2, 1))]
    fill(store, people_and_apis(), map(StartSession, sessions), ends)
    assert due(store, limit=10) == ["session-1", "session-3", "session-2", "session-0"]
    assert due(store, limit=2) == ["session-1", "session-3"]
    assert due(store, now=NOW + 2) == ["session-1", "session-3", "session-2"]


def test_clients_that_are_skipped_do_not_stand_before_the_others(store: Store) -> None:
    fill(store, people_and_apis(), [CreateClient(a_client(each)) for each in ("slow", "lame")])
    for number, client_id in enumerate(("slow", "slow", "lame", "app")):
        session = a_session(f"session-{number}", client_id=client_id, notify=True)
        fill(store, [StartSession(session), EndSession(f"session-{number}", NOW + number, "out")])
    assert due(store, limit=1) == ["session-0"]
    assert due(store, limit=1, skip=["slow"]) == ["session-2"]
    assert due(store, limit=10, skip=["lame", "slow"]) == ["session-3"]


def test_a_session_is_not_removed_before_its_client_was_told(told: Store) -> None:
    late = EndSession("session-1", DEADLINE - 10, "logout")
    fill(told, [late])
    assert run(told.remove_expired(DEADLINE, 100)) == 0
    assert due(told, DEADLINE) == ["session-1"]
    fill(told, [MoveNotice("session-1", 0, None)])
    assert run(told.remove_expired(DEADLINE, 100)) == 1
    assert run(told.load_session("session-1")) is None


def test_a_client_that_cannot_be_told_for_a_day_is_given_up(told: Store) -> None:
    fill(told, [EndSession("session-1", DEADLINE - 10, "logout")])
    assert run(told.remove_expired(DEADLINE - 10 + A_DAY - 1, 100)) == 0
    assert run(told.remove_expired(DEADLINE - 10 + A_DAY, 1)) == 1
    assert due(told, DEADLINE + A_DAY) == []


def test_a_session_that_ended_by_its_deadline_is_removed_at_once(told: Store) -> None:
    assert run(told.remove_expired(DEADLINE, 100)) == 1
