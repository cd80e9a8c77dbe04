"""What a reader remembers: as long as nobody has committed anything, and not a moment longer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.stores import a_client, fill, run

from lingpai_server.core.effects import CreateClient, SetClientDisabled
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage import reader as readers
from lingpai_server.storage.reader import Reader
from lingpai_server.storage.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore.open(tmp_path / "data" / "lingpai.db")
    fill(made, [CreateClient(a_client())])
    yield made
    run(made.close())


@pytest.fixture
def reader(store: SqliteStore, tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path / "data" / "lingpai.db")
    yield made
    made.close()


class Asked:
    """A query that counts how often it is run."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, db: sqlite3.Connection) -> int:
        self.times += 1
        (disabled,) = db.execute("SELECT count(*) FROM clients WHERE disabled = 1").fetchone()
        return int(disabled)


def test_what_was_read_is_not_read_again(reader: Reader) -> None:
    asked = Asked()
    assert [reader.remember("a", asked) for _ in range(3)] == [0, 0, 0]
    assert asked.times == 1


def test_each_name_has_its_own(reader: Reader) -> None:
    asked = Asked()
    reader.remember("a", asked)
    reader.remember("b", asked)
    assert asked.times == 2


def test_nothing_is_remembered_after_a_commit(reader: Reader, store: SqliteStore) -> None:
    asked = Asked()
    assert reader.remember("a", asked) == 0
    fill(store, [SetClientDisabled("app", True)])
    assert reader.remember("a", asked) == 1
    assert asked.times == 2


def test_a_store_sees_what_another_one_has_committed(store: SqliteStore, tmp_path: Path) -> None:
    other = SqliteStore.open(tmp_path / "data" / "lingpai.db")
    try:
        for disabled in (True, False, True):
            before = run(store.load_client("app"))
            facts = run(store.load_client_facts(client_id="app", audience=None))
            assert before is not None
            assert facts is not None
            assert facts.client == before
            fill(other, [SetClientDisabled("app", disabled)])
            after = run(store.load_client("app"))
            assert after is not None
            assert (after.disabled, after.access_version) == (disabled, before.access_version + 1)
            facts = run(store.load_client_facts(client_id="app", audience=None))
            assert facts is not None
            assert facts.client == after
    finally:
        run(other.close())


def test_what_is_remembered_is_bounded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_REMEMBERED", 2)
    asked = Asked()
    for name in ("a", "b", "c", "a"):
        reader.remember(name, asked)
    assert asked.times == 4


def test_a_query_that_fails_leaves_nothing_behind(reader: Reader) -> None:
    def fail(db: sqlite3.Connection) -> int:
        db.execute("SELECT * FROM nowhere")
        return 0

    with pytest.raises(StoreUnavailable):
        reader.remember("a", fail)
    assert reader.remember("a", Asked()) == 0


def test_a_closed_reader_remembers_nothing(reader: Reader) -> None:
    reader.remember("a", Asked())
    reader.close()
    with pytest.raises(StoreUnavailable):
        reader.remember("a", Asked())
