"""Races of the flows inside one process: what is used once, is used by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.support.racing import RACERS, race
from tests.support.single_uses import (
    SINGLE_USES,
    collect,
    digest_of,
    enter,
    family_id,
    leave,
    redeem,
    session_id,
    things,
)
from tests.support.stores import NOW, a_client, a_code, fill, people_and_apis, run

from lingpai_server.core.effects import Effects
from lingpai_server.core.flow_effects import DeleteClient, ReplaceClient, StoreCode
from lingpai_server.core.ports import AlreadySpent, StaleState, Store

LOST = (StaleState, AlreadySpent)


@pytest.fixture
def ready(store: Store) -> Store:
    """A store with one of each thing that is used once."""
    fill(store, people_and_apis(), things(0))
    return store


def winner_of(answers: Sequence[BaseException | None]) -> int:
    """Who won; all others must have been told that they lost."""
    assert answers.count(None) == 1
    assert sum(isinstance(answer, LOST) for answer in answers) == len(answers) - 1
    return answers.index(None)


@pytest.mark.parametrize("name", SINGLE_USES)
def test_what_is_used_once_is_used_by_exactly_one(ready: Store, name: str) -> None:
    """RFC 6749 4.1.2, RFC 9126 2.2, RFC 8628 3.5, RFC 7523 3, RFC 9449 11.1."""
    winner_of(race(ready, [SINGLE_USES[name](0, racer) for racer in range(RACERS)]))


def test_the_losers_of_a_code_leave_nothing_behind(ready: Store) -> None:
    winner = winner_of(race(ready, [redeem(0, racer) for racer in range(RACERS)]))
    facts = run(ready.load_code(digest_of(0)))
    assert facts is not None
    assert facts.code.session_id == session_id(0, winner)
    families = [run(ready.load_family(family_id(0, racer))) for racer in range(RACERS)]
    assert [racer for racer, family in enumerate(families) if family is not None] == [winner]
    assert len(run(ready.load_events(0, RACERS))) == 1


def test_a_device_names_the_session_of_the_one_that_won_it(ready: Store) -> None:
    winner = winner_of(race(ready, [collect(0, racer) for racer in range(RACERS)]))
    facts = run(ready.load_device(digest_of("approved", 0)))
    assert facts is not None
    assert facts.device.session_id == session_id(0, winner)


def test_one_version_of_a_client_is_replaced_by_exactly_one(ready: Store) -> None:
    clients = [a_client(name=f"name {number}") for number in range(RACERS)]
    winner = winner_of(race(ready, [(ReplaceClient(client),) for client in clients]))
    assert run(ready.load_client("app")) == replace(clients[winner], access_version=2)


@pytest.mark.parametrize("end_at", [0, 5, 10])
def test_a_logout_that_races_new_codes_leaves_none_after_it(ready: Store, end_at: int) -> None:
    units: list[Effects] = [
        (StoreCode(a_code(bytes([n]) * 32, browser_id=digest_of(0))),) for n in range(10)
    ]
    units.insert(end_at, leave(0, 0))
    answers = race(ready, units)
    assert answers[: end_at + 1] == [None] * (end_at + 1)
    assert all(isinstance(answer, StaleState) for answer in answers[end_at + 1 :])


@pytest.mark.parametrize("end_at", [0, 5, 10])
def test_a_logout_that_races_logins_leaves_no_session_alive(ready: Store, end_at: int) -> None:
    units = [enter(0, racer) for racer in range(10)]
    units.insert(end_at, leave(0, 0))
    answers = race(ready, units)
    assert answers.count(None) == end_at + 1
    for racer in range(10):
        facts = run(ready.load_family(family_id(0, racer)))
        assert (facts is not None) == (racer < end_at)
        assert facts is None or facts.session.ended_at == facts.family.revoked_at == NOW + 1


@pytest.mark.parametrize("delete_first", [True, False])
def test_a_code_whose_redemption_races_the_deletion_of_its_client_buys_nothing_that_lives(
    ready: Store, delete_first: bool
) -> None:
    deletion: Effects = (DeleteClient("app", 1, NOW + 1),)
    race(ready, [deletion, redeem(0, 0)] if delete_first else [redeem(0, 0), deletion])
    facts = run(ready.load_family(family_id(0, 0)))
    if delete_first:
        assert facts is None
    else:
        assert facts is not None
        assert facts.session.ended_at == facts.family.revoked_at == NOW + 1
