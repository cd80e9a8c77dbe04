"""remove_expired: small batches of what is past its absolute deadline, and nothing that lives."""

from __future__ import annotations

from tests.support.stores import (
    FAMILY_ID,
    NOW,
    a_family,
    a_login,
    a_session,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import EndSession, MoveBucket, StartFamily, StartSession
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Bucket

DEADLINE = NOW + 9_000
A_DAY = 86_400


def test_nothing_goes_before_the_absolute_deadline(store: Store) -> None:
    fill(store, people_and_apis(), a_login(), [EndSession("session-1", NOW, "logout")])
    assert run(store.remove_expired(DEADLINE - 1, 100)) == 0
    assert run(store.load_family(FAMILY_ID)) is not None


def test_a_family_and_its_session_go_at_the_absolute_deadline(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    assert run(store.remove_expired(DEADLINE, 100)) == 2
    assert run(store.load_family(FAMILY_ID)) is None
    fill(store, a_login())  # both identifiers are free again, so both rows were gone


def test_an_expired_session_stays_as_long_as_a_family_lives_in_it(store: Store) -> None:
    longer = a_family(absolute_deadline=DEADLINE + 10)
    fill(store, people_and_apis(), [StartSession(a_session()), StartFamily(longer)])
    assert run(store.remove_expired(DEADLINE, 100)) == 0
    assert run(store.load_family(FAMILY_ID)) is not None


def test_a_batch_takes_no_more_than_its_limit_and_the_oldest_first(store: Store) -> None:
    families = [
        a_family(bytes([number]) * 16, absolute_deadline=DEADLINE - number) for number in range(5)
    ]
    fill(store, people_and_apis(), [StartSession(a_session())], map(StartFamily, families))
    assert run(store.remove_expired(DEADLINE, 2)) == 2
    left = [run(store.load_family(family.family_id)) is not None for family in families]
    assert left == [True, True, True, False, False]
    assert run(store.remove_expired(DEADLINE, 2)) == 2
    assert run(store.remove_expired(DEADLINE, 2)) == 2  # the last family, then the session
    assert run(store.remove_expired(DEADLINE, 2)) == 0


def test_a_bucket_goes_when_it_was_idle_for_a_day(store: Store) -> None:
    idle = Bucket("idle", 50.0, float(NOW), 0.0)
    busy = Bucket("busy", 50.0, NOW + 1.0, 0.0)
    blocked = Bucket("blocked", 50.0, float(NOW), NOW + A_DAY + 1.0)
    fill(store, [MoveBucket(None, bucket) for bucket in (idle, busy, blocked)])
    assert run(store.remove_expired(NOW + A_DAY, 100)) == 1
    assert set(run(store.load_buckets(["idle", "busy", "blocked"]))) == {"busy", "blocked"}
