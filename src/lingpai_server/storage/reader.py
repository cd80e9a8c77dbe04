"""Read-only connections. Refuses to write, and lets no error of the driver out."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage.connection import open_reader
from lingpai_server.storage.errors import unavailable
from lingpai_server.storage.reads import data_version

T = TypeVar("T")
Query: TypeAlias = Callable[[sqlite3.Connection], T]

MAX_REMEMBERED = 512  # each may hold a client with the keys that it registered


class Reader:
    """One connection, used by one thread at a time. Raises StoreUnavailable, never sqlite3.Error.

    A read begins after whatever was committed before it, so it sees all that was answered.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_reader(path)
        self._lock = threading.Lock()
        self._closed = False
        self._version = -1
        self._remembered: dict[Hashable, Any] = {}

    def read(self, query: Query[T]) -> T:
        """Run one statement, in the calling thread: a look-up by primary key takes microseconds."""
        with self._lock:
            return self._guarded(query)

    def snapshot(self, query: Query[T]) -> T:
        """Run several statements that all see the same moment."""
        with self._lock:
            return self._guarded(lambda db: _in_transaction(db, query))

    def remember(self, name: Hashable, query: Query[T]) -> T:
        """What a snapshot said last under that name, unless anything was committed since.

        The database is asked for its version each time, before anything is remembered under it, so
        that nothing is older: 5 µs, where the facts about a client take 47.
        """
        with self._lock:
            version = self._guarded(data_version)
            if version != self._version or len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
                self._version = version
            if name not in self._remembered:
                self._remembered[name] = self._guarded(lambda db: _in_transaction(db, query))
            found: T = self._remembered[name]
            return found

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        with self._lock:
            self._closed = True
            self._remembered.clear()
            self._db.close()

    def _guarded(self, query: Query[T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        try:
            return query(self._db)
        except sqlite3.Error as error:
            raise unavailable(error) from error


class LongReader:
    """A reader with a thread of its own, for what may take longer than an event loop can wait."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lingpai-reader")

    async def snapshot(self, query: Query[T]) -> T:
        """Run several statements that all see the same moment, off the event loop."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._thread, self._reader.snapshot, query)
        except RuntimeError as error:  # the executor was shut down
            raise StoreUnavailable("the store is closed") from error
        return await reading

    def close(self) -> None:
        """Wait for the read under way, then let go of the database. May be called twice."""
        self._thread.shutdown(wait=True)
        self._reader.close()


def _in_transaction(db: sqlite3.Connection, query: Query[T]) -> T:
    db.execute("BEGIN")
    try:
        return query(db)
    finally:
        with contextlib.suppress(sqlite3.Error):  # nothing was written: either way it is over
            db.execute("ROLLBACK")
