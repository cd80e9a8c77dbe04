"""How a call waits for keys: written once as generators, driven by a thread or by an event loop."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import wait
from typing import TypeAlias, TypeVar

from lingpai.errors import KeysUnavailable
from lingpai.jose.jws import KeySource
from lingpai.verifier.key_holder import Attempt, KeyHolder

__all__ = ["Waiting", "block", "in_loop", "wait_for_keys"]

T = TypeVar("T")

# It yields what to wait for and for how many seconds at most, and looks for itself what came of it.
Waiting: TypeAlias = Generator[tuple[Attempt, float], None, T]


def wait_for_keys(holder: KeyHolder, deadline: float) -> Waiting[KeySource]:
    """The keys, at the latest when the monotonic clock reaches `deadline`.

    Raises KeysUnavailable, at once where no attempt to get them begins before the deadline.
    """
    while True:
        attempt, begins_in = holder.next_attempt()  # first, so that its end is not missed
        keys = holder.usable()
        if keys is not None:
            return keys
        left = deadline - time.monotonic()
        if left <= 0 or begins_in > left:
            raise KeysUnavailable(f"no keys could be had: {holder.last_failure or 'no answer yet'}")
        yield attempt, left


def block(waiting: Waiting[T]) -> T:
    """Drive it, this thread waiting."""
    try:
        while True:
            attempt, seconds = next(waiting)
            wait([attempt], seconds)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def in_loop(waiting: Waiting[T]) -> T:
    """Drive it, this task waiting."""
    try:
        while True:
            attempt, seconds = next(waiting)
            await _wait_in_loop(attempt, seconds)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _wait_in_loop(attempt: Attempt, seconds: float) -> None:
    import asyncio  # whoever comes here has it

    seen = asyncio.wrap_future(attempt)
    try:
        await asyncio.wait([seen], timeout=seconds)
    finally:
        seen.cancel()  # it is one of many who look at the attempt, which goes on
