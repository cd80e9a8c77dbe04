"""The writer thread: groups that share a commit, units that fail alone, answers that wait."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import run

from lingpai_server.core.ports import StaleState, StoreUnavailable
from lingpai_server.storage.checkpoint import Checkpoint
from lingpai_server.storage.connection import open_writer
from lingpai_server.storage.limits import Limits
from lingpai_server.storage.writer import Work, Writer

_SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE note (text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a table to write to, and one whose rows make a commit fail."""
    path = tmp_path / "writer.db"
    with closing(open_writer(path, Limits())) as db:
        db.executescript(_SCHEMA)
    return path


@contextmanager
def open_with(path: Path, limits: Limits) -> Iterator[Writer]:
    """A writer with these limits, closed afterwards."""
    with closing(open_writer(path, limits)) as db:
        writer = Writer(db, Checkpoint(db, path), limits)
        yield writer
        run(writer.close())


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A writer with small limits."""
    with open_with(path, Limits(queue=8, group=8, lock_wait_seconds=0.05)) as writer:
        yield writer


def put(text: str) -> Work[str]:
    """A unit of work that writes `text` and answers it."""

    def work(db: sqlite3.Connection) -> str:
        db.execute("INSERT INTO note (text) VALUES (?1)", (text,))
        return text

    return work


def put_and_lose(text: str) -> Work[str]:
    """A unit of work that writes `text` and then loses a compare-and-set."""

    def work(db: sqlite3.Connection) -> str:
        put(text)(db)
        raise StaleState

    return work


def break_the_commit(db: sqlite3.Connection) -> None:
    """A unit of work that goes well, and whose transaction cannot commit."""
    db.execute("INSERT INTO child (id) VALUES (404)")


def notes(path: Path) -> list[str]:
    """What another connection sees."""
    with closing(sqlite3.connect(path)) as db:
        return [text for (text,) in db.execute("SELECT text FROM note ORDER BY rowid")]


class Gate:
    """A unit of work that stays under way until it is opened, so that others gather behind it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    def work(self, _db: sqlite3.Connection) -> None:
        self._entered.set()
        self._opened.wait(30)

    async def entered(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self._entered.wait, 30)

    def open(self) -> None:
        self._opened.set()


@asynccontextmanager
async def held_up(writer: Writer) -> AsyncIterator[None]:
    """Within, the writer is busy with a unit of work; what is asked now forms the next group."""
    gate = Gate()
    busy = asyncio.create_task(writer.do(gate.work))
    await gate.entered()
    try:
        yield
    finally:
        gate.open()
        await busy


async def as_one_group(writer: Writer, works: Sequence[Work[Any]]) -> list[Any]:
    """Do all of them in one group; their answers, errors included."""
    async with held_up(writer):
        tasks = [asyncio.create_task(writer.do(work)) for work in works]
        await asyncio.sleep(0)  # one turn of the loop: each task has handed its work over
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_an_answer_is_what_the_work_returned(writer: Writer) -> None:
    assert run(writer.do(put("one"))) == "one"


def test_an_answer_comes_after_the_commit(writer: Writer, path: Path) -> None:
    async def write_and_look() -> None:
        for number in range(50):
            await writer.do(put(f"note {number}"))
            assert len(notes(path)) == number + 1

    run(write_and_look())


def test_a_unit_that_fails_undoes_itself_and_no_neighbour(writer: Writer, path: Path) -> None:
    works = [put("before"), put_and_lose("lost"), put("after")]
    before, lost, after = run(as_one_group(writer, works))
    assert (before, after) == ("before", "after")
    assert isinstance(lost, StaleState)
    assert notes(path) == ["before", "after"]


def test_a_commit_that_fails_fails_the_whole_group(writer: Writer, path: Path) -> None:
    works = [put("won"), put_and_lose("lost"), break_the_commit]
    answers = run(as_one_group(writer, works))
    # The lost compare-and-set too: what it lost against was never committed.
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert notes(path) == []


def test_a_commit_that_failed_does_not_hurt_the_next(writer: Writer, path: Path) -> None:
    run(as_one_group(writer, [break_the_commit]))
    run(writer.do(put("next")))
    assert notes(path) == ["next"]


def test_units_run_in_the_order_of_their_arrival(writer: Writer, path: Path) -> None:
    run(as_one_group(writer, [put(str(number)) for number in range(8)]))
    assert notes(path) == [str(number) for number in range(8)]


def test_a_group_larger_than_its_bound_takes_several_commits(path: Path) -> None:
    works = [put("one"), put("two"), put("three"), break_the_commit]
    with open_with(path, Limits(group=2)) as small:
        answers = run(as_one_group(small, works))
    kinds = [str, str, StoreUnavailable, StoreUnavailable]
    assert [type(answer) for answer in answers] == kinds
    assert notes(path) == ["one", "two"]


def test_a_full_queue_refuses_at_once(writer: Writer, path: Path) -> None:
    works = [put(str(number)) for number in range(9)]
    answers = run(as_one_group(writer, works))
    assert answers[:8] == [str(number) for number in range(8)]
    assert isinstance(answers[8], StoreUnavailable)
    assert len(notes(path)) == 8


def test_a_value_that_the_schema_refuses_is_the_callers_mistake(writer: Writer) -> None:
    def wrong_type(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO note (text) VALUES (?1)", (b"\xff",))

    def no_such_type(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO note (text) VALUES (?1)", (object(),))

    for work in (wrong_type, no_such_type):
        with pytest.raises(ValueError, match="refuses a value"):
            run(writer.do(work))


def test_an_error_of_the_work_itself_comes_back_as_it_is(writer: Writer) -> None:
    def work(_db: sqlite3.Connection) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(writer.do(work))


def test_a_lock_held_elsewhere_is_waited_for(path: Path) -> None:
    async def write_while_locked(patient: Writer) -> str:
        with closing(open_writer(path, Limits())) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(patient.do(put("late")))
            await asyncio.sleep(0)
            other.execute("COMMIT")
        return await task

    with open_with(path, Limits(lock_wait_seconds=30)) as patient:
        assert run(write_while_locked(patient)) == "late"


def test_a_lock_held_too_long_is_told_and_then_forgotten(writer: Writer, path: Path) -> None:
    with closing(open_writer(path, Limits())) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="another process holds its lock"):
            run(writer.do(put("early")))
        other.execute("ROLLBACK")
    assert run(writer.do(put("later"))) == "later"
    assert notes(path) == ["later"]


def test_those_behind_a_group_that_waited_in_vain_do_not_wait_again(path: Path) -> None:
    async def write_all(slow: Writer) -> list[Any]:
        works = (slow.do(put(str(number))) for number in range(20))
        async with asyncio.timeout(5):  # twenty waits would take ten seconds
            return await asyncio.gather(*works, return_exceptions=True)

    limits = Limits(group=1, lock_wait_seconds=0.5)
    with closing(open_writer(path, limits)) as other, open_with(path, limits) as slow:
        other.execute("BEGIN IMMEDIATE")
        answers = run(write_all(slow))
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 20


def test_a_cancelled_caller_disturbs_no_other(writer: Writer, path: Path) -> None:
    async def cancel_one() -> str:
        async with held_up(writer):
            cancelled = asyncio.create_task(writer.do(put("cancelled")))
            kept = asyncio.create_task(writer.do(put("kept")))
            await asyncio.sleep(0)
            cancelled.cancel()
        return await kept

    assert run(cancel_one()) == "kept"
    assert "kept" in notes(path)


def test_an_event_loop_that_is_gone_disturbs_no_other(writer: Writer, path: Path) -> None:
    gate = Gate()

    async def leave_early() -> None:
        task = asyncio.create_task(writer.do(gate.work))
        await gate.entered()
        task.cancel()

    run(leave_early())
    gate.open()
    assert run(writer.do(put("next"))) == "next"


def test_several_event_loops_share_one_writer(path: Path) -> None:
    async def write_many(shared: Writer, name: str) -> None:
        for number in range(25):
            assert await shared.do(put(f"{name} {number}")) == f"{name} {number}"

    with open_with(path, Limits()) as shared:
        in_threads([partial(run_new, write_many, shared, name) for name in "abcd"])
    assert len(notes(path)) == 100


def run_new(
    write: Callable[[Writer, str], Coroutine[Any, Any, None]], writer: Writer, name: str
) -> None:
    """Call it in an event loop of its own."""
    run(write(writer, name))


def in_threads(calls: Sequence[Callable[[], None]]) -> None:
    """Run each in a thread of its own, to the end."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_closing_finishes_what_was_accepted(writer: Writer, path: Path) -> None:
    async def close_while_busy() -> list[str]:
        async with held_up(writer):
            tasks = [asyncio.create_task(writer.do(put(str(n)))) for n in range(5)]
            await asyncio.sleep(0)
            closing_down = asyncio.create_task(writer.close())
            await asyncio.sleep(0)
        await closing_down
        return await asyncio.gather(*tasks)

    assert run(close_while_busy()) == [str(n) for n in range(5)]
    assert notes(path) == [str(n) for n in range(5)]


def test_a_closed_writer_refuses(writer: Writer) -> None:
    run(writer.close())
    with pytest.raises(StoreUnavailable, match="closed"):
        run(writer.do(put("late")))
