"""What runs beside the requests: keys are followed, what is past is removed, faults are told."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.support.memory_store import MemoryStore
from tests.support.stores import a_login, fill, people_and_apis

from lingpai_server.app.upkeep import Upkeep
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.flow_effects import Spend
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing

SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)


def ring_over(store: MemoryStore) -> LiveKeyRing:
    fill(store, [StoreKey(MAKER.make_refresh_key(1, now=0))])
    return LiveKeyRing(store, SEALING, asyncio.run(store.load_keys()), issuer="https://id.example")


def run_for_a_while(upkeep: Upkeep) -> None:
    """Long enough for each of its tasks to have had its first turn."""

    async def scenario() -> None:
        running = asyncio.create_task(upkeep.run())
        for _ in range(20):
            await asyncio.sleep(0)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(scenario())


def test_new_keys_are_taken_up() -> None:
    store = MemoryStore()
    keys = ring_over(store)
    key = MAKER.make_signing_key("ES256", now=0)
    fill(store, [StoreKey(key)])
    run_for_a_while(Upkeep(store, keys))
    assert keys.ring.key_for("ES256", "").kid == key.kid


def test_what_is_past_is_removed() -> None:
    store = MemoryStore()
    keys = ring_over(store)
    fill(store, people_and_apis(), a_login())
    family = bytes(range(16))
    assert asyncio.run(store.load_family(family)) is not None
    run_for_a_while(Upkeep(store, keys, clock=lambda: 9e9))
    assert asyncio.run(store.load_family(family)) is None


class SweptStore(MemoryStore):
    """Tells when a sweep has come to its end, and how many rows each batch had."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.swept = asyncio.Event()

    async def remove_expired(self, now: int, limit: int) -> int:
        removed = await super().remove_expired(now, limit)
        self.batches.append(removed)
        if removed < limit:
            self.swept.set()
        return removed


def test_one_sweep_removes_all_that_is_past_however_much_it_is() -> None:
    """A busy server marks more in a second than one batch can hold."""
    store = SweptStore()
    keys = ring_over(store)
    fill(store, [Spend("dpop", number.to_bytes(32, "big"), 1) for number in range(1_200)])

    async def scenario() -> None:
        running = asyncio.create_task(Upkeep(store, keys, clock=lambda: 9e9).run())
        await asyncio.wait_for(store.swept.wait(), 30)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(scenario())
    assert store.batches == [500, 500, 200]


def test_keys_that_do_not_open_are_told(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    keys = ring_over(store)
    foreign = SealedKeyMaker(SealingKey(Secret(b"\x01" * 32)))
    fill(store, [StoreKey(foreign.make_signing_key("ES256", now=0))])
    run_for_a_while(Upkeep(store, keys))
    assert "the newest keys cannot be used" in caplog.text


def test_store_that_is_away_is_told_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    keys = ring_over(store)
    asyncio.run(store.close())
    run_for_a_while(Upkeep(store, keys))
    assert "the store is away" in caplog.text
