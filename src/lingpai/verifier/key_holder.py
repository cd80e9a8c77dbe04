"""Where a verifier's keys come from, as it sees it; and the simplest source, keys it was given."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from lingpai.jose.jws import KeySource
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key

__all__ = ["Asked", "Attempt", "FetchCounts", "FixedKeys", "KeyHolder", "new_attempt"]

Attempt: TypeAlias = Future[bool]  # done when the attempt has ended: whether it went well


class Asked(NamedTuple):
    """An attempt that was asked for. One that had begun before may miss what is new since."""

    attempt: Attempt
    had_begun: bool


@dataclass(slots=True)
class FetchCounts:
    """Attempts to fetch keys by how they ended, and the requests sent for them."""

    succeeded: int = 0
    failed: int = 0
    requests: int = 0


class KeyHolder(Protocol):
    """Where a verifier's keys come from."""

    keys: KeySource | None
    counts: FetchCounts
    last_failure: str | None
    is_running: bool

    def usable(self) -> KeySource | None:
        """The keys to verify with, if there are any now."""

    def next_attempt(self) -> tuple[Attempt, float]:
        """The attempt to get keys that is under way or next, and in how many seconds it begins."""

    def ask_for(self, kid: str | None) -> Asked | None:
        """An attempt that may bring an unknown `kid`; None where none is made for it."""

    def note_missing(self, kid: str | None) -> None:
        """A fresh answer did not bring this `kid`."""

    def revoke(self, kids: frozenset[str]) -> None:
        """The issuer has revoked these keys: what they signed verifies no more."""

    def start(self) -> None:
        """Begin to hold the keys fresh. Raises ValueError after `close`."""

    def close(self) -> None:
        """Stop, and leave no thread behind."""

    def reset_after_fork(self) -> None:
        """In a forked child: forget threads and locks."""


class FixedKeys:
    """Keys that the service was given: nothing is fetched, and no thread runs."""

    def __init__(self, keys: KeySource) -> None:
        self.keys: KeySource | None = keys
        self.counts = FetchCounts()
        self.last_failure: str | None = None
        self.is_running = False
        self._is_closed = False

    def usable(self) -> KeySource | None:
        """Always the same."""
        return self.keys

    def next_attempt(self) -> tuple[Attempt, float]:
        """There is nothing to wait for."""
        attempt = new_attempt()
        attempt.set_result(True)
        return attempt, 0.0

    def ask_for(self, kid: str | None) -> None:
        """There is nobody to ask."""

    def note_missing(self, kid: str | None) -> None:
        """Nothing to note."""

    def revoke(self, kids: frozenset[str]) -> None:
        """Keys that the service was given may go by names that the issuer revokes."""
        keys = self.keys
        if isinstance(keys, KeySet):
            self.keys = keys.without(kids)
        elif isinstance(keys, Key) and keys.kid in kids:
            self.keys = KeySet([])

    def start(self) -> None:
        """Raises ValueError after `close`."""
        if self._is_closed:
            raise ValueError("the verifier is closed")
        self.is_running = True

    def close(self) -> None:
        """May be called again."""
        self._is_closed, self.is_running = True, False

    def reset_after_fork(self) -> None:
        """Whoever else was started with these has to be started again."""
        self.is_running = False


def new_attempt() -> Attempt:
    """An attempt that has not ended."""
    attempt: Attempt = Future()
    attempt.set_running_or_notify_cancel()  # from here on nobody who waits can cancel it
    return attempt
