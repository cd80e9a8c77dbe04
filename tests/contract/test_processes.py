"""Several processes on one SQLite file, and processes that die: one winner, no answer untrue."""

from __future__ import annotations

import random
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.support.single_uses import SINGLE_USES, family_id, things
from tests.support.store_processes import STREAMED, Puppet, puppet, streamed_family
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

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import StartFamily, StartSession
from lingpai_server.core.slots import HeldSlot, SlotRef
from lingpai_server.storage.migrations import shipped
from lingpai_server.storage.sqlite import SqliteStore

pytestmark = pytest.mark.process

ROUNDS = 200
LOGIN_ROUNDS = 50
USE_ROUNDS = 40
KILLS = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with people, APIs, one login, and families for two streams."""
    path = tmp_path / "lingpai.db"
    store = SqliteStore.open(path)
    fill(store, people_and_apis(), a_login(), [StartSession(a_session("streamed"))])
    numbers = range(2 * STREAMED)
    families = [a_family(streamed_family(n), session_id="streamed") for n in numbers]
    fill(store, map(StartFamily, families))
    run(store.close())
    return path


def both(pair: list[Puppet], *commands: tuple[object, ...]) -> list[str]:
    """Give each process its command, then hear what each one answers."""
    for one, words in zip(pair, commands, strict=True):
        one.say(*words)
    return [one.hear() for one in pair]


def test_two_processes_never_both_redeem_one_generation(path: Path) -> None:
    with puppet("obey", path) as first, puppet("obey", path) as second:
        pair = [first, second]
        assert [one.hear() for one in pair] == ["ready", "ready"]
        for generation in range(ROUNDS):
            answers = both(pair, ("rotate", generation), ("rotate", generation))
            assert sorted(answers) == ["lost", "won"]
    store = SqliteStore.open(path)
    facts = run(store.load_family(FAMILY_ID))
    run(store.close())
    assert facts is not None
    assert facts.family.generation == ROUNDS


def test_a_login_in_one_process_never_survives_a_reset_in_another(path: Path) -> None:
    store = SqliteStore.open(path)
    with puppet("obey", path) as first, puppet("obey", path) as second:
        pair = [first, second]
        assert [one.hear() for one in pair] == ["ready", "ready"]
        for number in range(1_000, 1_000 + LOGIN_ROUNDS):
            user = run(store.load_user("ming"))
            assert user is not None
            version = user.access_version
            random.shuffle(pair)
            login, reset = both(pair, ("login", version, number), ("reset", version))
            facts = run(store.load_family(streamed_family(number)))
            assert reset == "won"
            assert (facts is not None) == (login == "won")
            assert facts is None or facts.session.ended_at is not None
    run(store.close())


def test_a_refresh_in_one_process_never_has_a_valid_slot_with_the_old_claims_of_another(
    path: Path,
) -> None:
    store = SqliteStore.open(path)
    epoch, _ = run(store.load_status_mark())
    taken = 0
    with puppet("obey", path) as first, puppet("obey", path) as second:
        pair = [first, second]
        assert [one.hear() for one in pair] == ["ready", "ready"]
        for number in range(1, LOGIN_ROUNDS):
            user = run(store.load_user("ming"))
            assert user is not None
            random.shuffle(pair)
            take = ("take", epoch, number, taken, user.access_version)
            answer, changed = both(pair, take, ("permit", f"read:{number}"))
            assert changed == "won"
            taken = number if answer == "won" else taken
            facts = run(store.load_family(FAMILY_ID))
            assert facts is not None
            held = HeldSlot(SlotRef(epoch, 1, taken), Status.STALE)
            assert facts.slot == (held if taken else None)
    run(store.close())


def test_two_processes_never_both_take_a_slot_for_one_grant(path: Path) -> None:
    store = SqliteStore.open(path)
    epoch, _ = run(store.load_status_mark())
    user = run(store.load_user("ming"))
    run(store.close())
    assert user is not None
    with puppet("obey", path) as first, puppet("obey", path) as second:
        pair = [first, second]
        assert [one.hear() for one in pair] == ["ready", "ready"]
        takes = [("take", epoch, index, 0, user.access_version) for index in (1, 2)]
        assert sorted(both(pair, *takes)) == ["lost", "won"]


@pytest.mark.parametrize("name", SINGLE_USES)
def test_of_three_processes_exactly_one_does_what_is_done_once(path: Path, name: str) -> None:
    store = SqliteStore.open(path)
    fill(store, *map(things, range(USE_ROUNDS)))
    run(store.close())
    with ExitStack() as stack:
        racers = [stack.enter_context(puppet("obey", path)) for _ in range(3)]
        assert [one.hear() for one in racers] == ["ready"] * 3
        for number in range(USE_ROUNDS):
            commands = [(name, number, racer) for racer in range(3)]
            assert sorted(both(racers, *commands)) == ["lost", "lost", "won"]


@pytest.mark.parametrize("name", ["enter", "redeem", "collect"])
def test_a_session_begun_in_one_process_never_survives_the_logout_in_another(
    path: Path, name: str
) -> None:
    store = SqliteStore.open(path)
    fill(store, *map(things, range(LOGIN_ROUNDS)))
    with puppet("obey", path) as first, puppet("obey", path) as second:
        pair = [first, second]
        assert [one.hear() for one in pair] == ["ready", "ready"]
        for number in range(LOGIN_ROUNDS):
            random.shuffle(pair)
            entered, left = both(pair, (name, number, 0), ("leave", number, 1))
            facts = run(store.load_family(family_id(number, 0)))
            assert left == "won"
            assert (facts is not None) == (entered == "won")
            assert facts is None or facts.session.ended_at == facts.family.revoked_at == NOW + 1
    run(store.close())


def test_processes_that_start_at_once_share_one_migration(tmp_path: Path) -> None:
    with ExitStack() as stack:
        path = tmp_path / "new" / "lingpai.db"
        starting = [stack.enter_context(puppet("obey", path)) for _ in range(4)]
        assert [one.hear() for one in starting] == ["ready"] * 4
    with closing(sqlite3.connect(path)) as db:
        versions = db.execute("SELECT version FROM schema_version").fetchall()
    assert versions == [(migration.version,) for migration in shipped()]


def test_what_was_acknowledged_outlives_a_killed_process(path: Path) -> None:
    acknowledged: dict[int, int] = {}
    for _ in range(KILLS):
        with puppet("stream", path, 0) as doomed:
            assert doomed.hear() == "ready"
            follow(doomed, acknowledged, random.randint(1, 400))
            doomed.kill()
            drain(doomed, acknowledged)
        check(path, acknowledged, in_flight=1)


def test_a_killed_process_does_not_stop_its_neighbour(path: Path) -> None:
    acknowledged: dict[int, int] = {}
    with puppet("stream", path, 0) as survivor:
        assert survivor.hear() == "ready"
        for _ in range(KILLS // 2):
            with puppet("stream", path, STREAMED) as doomed:
                assert doomed.hear() == "ready"
                follow(doomed, acknowledged, random.randint(1, 200))
                doomed.kill()
                drain(doomed, acknowledged)
            follow(survivor, acknowledged, 100)
        survivor.kill()
        drain(survivor, acknowledged)
    check(path, acknowledged, in_flight=KILLS // 2)  # at most one a kill


def follow(stream: Puppet, acknowledged: dict[int, int], lines: int) -> None:
    """Note the next answers of a stream; all of them must come."""
    for _ in range(lines):
        note(stream.hear(), acknowledged)


def drain(stream: Puppet, acknowledged: dict[int, int]) -> None:
    """Note what a dead process had still said."""
    for line in stream.stdout:
        note(line, acknowledged)


def note(line: str, acknowledged: dict[int, int]) -> None:
    number, generation = line.split()
    acknowledged[int(number)] = int(generation)


def check(path: Path, acknowledged: dict[int, int], *, in_flight: int) -> None:
    """All that was acknowledged is there, and nothing but what was on its way beyond it.

    What was on its way becomes what is there, since the next stream goes on from it.
    """
    store = SqliteStore.open(path)
    for number in acknowledged:
        facts = run(store.load_family(streamed_family(number)))
        assert facts is not None
        assert 0 <= facts.family.generation - acknowledged[number] <= in_flight
        acknowledged[number] = facts.family.generation
    run(store.close())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        events, rotations = db.execute(
            "SELECT (SELECT COUNT(*) FROM events), (SELECT SUM(generation) FROM families)"
        ).fetchone()
    assert events == rotations  # each rotation and its event: both or neither
