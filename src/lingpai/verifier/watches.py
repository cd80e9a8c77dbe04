"""Watches: tokens that connections were opened with, looked at for as long as those are open.

One thread, started with the first watch. It looks at a token when its time is over, at all of them
when something was revoked, and at each now and then. It verifies nothing: they have been verified.
"""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Self, TypeAlias

from lingpai.errors import StatusUnavailable, TokenError, TokenExpired
from lingpai.jwt.policy import Policy
from lingpai.jwt.status_list import read_reference
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.status_check import StatusCheck
from lingpai.verifier.status_keeper import StatusKeeper
from lingpai.verifier.status_view import HeldList

__all__ = ["OnEnd", "Watch", "Watches", "wait_for_refusal"]

log = logging.getLogger("lingpai.verifier")

OnEnd: TypeAlias = Callable[[TokenError], object]

LOOK_SECONDS = 30.0  # each token is looked at so often: a wall clock may have been set
FIRST_SECONDS = 2.0  # for a list that is not here when a watch begins
BREATH_SECONDS = 0.01  # the least between two looks at one token
CLOSE_SECONDS = 10.0


class Watch:
    """One token that is watched, until `close` or its end.

    `reference`, `held` and `version` are as in an `Entry` of the cache: what was looked at last.
    """

    __slots__ = (
        "_watches",
        "held",
        "number",
        "on_end",
        "reference",
        "status",
        "token",
        "version",
        "vouched_until",
    )

    def __init__(
        self,
        watches: Watches,
        number: int,
        token: VerifiedToken,
        on_end: OnEnd,
        status: StatusCheck | None,
        vouched_until: float,
    ) -> None:
        self.token = token
        self.reference = None if status is None else read_reference(token.claims)
        self.held: HeldList | None = None
        self.version: object = None
        self.on_end = on_end
        self.number = number
        self.status = status
        self.vouched_until = vouched_until  # on the steady clock: how long what is known suffices
        self._watches = watches

    def close(self) -> None:
        """Watch no more. May be called again, and from `on_end`."""
        self._watches.drop(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Watches:
    """The watches of one verifier. Thread-safe; after a fork the child has none."""

    def __init__(
        self,
        policy: Policy,
        status: StatusKeeper | None,
        clock: Callable[[], float],
        steady_clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._status = status
        self._clock, self._steady_clock = clock, steady_clock
        self._is_closed = self._is_listening = False
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """In a forked child: the connections are the parent's."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._open: dict[int, Watch] = {}
        self._looks: list[tuple[float, int]] = []  # a heap: when to look at which
        self._numbers = count()
        self._has_changed = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._open)

    def watch(self, token: VerifiedToken, on_end: OnEnd, max_age: float | None) -> Watch:
        """Watch from now on. Raises ValueError after `close`."""
        if max_age is None:
            max_age = self._policy.max_status_age_seconds
        status = None if self._status is None else StatusCheck(self._status, max_age)
        with self._lock:
            if self._is_closed:
                raise ValueError("the verifier is closed")
            first = self._steady_clock() + FIRST_SECONDS
            watch = Watch(self, next(self._numbers), token, on_end, status, first)
            self._open[watch.number] = watch
            heappush(self._looks, (-math.inf, watch.number))  # at once
            self._start()
        self._wake.set()
        return watch

    def drop(self, watch: Watch) -> bool:
        """Forget one; whether it was still open."""
        with self._lock:
            if len(self._looks) > 2 * len(self._open) + 64:  # those that were closed early
                self._looks = [look for look in self._looks if look[1] in self._open]
                heapify(self._looks)
            return self._open.pop(watch.number, None) is not None

    def close(self) -> None:
        """End all of them: nobody would tell them any more. May be called again."""
        with self._lock:
            self._is_closed = True
            left, thread, self._thread = list(self._open.values()), self._thread, None
        self._wake.set()
        for watch in left:
            self._end(watch, StatusUnavailable("the verifier is closed"))
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)

    def notice_change(self) -> None:
        """Something was revoked, or seen anew: look at all of them soon."""
        self._has_changed = True
        self._wake.set()

    # --- the thread ---------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is not None:
            return
        if self._status is not None and not self._is_listening:
            self._is_listening = True
            self._status.on_change(_weakly(weakref.ref(self)))
        weakref.finalize(self, self._wake.set).atexit = False
        self._thread = threading.Thread(
            target=_run, args=(weakref.ref(self), self._wake), name="lingpai-watch", daemon=True
        )
        self._thread.start()

    def step(self) -> float | None:
        """Look at what is due. In how many seconds to come again, or None after `close`."""
        if self._is_closed:
            return None
        if self._has_changed:
            self._has_changed = False
            for watch in self._suspects():
                self._look_at(watch)
        for watch in self._take_due():
            if self._look_at(watch):
                with self._lock:
                    heappush(self._looks, (self._next_look(watch), watch.number))
        with self._lock:
            next_at = self._looks[0][0] if self._looks else math.inf
        return min(LOOK_SECONDS, max(0.0, next_at - self._steady_clock()))

    def _suspects(self) -> list[Watch]:
        """Those whose status is other than good by now; a quick look at every one."""
        if self._status is None:
            return []
        view = self._status.view
        with self._lock:
            everyone = list(self._open.values())
        kids = view.revoked_kids
        return [w for w in everyone if w.token.header.kid in kids or not view.recheck(w)]

    def _take_due(self) -> list[Watch]:
        now, due = self._steady_clock(), []
        with self._lock:
            while self._looks and self._looks[0][0] <= now:
                watch = self._open.get(heappop(self._looks)[1])
                if watch is not None:
                    due.append(watch)
        return due

    def _look_at(self, watch: Watch) -> bool:
        """Whether the token is good still; if not, the watch is at its end."""
        refusal = self._judge(watch)
        if refusal is not None:
            self._end(watch, refusal)
        return refusal is None

    def _judge(self, watch: Watch) -> TokenError | None:
        """Why the token is good no more, if it is not."""
        if self._clock() >= self._expires_at(watch.token):
            return TokenExpired("the token expired while its connection was open")
        if watch.status is None or self._status is None:
            return None
        try:
            watch.status.check(watch.token, self._policy)
        except StatusUnavailable as unavailable:  # it may come in time
            self._status.want(unavailable.uri)
            return unavailable if self._steady_clock() > watch.vouched_until else None
        except TokenError as refusal:
            return refusal
        watch.vouched_until = watch.status.keep_fresh(watch.token, self._policy)
        return None

    def _next_look(self, watch: Watch) -> float:
        """When it expires, when its status will be too old, and at the latest in a while."""
        now = self._steady_clock()
        expires_in = self._expires_at(watch.token) - self._clock()
        return max(
            now + BREATH_SECONDS,
            min(now + LOOK_SECONDS, now + expires_in, watch.vouched_until + BREATH_SECONDS),
        )

    def _expires_at(self, token: VerifiedToken) -> float:
        return token.expires_at + self._policy.leeway_seconds

    def _end(self, watch: Watch, refusal: TokenError) -> None:
        if not self.drop(watch):
            return
        try:
            watch.on_end(refusal)
        except Exception:
            log.exception("what was to be called at the end of a token failed")


def _weakly(reference: weakref.ref[Watches]) -> Callable[[], None]:
    def tell() -> None:
        watches = reference()
        if watches is not None:
            watches.notice_change()

    return tell


def _run(reference: weakref.ref[Watches], wake: threading.Event) -> None:
    """The thread. It holds no watches while it naps."""
    while True:
        wake.clear()  # before the look, so that no word falls between
        watches = reference()
        nap_seconds = watches.step() if watches is not None else None
        del watches
        if nap_seconds is None:
            return
        wake.wait(nap_seconds)


async def wait_for_refusal(watch: Callable[[OnEnd], Watch]) -> TokenError:
    """What `watch` tells at the end, this task waiting."""
    import asyncio  # whoever comes here has it

    loop = asyncio.get_running_loop()
    told: asyncio.Future[TokenError] = loop.create_future()

    def settle(refusal: TokenError) -> None:
        if not told.done():
            told.set_result(refusal)

    def tell(refusal: TokenError) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, refusal)

    with watch(tell):
        return await told
