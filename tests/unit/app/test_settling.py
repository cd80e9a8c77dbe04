"""A lost compare-and-set begins again, and not for ever."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.memory_store import MemoryStore

from lingpai_server.app.settling import MAX_ATTEMPTS, Contended, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, EndSession, MoveBucket
from lingpai_server.core.records import Bucket

LOSES: Effects = (MoveBucket(Bucket("x", 9, 9, 9), Bucket("x", 1, 1, 1)),)
WINS: Effects = (MoveBucket(None, Bucket("x", 1, 1, 1)),)
REMOVED: Effects = (EndSession("s-that-upkeep-removed", 1, "logout"),)


class Decider:
    """Decides on these effects, one after the other; the last again and again."""

    def __init__(self, *effects: Effects) -> None:
        self.effects = list(effects)
        self.asked = 0

    async def __call__(self) -> Decision[int]:
        effects = self.effects[min(self.asked, len(self.effects) - 1)]
        self.asked += 1
        return Decision(self.asked, effects)


def test_reply_of_the_decision_that_held_is_given() -> None:
    store, decide = MemoryStore(), Decider(LOSES, LOSES, WINS)
    assert asyncio.run(settle(store, decide)) == 3
    assert asyncio.run(store.load_buckets(["x"]))["x"].failures == 1


def test_a_row_that_upkeep_removed_meanwhile_is_decided_on_again() -> None:
    assert asyncio.run(settle(MemoryStore(), Decider(REMOVED, ()))) == 2


def test_decision_without_effects_writes_nothing() -> None:
    store = MemoryStore()
    before = asyncio.run(store.data_version())
    assert asyncio.run(settle(store, Decider(()))) == 1
    assert asyncio.run(store.data_version()) == before


def test_contention_without_end_is_given_up() -> None:
    decide = Decider(LOSES)
    with pytest.raises(Contended):
        asyncio.run(settle(MemoryStore(), decide))
    assert decide.asked == MAX_ATTEMPTS
