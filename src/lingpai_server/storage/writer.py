"""The one thread of a process that writes. Refuses to know what it writes: work is a function.

Units of work that arrive while a commit is under way share the next one. Each runs in its own
SAVEPOINT, so that one may fail alone; every answer, of a lost compare-and-set too, waits for the
COMMIT, so that nobody hears of what is not yet true; and a COMMIT that fails, fails them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.storage.checkpoint import Checkpoint
from lingpai_server.storage.connection import wait_for_lock
from lingpai_server.storage.errors import refusal, unavailable
from lingpai_server.storage.limits import Limits

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit of work, and where its answer is awaited."""

    work: Work[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The answer to one job: `error` if there is one, else `result`."""

    job: _Job
    result: Any = None
    error: Exception | None = None


class Writer:
    """Has `db` to itself until it is closed, and runs work on it in groups, in order of arrival."""

    def __init__(self, db: sqlite3.Connection, checkpoint: Checkpoint, limits: Limits) -> None:
        self._db = db
        self._checkpoint = checkpoint
        self._limits = limits
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="lingpai-writer", daemon=True)
        self._thread.start()

    async def do(self, work: Work[T]) -> T:
        """What `work` returns or raises, once the transaction it ran in is durable.

        Called from any event loop. A caller that is cancelled leaves it open whether the work was
        done. Raises StoreUnavailable when the queue is full or the database cannot answer.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._accept(_Job(work, future))
        return await future

    async def close(self) -> None:
        """Finish what was accepted and end the thread. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _accept(self, job: _Job) -> None:
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if len(self._jobs) >= self._limits.queue:
                raise StoreUnavailable("too many writes are waiting")
            self._jobs.append(job)
            self._changed.notify()

    def _run(self) -> None:
        while group := self._take_group():
            _deliver(self._commit(group))
            self._checkpoint.after_commit()

    def _take_group(self) -> list[_Job]:
        """The next jobs, after waiting for the first; none when all is done and closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            return [self._jobs.popleft() for _ in range(min(len(self._jobs), self._limits.group))]

    def _take_all(self) -> list[_Job]:
        with self._changed:
            backlog = list(self._jobs)
            self._jobs.clear()
            return backlog

    def _commit(self, group: Sequence[_Job]) -> list[_Outcome]:
        try:
            wait_for_lock(self._begin, self._limits.lock_wait_seconds)
        except sqlite3.Error as error:  # those behind them have waited as long in vain
            return _fail_all([*group, *self._take_all()], error)
        try:
            outcomes = [self._run_unit(job) for job in group]
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever
            self._roll_back()
            return _fail_all(group, error)
        return outcomes

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def _run_unit(self, job: _Job) -> _Outcome:
        self._db.execute("SAVEPOINT unit")
        try:
            result = job.work(self._db)
        except Exception as error:
            if not self._db.in_transaction:  # a full disk may have rolled back the whole group
                raise
            self._db.execute("ROLLBACK TO unit")
            self._db.execute("RELEASE unit")
            return _Outcome(job, error=refusal(error))
        self._db.execute("RELEASE unit")
        return _Outcome(job, result)

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def _fail_all(jobs: Sequence[_Job], error: Exception) -> list[_Outcome]:
    return [_Outcome(job, error=unavailable(error)) for job in jobs]


def _deliver(outcomes: Sequence[_Outcome]) -> None:
    """Wake each event loop once, with all that is for it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.job.future.get_loop(), []).append(outcome)
    for loop, batch in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a closed loop: nobody is waiting in it
            loop.call_soon_threadsafe(_settle, batch)


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if outcome.job.future.done():  # cancelled by its caller
            continue
        if outcome.error is None:
            outcome.job.future.set_result(outcome.result)
        else:
            outcome.job.future.set_exception(outcome.error)
