"""KeyKeeper: one background thread that keeps the keys of one issuer fresh. Knows no token.

Readers take `usable()` without a lock and never wait on the network; who needs an answer that is
not here yet waits for an `Attempt` with a deadline of its own, and all who wait share one fetch.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial

from lingpai.jose.jws import KeySource
from lingpai.verifier.flows import FetchFailed, Get, Metadata, Response, drive
from lingpai.verifier.jwks import Jwks
from lingpai.verifier.key_holder import Asked, Attempt, FetchCounts, new_attempt
from lingpai.verifier.keys_file import KeysFile
from lingpai.verifier.transport import Transport

__all__ = ["KeyKeeper", "steady_seconds"]

log = logging.getLogger("lingpai.verifier")

MAX_NAP_SECONDS = 30.0  # a machine that was asleep is noticed this soon
CLOSE_SECONDS = 10.0

_STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


steady_seconds: Callable[[], float] = (
    time.monotonic if _STEADY_CLOCK is None else partial(time.clock_gettime, _STEADY_CLOCK)
)
"""Seconds that never step back and, where the system can tell, count suspension too."""


def draw_jitter() -> float:
    """0.8 to 1.0, so that a thousand verifiers started at one moment do not ask at one moment."""
    return random.uniform(0.8, 1.0)  # noqa: S311 - spreads load, guards nothing


class KeyKeeper:
    """Holds the keys of one issuer fresh. `on_change()` runs when they have changed or lapsed,
    `on_metadata` in the keeper's thread after each fetch that went well.

    `keys` is what was held at the last look, for a reader in a hurry. `clock` is a steady one,
    `jitter` a factor on every wait. Thread-safe; after a fork the child calls `reset_after_fork`.
    """

    def __init__(
        self,
        jwks: Jwks,
        transport: Transport,
        on_change: Callable[[], None],
        *,
        keys_file: KeysFile | None = None,
        on_metadata: Callable[[Metadata], None] | None = None,
        clock: Callable[[], float] = steady_seconds,
        jitter: Callable[[], float] = draw_jitter,
    ) -> None:
        self.jwks = jwks
        self.keys: KeySource | None = None
        self.counts = FetchCounts()
        self.last_failure: str | None = None
        self.is_running = False
        self._transport = transport
        self._on_change = on_change
        self._keys_file = keys_file
        self._on_metadata = on_metadata
        self._clock = clock
        self._jitter = jitter
        self._is_closed = False
        self.reset_after_fork()
        self._restore()

    def reset_after_fork(self) -> None:
        """In a forked child: the thread is not here, and what the locks guarded is ours alone."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._attempt = new_attempt()
        self._is_fetching = False
        self.is_running = False

    # --- for readers --------------------------------------------------------------------------

    def usable(self) -> KeySource | None:
        """The keys to verify with, if there are any now. Takes no lock."""
        held = self.jwks.usable(self._clock())
        return None if held is None else held.key_set

    def next_attempt(self) -> tuple[Attempt, float]:
        """The attempt under way or the next one, and in how many seconds it begins."""
        with self._lock:
            return self._attempt, self._begins_in()

    def _begins_in(self) -> float:
        if self._is_closed:
            return math.inf
        return 0.0 if self._is_fetching else max(0.0, self.jwks.due_at - self._clock())

    def ask_for(self, kid: str | None) -> Asked | None:
        """An attempt that may bring an unknown `kid`; None where none is made for it."""
        with self._lock:
            now = self._clock()
            if self._is_closed or self.jwks.is_missing(kid, now):
                return None
            under_way = self._is_fetching or self.jwks.due_at <= now
            if not under_way and not self.jwks.ask_now(now):
                return None
            asked = Asked(self._attempt, had_begun=self._is_fetching)
        self._wake.set()
        return asked

    def note_missing(self, kid: str | None) -> None:
        """A fresh answer did not bring this `kid`: do not ask for it again soon."""
        with self._lock:
            self.jwks.note_missing(kid, self._clock())

    def revoke(self, kids: frozenset[str]) -> None:
        """The issuer has revoked these keys: what they signed verifies no more."""
        with self._lock:
            left = self.jwks.revoke(kids)
        if left is not None:
            self._turn_to(left)
            if self._keys_file is not None:
                self._keys_file.save(left)

    # --- the thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread unless it runs. Raises ValueError after `close`."""
        with self._lock:
            if self._is_closed:
                raise ValueError("the verifier is closed")
            if self.is_running:
                return
            wake = self._wake
            weakref.finalize(self, wake.set).atexit = False
            self._thread = threading.Thread(
                target=_run, args=(weakref.ref(self), wake), name="lingpai-keys", daemon=True
            )
            self._thread.start()
            self.is_running = True

    def close(self) -> None:
        """Stop the thread and wait for it; a fetch under way is cut. May be called again."""
        with self._lock:
            self._is_closed = True
            thread, self._thread = self._thread, None
            self.is_running = False
            ended, self._attempt = self._attempt, new_attempt()
        ended.set_result(False)
        self._wake.set()
        deadline = time.monotonic() + CLOSE_SECONDS
        while thread is not None and thread.is_alive() and time.monotonic() < deadline:
            self._transport.cancel()
            thread.join(0.1)

    def step(self) -> float | None:
        """Do what is due. In how many seconds to come again, or None after `close`."""
        if self._is_closed:
            return None
        if self.jwks.expire(self._clock()):
            log.error("the keys of %s are too old to be used", self.jwks.issuer)
            self._turn_to(None)
        if self._clock() >= self.jwks.due_at:
            self._fetch()
        return min(MAX_NAP_SECONDS, max(0.0, self.jwks.due_at - self._clock()))

    def _fetch(self) -> None:
        """One attempt. Whatever becomes of it, those who wait are told and the next one is set."""
        with self._lock:
            self._is_fetching = True
            self.jwks.jitter = self._jitter()
        succeeded = False
        try:
            self._attempt_once()
            succeeded = True
        except (FetchFailed, ValueError) as error:
            self._note_failure(error)
        except Exception as error:
            log.exception("an unforeseen error while fetching keys")
            self._note_failure(error)  # a thread that died would keep no key fresh
        finally:
            with self._lock:
                self._is_fetching = False
                ended, self._attempt = self._attempt, new_attempt()
            ended.set_result(succeeded)

    def _attempt_once(self) -> None:
        answer = drive(self.jwks.refresh(self._clock()), self._get)
        with self._lock:
            changed = self.jwks.succeed(answer, self._clock())
        held = self.jwks.held
        assert held is not None  # noqa: S101 - succeed() left keys
        self.counts.succeeded += 1
        self.last_failure = None
        if changed:
            self._turn_to(held.key_set)
            for skipped in held.key_set.skipped:
                log.warning("a key of %s is skipped: %s", self.jwks.issuer, skipped)
        if self._keys_file is not None:
            self._keys_file.save(held.key_set)
        if self._on_metadata is not None and self.jwks.metadata is not None:
            self._on_metadata(self.jwks.metadata)

    def _note_failure(self, error: Exception) -> None:
        self.counts.failed += 1
        self.last_failure = str(error)
        with self._lock:
            self.jwks.fail(self._clock())
        if not self._is_closed:
            log.warning("the keys of %s could not be fetched: %s", self.jwks.issuer, error)

    def _get(self, request: Get) -> Response:
        if self._is_closed:
            raise FetchFailed("closed")
        self.counts.requests += 1
        return self._transport.get(request)

    def _restore(self) -> None:
        saved = self._keys_file.load() if self._keys_file is not None else None
        if saved is None:
            return
        key_set, age_seconds = saved
        self.jwks.restore(key_set, age_seconds=age_seconds, now=self._clock())
        self._turn_to(self.usable())

    def _turn_to(self, keys: KeySource | None) -> None:
        """The new keys first, then the word: what verified in between is the caller's to judge."""
        self.keys = keys
        self._on_change()


def _run(reference: weakref.ref[KeyKeeper], wake: threading.Event) -> None:
    """The thread. It holds no keeper while it naps: one that nobody holds takes it along."""
    while True:
        keeper = reference()
        nap_seconds = keeper.step() if keeper is not None else None
        del keeper
        if nap_seconds is None:
            return
        wake.wait(nap_seconds)
        wake.clear()
