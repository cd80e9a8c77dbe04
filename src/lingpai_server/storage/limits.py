"""How much one SQLite store may take, in queue, time and size. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one open store.

    `queue` units of work may wait for the writer, one more is refused; `group` of them share one
    commit. A lock of another process is waited for `lock_wait_seconds`. `max_pages` (4096 bytes
    each) bounds the file, so that it cannot eat the disk; None leaves that to the disk.
    """

    queue: int = 1024
    group: int = 64
    lock_wait_seconds: float = 3.0
    max_pages: int | None = None
