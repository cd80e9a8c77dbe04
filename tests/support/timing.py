"""A clock that a test turns by hand, and a way to wait for what another thread will do."""

from __future__ import annotations

import time
from collections.abc import Callable


class HandClock:
    """Stands still until it is turned."""

    def __init__(self, now: float = 1_900_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def eventually(condition: Callable[[], bool], *, within_seconds: float = 5.0) -> None:
    """Return as soon as `condition` holds; fail if it never does."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.002)
