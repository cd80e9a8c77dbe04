"""What goes wrong under a store: clear errors, nothing half done, recovery without a restart."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.stores import (
    NOW,
    a_family,
    a_session,
    a_user,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import CreateUser, Record, StartFamily, StartSession
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.core.records import Event
from lingpai_server.storage.errors import unavailable
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.sqlite import SqliteStore

_ROOT = Path(__file__).parents[3]
MANY = 5_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database will be."""
    return tmp_path / "lingpai.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store that may not grow past 200 kB and does not wait long for a lock."""
    store = SqliteStore.open(path, limits=Limits(max_pages=80, lock_wait_seconds=0.05))
    yield store
    run(store.close())


def fill_up(store: SqliteStore) -> int:
    """Log in until the store refuses; how many logins it took."""

    async def log_in_for_ever() -> int:
        for number in range(MANY):
            session = a_session(f"session-{number}")
            family = a_family(number.to_bytes(16, "big"), session_id=session.session_id)
            try:
                await store.apply((StartSession(session), StartFamily(family)))
            except StoreUnavailable as error:
                if "full" in str(error):
                    return number
                raise
        raise AssertionError("the database was never full")

    return run(log_in_for_ever())


def test_a_full_database_refuses_and_keeps_what_it_has(store: SqliteStore) -> None:
    fill(store, people_and_apis())
    taken = fill_up(store)
    assert taken > 0
    for number in range(taken):
        assert run(store.load_family(number.to_bytes(16, "big"))) is not None
    assert run(store.load_family(taken.to_bytes(16, "big"))) is None


def test_a_full_database_recovers_when_room_is_made(store: SqliteStore) -> None:
    fill(store, people_and_apis())
    fill_up(store)
    with pytest.raises(StoreUnavailable):
        fill(store, [Record(Event("x", NOW, address="y" * 8_000))])
    assert run(store.remove_expired(NOW + 9_000, 100)) == 100
    fill(store, [Record(Event("x", NOW, address="y" * 8_000))])


def test_a_full_database_is_as_full_after_a_restart(store: SqliteStore, path: Path) -> None:
    fill(store, people_and_apis())
    taken = fill_up(store)
    run(store.close())
    reopened = SqliteStore.open(path)
    assert run(reopened.load_family((taken - 1).to_bytes(16, "big"))) is not None
    fill(reopened, [CreateUser(a_user("mei"))])
    run(reopened.close())


def test_a_locked_database_is_told_and_read_all_the_same(store: SqliteStore, path: Path) -> None:
    fill(store, [CreateUser(a_user())])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (store.apply((CreateUser(a_user("mei")),)), store.ping()):
            with pytest.raises(StoreUnavailable, match="another process holds its lock"):
                run(write)
        assert run(store.load_user("ming")) == a_user()
        other.execute("ROLLBACK")
    fill(store, [CreateUser(a_user("mei"))])
    run(store.ping())


def test_a_file_that_was_removed_fails_the_ping(store: SqliteStore, path: Path) -> None:
    run(store.ping())
    path.rename(path.with_name("moved.db"))
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        run(store.ping())
    path.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        run(store.ping())


def test_statuses_of_a_file_that_was_removed_are_vouched_for_by_nobody(
    store: SqliteStore, path: Path
) -> None:
    run(store.load_status_mark())
    path.rename(path.with_name("moved.db"))
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        run(store.load_status_mark())


def test_a_damaged_file_is_told(path: Path) -> None:
    store = SqliteStore.open(path)
    fill(store, [CreateUser(a_user(f"user-{number}")) for number in range(500)])
    run(store.close())
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * (path.stat().st_size - 4096))
    with pytest.raises(StoreUnavailable, match="restore it from a backup"):
        SqliteStore.open(path)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_BUSY, "another process holds its lock"),
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk reported an error"),
        (sqlite3.SQLITE_CORRUPT, "restore it from a backup"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened"),
        (sqlite3.SQLITE_MISUSE, "odd"),
    ],
)
def test_every_fault_is_told_in_words(code: int, words: str) -> None:
    error = sqlite3.OperationalError("odd")
    error.sqlite_errorcode = code
    error.sqlite_errorname = "SQLITE_NAME"
    assert words in str(unavailable(error))
    assert "SQLITE_NAME" in str(unavailable(error))


def test_event_loops_in_several_threads_share_one_store(path: Path) -> None:
    store = SqliteStore.open(path)
    failures: list[BaseException] = []

    async def write_and_read(name: str) -> None:
        for number in range(20):
            user = a_user(f"{name}-{number}")
            await store.apply((CreateUser(user),))
            assert await store.load_user(user.username) == user
            assert user in await store.list_users()

    def in_thread(name: str) -> None:
        try:
            run(write_and_read(name))
        except BaseException as error:  # noqa: BLE001 - a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=in_thread, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(run(store.list_users())) == 80
    run(store.close())


_WITH_A_FILE_LIMIT = """
import asyncio, resource, sys
from pathlib import Path
from lingpai_server.core.effects import Record
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.core.records import Event
from lingpai_server.storage.sqlite import SqliteStore

def limit(bytes_: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))

async def main() -> None:
    store = SqliteStore.open(Path(sys.argv[1]))
    size = Path(sys.argv[1] + "-wal").stat().st_size
    limit(size + 100_000)
    written = 0
    try:
        for written in range(1_000):
            await store.apply((Record(Event("x", 1.0, address="y" * 2_000)),))
    except StoreUnavailable as error:
        print("refused:", error)
    assert len(await store.load_events(0, 2_000)) == written
    limit(resource.RLIM_INFINITY)
    await store.apply((Record(Event("x", 1.0)),))
    await store.ping()
    assert len(await store.load_events(0, 2_000)) == written + 1
    await store.close()
    print("recovered")

asyncio.run(main())
"""


@pytest.mark.process
def test_a_disk_that_refuses_a_write_loses_nothing_and_recovers(path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _WITH_A_FILE_LIMIT, str(path)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.stderr == ""
    refused, recovered = answer.stdout.splitlines()
    assert refused.startswith("refused: the database cannot answer:")
    assert recovered == "recovered"
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
