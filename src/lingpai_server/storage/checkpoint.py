"""Moving the write-ahead log into the database. Refuses to run beside a commit.

SQLite before 3.51.3 can lose committed pages when an automatic checkpoint runs in one connection
while another resets the log (sqlite.org/wal.html, "the WAL-reset bug"). So automatic checkpoints
are off, and the writer calls one that first takes the write lock, waiting for it a while.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

_STEP_BYTES = 4 * 1024 * 1024
_WAIT_MILLISECONDS = 250


class Checkpoint:
    """Keeps the log of one database short; belongs to the thread that writes."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._log = path.with_name(path.name + "-wal")
        self._next_bytes = _STEP_BYTES

    def after_commit(self) -> None:
        """Run when the log has grown by a step. A failure costs only that it goes on growing."""
        if self._log_bytes() < self._next_bytes:
            return
        with contextlib.suppress(sqlite3.Error):  # what was committed stays committed in the log
            self._truncate()
        self._next_bytes = self._log_bytes() + _STEP_BYTES

    def _truncate(self) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {_WAIT_MILLISECONDS:d}")
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._db.execute("PRAGMA busy_timeout = 0")

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0
