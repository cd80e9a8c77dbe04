"""Read-only connections. Refuses to write, and lets no error of the driver out."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias, TypeVar

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage.connection import open_reader
from lingpai_server.storage.errors import unavailable

T = TypeVar("T")
Query: TypeAlias = Callable[[sqlite3.Connection], T]


class Reader:
    """One connection, used by one thread at a time. Raises StoreUnavailable, never sqlite3.Error.

    A read begins after whatever was committed before it, so it sees all that was answered.
    """

    def __init__(self, path: Path) -> None:
        self._db = open_reader(path)
        self._lock = threading.Lock()
        self._closed = False

    def read(self, query: Query[T]) -> T:
        """Run one statement, in the calling thread: a look-up by primary key takes microseconds."""
        with self._lock:
            return self._guarded(query)

    def snapshot(self, query: Query[T]) -> T:
        """Run several statements that all see the same moment."""
        with self._lock:
            return self._guarded(lambda db: _in_transaction(db, query))

    def close(self) -> None:
        """Let go of the database. May be called twice."""
        with self._lock:
            self._closed = True
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
