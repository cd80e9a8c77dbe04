"""Opening SQLite connections: private files, WAL, full durability. Refuses to know any table."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage.errors import is_busy
from lingpai_server.storage.limits import Limits

T = TypeVar("T")

_OLDEST = (3, 37, 0)  # the first with STRICT tables
_READER_WAIT_SECONDS = 1.0  # in WAL a reader waits only while another process recovers the log
_PAUSE_SECONDS = 0.0003
_LONGEST_PAUSE_SECONDS = 0.001

_WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # a commit returns when the disk has it, not the page cache
    "PRAGMA fullfsync = ON",  # macOS: through the drive's own cache; elsewhere without effect
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA wal_autocheckpoint = 0",  # see checkpoint.py
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cache_size = -8000",  # at most 8 MB
)
_READER_PRAGMAS = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cache_size = -8000",
)


def open_writer(path: Path, limits: Limits) -> sqlite3.Connection:
    """A connection that writes durably, on a file made for its owner only.

    Raises StoreUnavailable or sqlite3.Error.
    """
    _require_engine()
    _create_private(path)
    db = _connect(path, mode="rw", wait_seconds=0)
    try:
        wait_for_lock(lambda: _enter_wal(db), limits.lock_wait_seconds)
        for pragma in _WRITER_PRAGMAS:
            db.execute(pragma)
        if limits.max_pages is not None:
            db.execute(f"PRAGMA max_page_count = {limits.max_pages:d}")
    except BaseException:
        db.close()
        raise
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error."""
    db = _connect(path, mode="ro", wait_seconds=_READER_WAIT_SECONDS)
    for pragma in _READER_PRAGMAS:
        db.execute(pragma)
    return db


def wait_for_lock(attempt: Callable[[], T], seconds: float) -> T:
    """Try until no other process holds the lock; after `seconds` its sqlite3.Error gets out.

    SQLite's own busy handler soon sleeps 100 ms at a time. A commit here takes about one, and the
    busier process leaves only short gaps: whoever looks seldom waits long.
    """
    deadline = time.monotonic() + seconds
    pause = _PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _require_engine() -> None:
    if sqlite3.sqlite_version_info < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise StoreUnavailable(f"SQLite {needed} is needed; here is {sqlite3.sqlite_version}")


def _create_private(path: Path) -> None:
    """Make folder (0700) and file (0600) if absent; SQLite gives its side files the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"cannot create {path}: {error.strerror}") from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable too, where a folder can be opened (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, *, mode: str, wait_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,  # no BEGIN behind our back: transactions are spelled out
        check_same_thread=False,  # opened in one thread, then owned by another
        cached_statements=256,
    )


def _enter_wal(db: sqlite3.Connection) -> None:
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnavailable("the file system cannot hold a write-ahead log: use a local disk")
