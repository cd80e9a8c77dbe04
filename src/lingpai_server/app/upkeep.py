"""What a server does beside answering: follow the keys, remove what is past. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from lingpai_server.app.clock import Clock, now
from lingpai_server.core.ports import Store, StoreUnavailable

LOG = logging.getLogger("lingpai.upkeep")

FOLLOW_SECONDS = 0.25
SWEEP_SECONDS = 30.0
_SWEEP_ROWS = 500
_SWEEP_PAUSE_SECONDS = 0.05  # between two full batches: up to 10,000 rows a second, if need be


class Following(Protocol):
    """A key ring that can follow the store."""

    @property
    def problem(self) -> str | None:
        """Why its newest keys cannot be used."""

    async def follow(self) -> bool:
        """Whether the ring is a new one now."""


@dataclass(slots=True)
class Upkeep:
    """`run` goes on until it is cancelled. A store that is away for a while is told once, and
    waited for."""

    store: Store
    keys: Following
    clock: Clock = now

    async def run(self) -> NoReturn:
        """Follow and sweep, each at its own pace."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_repeat(self._follow, FOLLOW_SECONDS))
            tasks.create_task(_repeat(self._sweep, SWEEP_SECONDS))
        raise AssertionError("both tasks go on for ever")

    async def _follow(self) -> None:
        before = self.keys.problem
        if await self.keys.follow():
            LOG.info("the key ring has changed")
        if self.keys.problem not in {None, before}:
            LOG.error("the newest keys cannot be used: %s", self.keys.problem)

    async def _sweep(self) -> None:
        """All that is past, a little at a time, so that no request waits long for it."""
        removed = 0
        while True:
            batch = await self.store.remove_expired(int(self.clock()), _SWEEP_ROWS)
            removed += batch
            if batch < _SWEEP_ROWS:
                break
            await asyncio.sleep(_SWEEP_PAUSE_SECONDS)
        if removed:
            LOG.debug("removed %d rows that were past", removed)


async def _repeat(act: Callable[[], Awaitable[None]], seconds: float) -> NoReturn:
    away = False
    while True:
        try:
            await act()
            away = False
        except StoreUnavailable as error:
            if not away:
                LOG.error("the store is away: %s", error)  # noqa: TRY400 - its message says it all
            away = True
        await asyncio.sleep(seconds)
