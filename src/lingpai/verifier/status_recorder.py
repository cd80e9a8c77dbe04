"""StatusRecorder: writes down what an issuer signed now and then, and knows it after a start."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable

from lingpai.jose.jws import KeySource
from lingpai.jwt.status_list import StatusListToken
from lingpai.jwt.status_stream import Batch
from lingpai.verifier.status_file import StatusFile, restore_view
from lingpai.verifier.status_record import StatusRecord
from lingpai.verifier.status_view import StatusView

__all__ = ["StatusRecorder"]

SOON_SECONDS = 1.0


class StatusRecorder:
    """Keeps a record and its file. Thread-safe; after a fork the child calls `reset_after_fork`.

    `save_seconds` is the time between two writes; what a restart then knows is older by so much.
    """

    def __init__(
        self,
        file: StatusFile,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        save_seconds: float,
    ) -> None:
        self._file = file
        self._clock, self._wall_clock = clock, wall_clock
        self._save_seconds = save_seconds
        self._save_at = -math.inf
        self._record = StatusRecord()
        self._is_saved = True  # there is nothing yet
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: what the locks guarded is ours alone."""
        self._lock = threading.Lock()
        self._saving = threading.Lock()

    def restore(self, keys: KeySource) -> StatusView | None:
        """The view of an earlier process, checked with these keys."""
        found = restore_view(self._file, keys, now=self._clock(), wall_now=self._wall_clock())
        if found is None:
            return None
        view, self._record = found
        return view

    def note_batch(self, raw: str, batch: Batch, *, is_first: bool, anew: bool) -> None:
        """A batch that was taken: the first of its connection, or a further one."""
        with self._lock:
            self._is_saved = False
            if is_first:
                self._record.begin(raw, batch, anew=anew)
                self._save_at = min(self._save_at, self._clock() + SOON_SECONDS)
            else:
                self._record.add(raw, batch)

    def note_list(self, body: bytes, token: StatusListToken) -> None:
        """A list that was taken. It is soon written down: many may come at once."""
        with self._lock:
            self._is_saved = False
            self._record.keep(body.decode("ascii"), token)
            self._save_at = min(self._save_at, self._clock() + SOON_SECONDS)

    def wants_snapshot(self) -> bool:
        """Whether the stream should be begun again where it is, so that what is old can go."""
        with self._lock:
            return self._record.wants_snapshot()

    def wanted_lists(self) -> list[str]:
        """Lists to fetch for the record's sake."""
        with self._lock:
            return self._record.wanted_lists(self._wall_clock())

    def save_if_due(self, uris: Callable[[], Iterable[str]]) -> None:
        """Write down what is known, if it is time."""
        if self._clock() >= self._save_at:
            self.save(uris)

    def save(self, uris: Callable[[], Iterable[str]]) -> None:
        """Write down what is new, with the lists in use, which `uris` tells. Who finds another
        thread at it leaves it to that one."""
        if self._is_saved or not self._saving.acquire(blocking=False):
            return
        try:
            with self._lock:
                self._save_at = self._clock() + self._save_seconds
                self._record.keep_only(uris())
                lines, self._is_saved = self._record.lines(), True
            self._file.save(lines, self._wall_clock())
        finally:
            self._saving.release()
