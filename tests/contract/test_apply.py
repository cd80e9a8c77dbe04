"""apply: all of it or none, in order, and visible once it is answered."""

from __future__ import annotations

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
    Record,
    RequireVersion,
    RotateFamily,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import (
    AlreadyExists,
    NotFound,
    StaleState,
    Store,
    StoreUnavailable,
)
from lingpai_server.core.records import Event


def test_no_effects_are_no_transaction(store: Store) -> None:
    before = run(store.data_version())
    run(store.apply(()))
    assert run(store.data_version()) == before


def test_a_lost_effect_in_the_middle_undoes_those_before_it(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    with pytest.raises(StaleState):
        run(
            store.apply(
                (
                    RotateFamily(FAMILY_ID, 0, NOW + 1.0, NOW + 2_000),
                    Record(Event("refresh", NOW + 1.0)),
                    RequireVersion("user", "id-of-ming", 99),
                    CreateUser(a_user("late")),
                )
            )
        )
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family == a_family()
    assert facts.session == a_session()
    assert run(store.load_events(0, 10)) == ()
    assert run(store.load_user("late")) is None


def test_a_name_taken_in_the_middle_undoes_those_before_it(store: Store) -> None:
    fill(store, [CreateUser(a_user("ming"))])
    with pytest.raises(AlreadyExists):
        run(store.apply((CreateUser(a_user("new")), CreateUser(a_user("ming")))))
    assert run(store.load_user("new")) is None


def test_a_missing_row_in_the_middle_undoes_those_before_it(store: Store) -> None:
    with pytest.raises(NotFound):
        run(store.apply((CreateUser(a_user("new")), EndSession("nowhere", NOW, "logout"))))
    assert run(store.load_user("new")) is None


def test_a_later_effect_sees_an_earlier_one(store: Store) -> None:
    fill(store, people_and_apis())
    run(
        store.apply(
            (
                StartSession(a_session()),
                StartFamily(a_family()),
                RotateFamily(FAMILY_ID, 0, NOW + 1.0, NOW + 2_000),
            )
        )
    )
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family.generation == 1


def test_a_failure_leaves_the_store_usable(store: Store) -> None:
    with pytest.raises(NotFound):
        run(store.apply((EndSession("nowhere", NOW, "logout"),)))
    run(store.apply((CreateUser(a_user()),)))
    assert run(store.load_user("ming")) == a_user()


def test_what_was_answered_is_seen_by_the_next_read(store: Store) -> None:
    for number in range(100):
        run(store.apply((CreateUser(a_user(f"user-{number}")),)))
        assert run(store.load_user(f"user-{number}")) is not None


def test_the_data_version_changes_with_every_commit(store: Store) -> None:
    seen = [run(store.data_version())]
    for number in range(5):
        run(store.apply((CreateUser(a_user(f"user-{number}")),)))
        seen.append(run(store.data_version()))
    assert len(set(seen)) == 6


def test_the_data_version_rests_while_nothing_is_written(store: Store) -> None:
    before = run(store.data_version())
    run(store.load_user("ming"))
    run(store.list_users())
    assert run(store.data_version()) == before


def test_a_usable_store_answers_a_ping(store: Store) -> None:
    run(store.ping())
    run(store.ping())


def test_a_closed_store_is_unavailable(store: Store) -> None:
    run(store.close())
    run(store.close())
    with pytest.raises(StoreUnavailable):
        run(store.apply((CreateUser(a_user()),)))
    with pytest.raises(StoreUnavailable):
        run(store.load_user("ming"))
    with pytest.raises(StoreUnavailable):
        run(store.list_users())
    with pytest.raises(StoreUnavailable):
        run(store.ping())
