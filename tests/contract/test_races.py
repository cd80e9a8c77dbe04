"""Races inside one process: of all who want the same transition, one gets it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.support.racing import RACERS, race
from tests.support.stores import (
    FAMILY_ID,
    NOW,
    a_family,
    a_key,
    a_login,
    a_session,
    a_user,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    CreateUser,
    Effect,
    EndSession,
    EndSessionsOfUser,
    MoveBucket,
    MoveKey,
    Record,
    ReplacePasswordHash,
    RequireVersion,
    RotateFamily,
    StartFamily,
    StartSession,
    StoreKey,
)
from lingpai_server.core.ports import AlreadyExists, StaleState, Store
from lingpai_server.core.records import Bucket, Event, KeyPurpose, KeyState
from lingpai_server.core.secret import Secret


def test_one_generation_is_rotated_by_exactly_one(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    answers = race(
        store,
        [
            (Record(Event("try", NOW)), RotateFamily(FAMILY_ID, 0, NOW + 0.5, NOW + number))
            for number in range(RACERS)
        ],
    )
    assert answers.count(None) == 1
    assert sum(isinstance(answer, StaleState) for answer in answers) == RACERS - 1
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family.generation == 1
    assert facts.family.idle_deadline == NOW + answers.index(None)
    assert len(run(store.load_events(0, RACERS))) == 1  # the losers left nothing behind


def test_every_generation_has_one_winner(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    rotations = [RotateFamily(FAMILY_ID, n // 5, float(NOW), NOW + 10) for n in range(RACERS)]
    answers = race(store, [(rotation,) for rotation in rotations])
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family.generation == answers.count(None)
    winners = [r.generation for r, answer in zip(rotations, answers, strict=True) if not answer]
    assert winners == list(range(len(winners)))


def test_one_state_of_a_bucket_is_left_by_exactly_one(store: Store) -> None:
    before = Bucket("account:ming", 1.0, NOW, 0.0)
    fill(store, [MoveBucket(None, before)])
    after = [Bucket(before.name, 2.0, NOW + float(number), 0.0) for number in range(1, RACERS)]
    answers = race(store, [(MoveBucket(before, bucket),) for bucket in after])
    assert answers.count(None) == 1
    moved = run(store.load_buckets([before.name]))[before.name]
    assert moved == after[answers.index(None)]


def test_an_absent_bucket_is_filled_by_exactly_one(store: Store) -> None:
    first = [Bucket("account:ming", float(number), NOW, 0.0) for number in range(RACERS)]
    answers = race(store, [(MoveBucket(None, bucket),) for bucket in first])
    assert answers.count(None) == 1
    assert run(store.load_buckets(["account:ming"]))["account:ming"] == first[answers.index(None)]


def test_one_refresh_key_version_is_stored_by_exactly_one(store: Store) -> None:
    keys = [a_key(f"kid-{n}", purpose=KeyPurpose.REFRESH, version=1) for n in range(RACERS)]
    answers = race(store, [(StoreKey(key),) for key in keys])
    assert answers.count(None) == 1
    assert sum(isinstance(answer, AlreadyExists) for answer in answers) == RACERS - 1
    assert run(store.load_keys()) == (keys[answers.index(None)],)


def test_one_username_is_taken_by_exactly_one(store: Store) -> None:
    users = [a_user(user_id=f"id-{number}") for number in range(RACERS)]
    answers = race(store, [(CreateUser(user),) for user in users])
    assert answers.count(None) == 1
    assert run(store.load_user("ming")) == users[answers.index(None)]


def test_one_key_is_moved_by_exactly_one(store: Store) -> None:
    fill(store, [StoreKey(a_key(state=KeyState.NEXT))])
    move = MoveKey("kid-1", KeyState.NEXT, KeyState.ACTIVE)
    assert race(store, [(move,)] * RACERS).count(None) == 1


def test_a_rotation_that_races_a_logout_leaves_the_family_revoked(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    rotations: list[Sequence[Effect]] = [
        (RotateFamily(FAMILY_ID, generation, float(NOW), NOW + 10),) for generation in range(20)
    ]
    race(store, [*rotations[:10], (EndSession("session-1", NOW, "logout"),), *rotations[10:]])
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family.revoked_at == facts.session.ended_at == NOW
    assert facts.family.generation == 10  # those before the logout, none after it


@pytest.mark.parametrize("login_first", [True, False])
def test_a_login_that_races_a_password_reset_leaves_no_live_session(
    store: Store, login_first: bool
) -> None:
    fill(store, people_and_apis())
    login = (
        RequireVersion("user", "id-of-ming", 2),
        StartSession(a_session()),
        StartFamily(a_family()),
    )
    reset = (
        ReplacePasswordHash("id-of-ming", 2, Secret("new"), reset=True),
        EndSessionsOfUser("id-of-ming", NOW + 1, "password_reset"),
    )
    answers = race(store, [login, reset] if login_first else [reset, login])
    assert answers[1 if login_first else 0] is None  # the reset itself always succeeds
    facts = run(store.load_family(FAMILY_ID))
    if login_first:
        assert facts is not None
        assert facts.session.ended_at == facts.family.revoked_at == NOW + 1
    else:
        assert facts is None
        assert isinstance(answers[1], StaleState)
