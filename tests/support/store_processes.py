"""A process that uses a store as it is told, for tests of several processes and of sudden death.

`python -m tests.support.store_processes obey PATH` answers commands on its standard input;
`… stream PATH FIRST` rotates eight families without end and prints what was acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from tests.support.single_uses import UNITS
from tests.support.stores import FAMILY_ID, NOW, ORDERS, a_family, a_session

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    Effect,
    EndSessionsOfUser,
    PutRole,
    Record,
    ReplacePasswordHash,
    RequireVersion,
    RotateFamily,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import AlreadySpent, StaleState
from lingpai_server.core.records import Event, Role
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import HeldSlot, SlotGrant, SlotRef
from lingpai_server.core.status_effects import TakeSlot
from lingpai_server.storage.sqlite import SqliteStore

_ROOT = Path(__file__).parents[2]
STREAMED = 8


class Puppet:
    """The parent's side of a process: say a command, hear the answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._stdin = _there(process.stdin)
        self.stdout = _there(process.stdout)

    def say(self, *words: object) -> None:
        """Send one command."""
        self._stdin.write(" ".join(map(str, words)) + "\n")
        self._stdin.flush()

    def hear(self) -> str:
        """The next line of its answers; empty when it is gone."""
        return self.stdout.readline().rstrip("\n")

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.process.kill()


@contextmanager
def puppet(role: str, path: Path, *arguments: object) -> Iterator[Puppet]:
    """Start a process in this role; it is dead afterwards, whatever happened."""
    command = [sys.executable, "-m", __name__, role, str(path), *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Puppet(process)
        finally:
            process.kill()


def streamed_family(number: int) -> bytes:
    """The identifier of a family that `stream` rotates."""
    return number.to_bytes(16, "big")


def _there(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise ValueError("the process was started without pipes")
    return pipe


def _answer(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write, so that a kill cannot cut it in two


async def _obey(path: Path) -> None:
    """One command a line: `rotate GENERATION`, `login VERSION NUMBER`, `reset VERSION`, `permit
    PERMISSION`, `take EPOCH INDEX BEFORE VERSION` for the family's grant, or the name of a unit of
    single_uses.py with its number and racer."""
    store = SqliteStore.open(path)
    _answer("ready")
    for line in sys.stdin:
        try:
            await store.apply(_effects(line.split()))
        except (StaleState, AlreadySpent):
            _answer("lost")
        else:
            _answer("won")
    await store.close()


def _effects(words: Sequence[str]) -> Sequence[Effect]:
    match words:
        case ["rotate", generation]:
            return (RotateFamily(FAMILY_ID, int(generation), float(NOW), NOW + 10),)
        case ["login", version, number]:
            session = a_session(f"login-{number}")
            family = a_family(int(number).to_bytes(16, "big"), session_id=session.session_id)
            required = RequireVersion("user", session.user_id, int(version))
            return (required, StartSession(session), StartFamily(family))
        case ["reset", version]:
            reset = ReplacePasswordHash("id-of-ming", int(version), Secret("new"), reset=True)
            return (reset, EndSessionsOfUser("id-of-ming", NOW, "password_reset"))
        case ["permit", permission]:
            return (PutRole(Role(ORDERS, "clerk", (permission,))),)
        case ["take", epoch, index, before, version]:
            held = HeldSlot(SlotRef(epoch, 1, int(before)), Status.STALE) if int(before) else None
            grant = SlotGrant("app", "app", ORDERS, "session-1")
            return (
                RequireVersion("user", "id-of-ming", int(version)),
                TakeSlot(SlotRef(epoch, 1, int(index)), grant, held, None, NOW),
            )
        case [name, number, racer]:
            return UNITS[name](int(number), int(racer))
        case _:
            raise ValueError(f"no such command: {words}")


async def _stream(path: Path, first: int) -> None:
    store = SqliteStore.open(path)
    _answer("ready")
    await asyncio.gather(*(_rotate_for_ever(store, first + n) for n in range(STREAMED)))


async def _rotate_for_ever(store: SqliteStore, number: int) -> NoReturn:
    family_id = streamed_family(number)
    facts = await store.load_family(family_id)
    generation = 0 if facts is None else facts.family.generation
    while True:
        rotate = RotateFamily(family_id, generation, float(NOW), NOW + 10)
        await store.apply((rotate, Record(Event("refresh", NOW))))
        generation += 1
        _answer(f"{number} {generation}")


def _main(role: str, path: str, *arguments: str) -> None:
    match role:
        case "obey":
            asyncio.run(_obey(Path(path)))
        case "stream":
            asyncio.run(_stream(Path(path), int(arguments[0])))
        case _:
            raise ValueError(f"no such role: {role}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
