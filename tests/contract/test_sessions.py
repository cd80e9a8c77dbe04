"""Sessions and refresh families: one winner a generation, deadlines that slide, ends that last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    FAMILY_ID,
    NOW,
    a_family,
    a_login,
    a_session,
    a_user,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    CreateUser,
    EndSession,
    EndSessionsOfUser,
    RevokeFamily,
    RotateFamily,
    SlideFamily,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import AlreadyExists, FamilyFacts, NotFound, StaleState, Store

SECOND_ID = b"\xff" * 16
ROTATE = RotateFamily(FAMILY_ID, 0, NOW + 5.25, NOW + 2_000)
SLIDE = SlideFamily(FAMILY_ID, 0, NOW + 2_000)


@pytest.fixture
def live(store: Store) -> Store:
    """A store with one session and its family."""
    fill(store, people_and_apis(), a_login())
    return store


def facts_of(store: Store, family_id: bytes = FAMILY_ID) -> FamilyFacts:
    """The facts, which must be there."""
    facts = run(store.load_family(family_id))
    assert facts is not None
    return facts


def test_a_session_and_its_family_come_back_as_they_went_in(store: Store) -> None:
    fill(store, people_and_apis())
    session = a_session(amr=("pwd", "otp"))
    family = a_family(scopes=("a", "b"), rotated_at=NOW + 0.123456789, jkt="thumb", generation=7)
    run(store.apply((StartSession(session), StartFamily(family))))
    facts = facts_of(store)
    assert (facts.session, facts.family) == (session, family)


def test_a_session_identifier_is_taken_once(live: Store) -> None:
    with pytest.raises(AlreadyExists):
        run(live.apply((StartSession(a_session()),)))


def test_a_family_identifier_is_taken_once(live: Store) -> None:
    with pytest.raises(AlreadyExists):
        run(live.apply((StartFamily(a_family()),)))


@pytest.mark.parametrize("missing", ["user_id", "client_id"])
def test_a_session_needs_its_user_and_client(store: Store, missing: str) -> None:
    fill(store, people_and_apis())
    with pytest.raises(NotFound):
        run(store.apply((StartSession(a_session(**{missing: "nobody"})),)))


@pytest.mark.parametrize("missing", ["session_id", "user_id", "client_id", "audience"])
def test_a_family_needs_all_that_it_names(live: Store, missing: str) -> None:
    with pytest.raises(NotFound):
        run(live.apply((StartFamily(a_family(SECOND_ID, **{missing: "nobody"})),)))


def test_a_family_cannot_start_in_a_session_that_ended(live: Store) -> None:
    fill(live, [EndSession("session-1", NOW, "logout")])
    with pytest.raises(StaleState):
        run(live.apply((StartFamily(a_family(SECOND_ID)),)))


def test_rotation_moves_one_generation_and_slides_both_idle_deadlines(live: Store) -> None:
    run(live.apply((ROTATE,)))
    facts = facts_of(live)
    expected = replace(a_family(), generation=1, rotated_at=NOW + 5.25, idle_deadline=NOW + 2_000)
    assert facts.family == expected
    assert facts.session == a_session(idle_deadline=NOW + 2_000)


def test_rotation_never_moves_the_session_deadline_back(live: Store) -> None:
    run(live.apply((RotateFamily(FAMILY_ID, 0, NOW + 1.0, NOW + 500),)))
    facts = facts_of(live)
    assert facts.family.idle_deadline == NOW + 500
    assert facts.session.idle_deadline == NOW + 1_000


@pytest.mark.parametrize("generation", [-1, 1, 2])
def test_rotation_from_another_generation_is_lost(live: Store, generation: int) -> None:
    with pytest.raises(StaleState):
        run(live.apply((replace(ROTATE, generation=generation),)))
    assert facts_of(live).family == a_family()


def test_a_generation_is_spent_once(live: Store) -> None:
    run(live.apply((ROTATE,)))
    with pytest.raises(StaleState):
        run(live.apply((ROTATE,)))
    assert facts_of(live).family.generation == 1


def test_rotation_of_an_unknown_family_is_lost(live: Store) -> None:
    with pytest.raises(StaleState):
        run(live.apply((replace(ROTATE, family_id=SECOND_ID),)))


def test_rotation_of_a_revoked_family_is_lost(live: Store) -> None:
    fill(live, [RevokeFamily(FAMILY_ID, NOW, "reuse")])
    with pytest.raises(StaleState):
        run(live.apply((ROTATE,)))


def test_rotation_in_an_ended_session_is_lost(live: Store) -> None:
    fill(live, [EndSession("session-1", NOW, "logout")])
    with pytest.raises(StaleState):
        run(live.apply((ROTATE,)))


def test_sliding_moves_no_generation_and_both_idle_deadlines(live: Store) -> None:
    run(live.apply((SLIDE,)))
    facts = facts_of(live)
    assert facts.family == a_family(idle_deadline=NOW + 2_000)
    assert facts.session == a_session(idle_deadline=NOW + 2_000)


def test_sliding_moves_no_deadline_back(live: Store) -> None:
    run(live.apply((replace(SLIDE, idle_deadline=NOW + 500),)))
    assert facts_of(live).family == a_family()
    assert facts_of(live).session == a_session()


def test_sliding_from_another_generation_is_lost(live: Store) -> None:
    with pytest.raises(StaleState):
        run(live.apply((replace(SLIDE, generation=1),)))


def test_sliding_a_revoked_family_is_lost(live: Store) -> None:
    fill(live, [RevokeFamily(FAMILY_ID, NOW, "reuse")])
    with pytest.raises(StaleState):
        run(live.apply((SLIDE,)))


def test_sliding_in_an_ended_session_is_lost(live: Store) -> None:
    fill(live, [EndSession("session-1", NOW, "logout")])
    with pytest.raises(StaleState):
        run(live.apply((SLIDE,)))


def test_revocation_keeps_its_first_time_and_reason(live: Store) -> None:
    fill(live, [RevokeFamily(FAMILY_ID, NOW + 1, "reuse")])
    fill(live, [RevokeFamily(FAMILY_ID, NOW + 2, "logout")])
    assert facts_of(live).family == a_family(revoked_at=NOW + 1, revoked_reason="reuse")


def test_revoking_a_family_leaves_its_session(live: Store) -> None:
    fill(live, [RevokeFamily(FAMILY_ID, NOW + 1, "reuse")])
    assert facts_of(live).session == a_session()


def test_revocation_of_an_unknown_family_says_so(live: Store) -> None:
    with pytest.raises(NotFound):
        run(live.apply((RevokeFamily(SECOND_ID, NOW, "reuse"),)))


def test_the_end_of_a_session_revokes_all_its_families(live: Store) -> None:
    fill(live, [StartFamily(a_family(SECOND_ID))])
    fill(live, [EndSession("session-1", NOW + 3, "logout")])
    for family_id in (FAMILY_ID, SECOND_ID):
        facts = facts_of(live, family_id)
        assert facts.family == a_family(family_id, revoked_at=NOW + 3, revoked_reason="logout")
        assert facts.session == a_session(ended_at=NOW + 3, end_reason="logout")


def test_an_end_keeps_its_first_time_and_reason(live: Store) -> None:
    fill(live, [EndSession("session-1", NOW + 3, "logout")])
    fill(live, [EndSession("session-1", NOW + 9, "administrator")])
    assert facts_of(live).session == a_session(ended_at=NOW + 3, end_reason="logout")


def test_the_end_of_a_session_does_not_touch_an_earlier_revocation(live: Store) -> None:
    fill(live, [RevokeFamily(FAMILY_ID, NOW + 1, "reuse")])
    fill(live, [EndSession("session-1", NOW + 3, "logout")])
    assert facts_of(live).family.revoked_reason == "reuse"


def test_the_end_of_an_unknown_session_says_so(live: Store) -> None:
    with pytest.raises(NotFound):
        run(live.apply((EndSession("nowhere", NOW, "logout"),)))


def test_ending_a_users_sessions_ends_all_of_his_and_no_other(live: Store) -> None:
    mei = a_user("mei")
    second = a_session("session-2")
    of_mei = a_session("session-3", user_id=mei.user_id)
    fill(
        live,
        [CreateUser(mei), StartSession(second), StartSession(of_mei)],
        [StartFamily(a_family(b"2" * 16, session_id="session-2"))],
        [StartFamily(a_family(b"3" * 16, session_id="session-3", user_id=mei.user_id))],
        [EndSessionsOfUser("id-of-ming", NOW + 4, "password_reset")],
    )
    for family_id in (FAMILY_ID, b"2" * 16):
        facts = facts_of(live, family_id)
        assert facts.session.ended_at == facts.family.revoked_at == NOW + 4
        assert facts.session.end_reason == facts.family.revoked_reason == "password_reset"
    assert facts_of(live, b"3" * 16).session == of_mei
    assert facts_of(live, b"3" * 16).family.revoked_at is None


def test_ending_a_users_sessions_keeps_an_earlier_end(live: Store) -> None:
    fill(live, [EndSession("session-1", NOW + 3, "logout")])
    fill(live, [EndSessionsOfUser("id-of-ming", NOW + 4, "password_reset")])
    assert facts_of(live).session == a_session(ended_at=NOW + 3, end_reason="logout")


def test_ending_no_session_of_a_user_is_no_error(store: Store) -> None:
    fill(store, people_and_apis(), [EndSessionsOfUser("id-of-ming", NOW, "locked")])


def test_ending_the_sessions_of_an_unknown_user_says_so(store: Store) -> None:
    with pytest.raises(NotFound):
        run(store.apply((EndSessionsOfUser("nobody", NOW, "locked"),)))
