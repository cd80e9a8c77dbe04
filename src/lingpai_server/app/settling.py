"""Load, decide, apply: a lost compare-and-set begins again. Refuses to know what is decided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import NotFound, StaleState, Store
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

R = TypeVar("R")

MAX_ATTEMPTS = 20


class Contended(Exception):
    """The state kept changing under a decision."""


async def settle(store: Store, decide: Callable[[], Awaitable[Decision[R]]]) -> R:
    """The reply of the first decision whose effects were applied. `decide` loads its own facts.

    A reply leaves only after its effects are durable. Raises Contended after MAX_ATTEMPTS, and
    StoreUnavailable.
    """
    for _ in range(MAX_ATTEMPTS):
        decision = await decide()
        if not decision.effects:
            return decision.reply
        try:
            await store.apply(decision.effects)
        except (StaleState, NotFound):  # another got there first, or upkeep has removed the row
            continue
        return decision.reply
    raise Contended


def refuse_busy(reason: str, *, retry_after_seconds: int = 1) -> Refusal:
    """Not now: RFC 6749 section 4.1.2.1's code, with a time to come back."""
    return refuse(
        ErrorCode.TEMPORARILY_UNAVAILABLE,
        reason=reason,
        description="The server cannot answer right now. Try again later.",
        retry_after_seconds=retry_after_seconds,
    )
