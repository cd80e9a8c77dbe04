"""Connections: durable, private, and clear about what is wrong when they cannot be made."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.stores import a_user, fill, run

from lingpai_server.core.effects import CreateUser
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage.checkpoint import Checkpoint
from lingpai_server.storage.connection import open_reader, open_writer
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.sqlite import SqliteStore


@pytest.fixture
def careless_umask() -> Iterator[None]:
    """A process that would make its files readable and writable by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("careless_umask")
def test_files_are_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lingpai.db"
    store = SqliteStore.open(path)
    fill(store, [CreateUser(a_user())])
    files = {file.name: mode(file) for file in path.parent.iterdir()}
    run(store.close())
    names = ("lingpai.db", "lingpai.db-wal", "lingpai.db-shm")
    assert files == dict.fromkeys(names, 0o600)
    assert mode(path.parent) == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir(mode=0o750)
    folder.chmod(0o750)
    run(SqliteStore.open(folder / "lingpai.db").close())
    assert mode(folder) == 0o750


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL
        ("foreign_keys", 1),
        ("wal_autocheckpoint", 0),
        ("trusted_schema", 0),
        ("busy_timeout", 0),
    ],
)
def test_a_writer_is_durable_and_strict(tmp_path: Path, pragma: str, value: object) -> None:
    with closing(open_writer(tmp_path / "x.db", Limits())) as db:
        assert db.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(open_writer(path, Limits())) as writer:
        writer.execute("CREATE TABLE t (x)")
        with closing(open_reader(path)) as reader:
            reader.execute("PRAGMA query_only = OFF")
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("name", ["with space", "100%", "a?b#c", "令牌"])
def test_a_path_may_hold_any_character(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.db"
    run(SqliteStore.open(path).close())
    assert path.stat().st_size > 0
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot create"):
        SqliteStore.open(tmp_path / "file" / "lingpai.db")


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "lingpai.db"
    path.write_bytes(b"this is a letter to my aunt, and no database at all " * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        SqliteStore.open(path)
    assert path.read_bytes().startswith(b"this is a letter")


def test_the_log_is_kept_short(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    log = path.with_name("x.db-wal")
    longest = 0
    with closing(open_writer(path, Limits())) as db:
        checkpoint = Checkpoint(db, path)
        db.execute("CREATE TABLE t (x)")
        for _ in range(40):
            db.execute("INSERT INTO t VALUES (zeroblob(500000))")
            longest = max(longest, log.stat().st_size)
            checkpoint.after_commit()
        assert 4_000_000 < longest < 6_000_000
        assert log.stat().st_size < 4_500_000
        assert db.execute("SELECT COUNT(*) FROM t").fetchone() == (40,)


def test_a_reader_in_the_way_only_postpones_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    log = path.with_name("x.db-wal")
    with closing(open_writer(path, Limits())) as db, closing(open_reader(path)) as reader:
        checkpoint = Checkpoint(db, path)
        db.execute("CREATE TABLE t (x)")
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM t").fetchone()
        db.execute("INSERT INTO t VALUES (zeroblob(5000000))")
        checkpoint.after_commit()
        assert log.stat().st_size > 5_000_000
        reader.execute("ROLLBACK")
        db.execute("INSERT INTO t VALUES (zeroblob(5000000))")
        checkpoint.after_commit()
        assert log.stat().st_size == 0
