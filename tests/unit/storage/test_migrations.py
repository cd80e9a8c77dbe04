"""Migrations: applied once, in order, all or none; a history that differs is refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lingpai_server.storage.connection import open_writer
from lingpai_server.storage.errors import SchemaDiverged, SchemaTooNew
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.migrations import Migration, migrate, shipped, statements
from lingpai_server.storage.sqlite import SqliteStore

FIRST = Migration(1, "0001_first", "-- a; comment\nCREATE TABLE one (id INTEGER);\n")
SECOND = Migration(2, "0002_second", "ALTER TABLE one ADD COLUMN more TEXT;\nCREATE TABLE two (x);")
BROKEN = Migration(2, "0002_broken", "CREATE TABLE two (x);\nCREATE TABLE one (x);")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """An empty database."""
    with closing(open_writer(tmp_path / "m.db", Limits())) as db:
        yield db


def tables(db: sqlite3.Connection) -> set[str]:
    """The tables there are."""
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def history(db: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """What the database remembers."""
    return db.execute("SELECT version, name, checksum FROM schema_version").fetchall()


def test_migrations_are_applied_in_order_and_remembered(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST, SECOND])
    assert tables(db) == {"schema_version", "one", "two"}
    assert history(db) == [(m.version, m.name, m.checksum) for m in (FIRST, SECOND)]


def test_a_migration_is_applied_once(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST])
    migrate(db, [FIRST])
    migrate(db, [FIRST, SECOND])
    assert [version for version, _, _ in history(db)] == [1, 2]


def test_a_migration_that_fails_leaves_nothing(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, [FIRST, BROKEN])
    assert tables(db) == set()


def test_a_newer_schema_is_refused_and_left_alone(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST, SECOND])
    with pytest.raises(SchemaTooNew, match="schema 2; this program knows 1"):
        migrate(db, [FIRST])
    assert len(history(db)) == 2


def test_a_migration_that_was_changed_is_refused(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST])
    with pytest.raises(SchemaDiverged, match="0001_first"):
        migrate(db, [Migration(1, "0001_first", FIRST.script + "-- more\n"), SECOND])
    assert tables(db) == {"schema_version", "one"}


def test_of_two_that_migrate_at_once_the_second_waits_and_finds_it_done(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    with closing(open_writer(tmp_path / "m.db", Limits())) as second:
        second_tried = threading.Event()
        second.set_trace_callback(lambda _statement: second_tried.set())
        db.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(target=migrate, args=(second, [FIRST]))
        waiting.start()
        assert second_tried.wait(30)
        db.execute("ROLLBACK")  # the first gives way and starts anew, after or before the second
        migrate(db, [FIRST])
        waiting.join()
        assert len(history(second)) == 1


def test_a_script_falls_into_its_statements() -> None:
    script = """
    -- one; with a comment
    CREATE TABLE a (x TEXT DEFAULT 'b;c');
    CREATE TRIGGER t AFTER INSERT ON a BEGIN
        DELETE FROM a;
    END;
    """
    first, second = statements(script)
    assert "DEFAULT 'b;c'" in first
    assert second.strip().endswith("END;")


def test_the_shipped_migrations_are_numbered_without_gaps() -> None:
    assert [m.version for m in shipped()] == list(range(1, len(shipped()) + 1))
    assert shipped()[0].name == "0001_initial"


def test_a_store_of_a_newer_version_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    newer = Migration(len(shipped()) + 1, "9999_future", "CREATE TABLE future (x);")
    with closing(open_writer(path, Limits())) as db:
        migrate(db, [*shipped(), newer])
    with pytest.raises(SchemaTooNew):
        SqliteStore.open(path)
