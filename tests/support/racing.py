"""Units of work that want the same thing at the same moment. Refuses to know who should win."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.support.stores import run

from lingpai_server.core.effects import Effect
from lingpai_server.core.ports import Store

RACERS: Final = 50


def race(store: Store, units: Sequence[Sequence[Effect]]) -> list[BaseException | None]:
    """Apply all units at once; what each one got, None for a success."""

    async def all_at_once() -> list[BaseException | None]:
        return await asyncio.gather(*(map(store.apply, units)), return_exceptions=True)

    return run(all_at_once())
