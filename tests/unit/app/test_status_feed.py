"""The feed of statuses: who listens is told in time, and only of what the store has said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.memory_store import MemoryStore
from tests.support.stores import ORDERS, a_login, fill, people_and_apis

from lingpai.jose.key_set import KeySet
from lingpai.jwt.status_list import Status, open_status_list
from lingpai.jwt.status_stream import Batch, open_batch
from lingpai_server.app.status_feed import (
    BEAT_SECONDS,
    POLL_SECONDS,
    Listener,
    StatusFeed,
    TooManyListeners,
)
from lingpai_server.core.effects import EndSession, StoreKey
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import SlotGrant, SlotRef
from lingpai_server.core.status_effects import DenyToken, RevokeKid, StartEpoch, TakeSlot
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing

ISSUER = "https://id.example"
SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)
FOR_ALL = MAKER.make_signing_key("RS256", now=0)
NOW = 1_800_000_000.0


class Moody(MemoryStore):
    """A store that may be away."""

    away = False

    async def load_status_mark(self) -> tuple[str, int]:
        if self.away:
            raise StoreUnavailable("the disk is on fire")
        return await super().load_status_mark()


@dataclass
class Clock:
    """A clock that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """A feed over a store with one login, and what its listeners hear."""

    store: Moody = field(default_factory=Moody)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        fill(
            self.store,
            people_and_apis(),
            a_login(),
            [
                StoreKey(MAKER.make_refresh_key(1, now=0)),
                StoreKey(MAKER.make_signing_key("ES256", now=0)),
                StoreKey(FOR_ALL),
            ],
        )
        stored = asyncio.run(self.store.load_keys())
        self.keys = LiveKeyRing(self.store, SEALING, stored, issuer=ISSUER)
        self.feed = StatusFeed(
            self.store, self.keys, ISSUER, max_listeners=2, clock=self.clock, steady=self.clock
        )

    @property
    def public(self) -> KeySet:
        return KeySet(self.keys.signing_key(alg).public for alg in ("ES256", "RS256"))

    async def take_slot(self, index: int = 5) -> SlotRef:
        epoch, _ = await self.store.load_status_mark()
        slot = SlotRef(epoch, 1, index)
        grant = SlotGrant("app", "app", ORDERS, "session-1")
        await self.store.apply([TakeSlot(slot, grant, None, None, int(NOW))])
        return slot

    async def listen(self, place: str | None = None) -> Listener:
        return await self.feed.listen(last_event_id=place, nonce="n")

    def read(self, event: bytes) -> list[Batch]:
        texts = [line[6:] for line in event.decode().splitlines() if line.startswith("data: ")]
        return [open_batch(text, self.public, issuer=ISSUER, now=NOW) for text in texts]

    async def hear(self, listener: Listener) -> list[Batch]:
        async for event in listener.events():
            return self.read(event)
        return []


@pytest.fixture
def desk() -> Desk:
    return Desk()


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(10):
            return await scenario()

    return asyncio.run(bounded())


def test_who_begins_gets_a_snapshot_for_its_question(desk: Desk) -> None:
    async def scenario() -> None:
        (batch,) = await desk.hear(await desk.listen())
        assert (batch.is_snapshot, batch.nonce, batch.gap, batch.as_of) == (True, "n", True, NOW)

    run(scenario)


def test_an_end_is_told_to_all_as_soon_as_the_store_says_so(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        listeners = [await desk.listen(), await desk.listen()]
        for listener in listeners:
            await desk.hear(listener)
        await desk.store.apply([EndSession("session-1", int(NOW), "logout")])
        await desk.feed.follow()
        for listener in listeners:
            (batch,) = await desk.hear(listener)
            uri = f"{ISSUER}/status-lists/{slot.list_id}"
            assert batch.changes == {uri: ((slot.index, Status.INVALID),)}

    run(scenario)


def test_who_comes_back_goes_on_where_it_was(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.take_slot()
        listener = await desk.listen()
        (first,) = await desk.hear(listener)
        desk.feed.leave(listener)
        await desk.store.apply([EndSession("session-1", int(NOW), "logout")])
        (batch,) = await desk.hear(await desk.listen(f"{first.epoch}.{first.seq}"))
        assert not batch.gap
        assert len(batch.changes) == 1

    run(scenario)


def test_a_heartbeat_tells_when_the_store_was_read(desk: Desk) -> None:
    async def scenario() -> None:
        listener = await desk.listen()
        await desk.hear(listener)
        running = asyncio.create_task(desk.feed.run())
        await asyncio.sleep(0)
        desk.clock.now += BEAT_SECONDS
        (batch,) = await desk.hear(listener)
        running.cancel()
        assert (batch.changes, batch.as_of) == ({}, NOW + BEAT_SECONDS)

    run(scenario)


def test_a_store_that_is_away_is_vouched_for_by_nobody_and_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        listener = await desk.listen()
        await desk.hear(listener)
        desk.store.away = True
        running = asyncio.create_task(desk.feed.run())
        for _ in range(3):
            desk.clock.now += BEAT_SECONDS
            await asyncio.sleep(0.02)
        assert not listener.pending
        desk.store.away = False
        (batch,) = await desk.hear(listener)
        running.cancel()
        assert batch.as_of == desk.clock.now

    with caplog.at_level(logging.ERROR, "lingpai.status"):
        run(scenario)
    assert len(caplog.records) == 1


def test_a_slow_reader_is_cut_off_and_nobody_waits_for_it(desk: Desk) -> None:
    async def scenario() -> None:
        slow, quick = await desk.listen(), await desk.listen()
        for number in range(70):
            await desk.store.apply([DenyToken(f"jti-{number}", int(NOW) + 60, int(NOW))])
            await desk.feed.follow()
            await desk.hear(quick)
        assert [event async for event in slow.events()] == []
        assert desk.feed.listeners == 1

    run(scenario)


def test_so_many_may_listen_and_no_more(desk: Desk) -> None:
    async def scenario() -> None:
        first = await desk.listen()
        await desk.listen()
        with pytest.raises(TooManyListeners):
            await desk.listen()
        desk.feed.leave(first)
        await desk.listen()

    run(scenario)


def test_another_epoch_ends_all_streams(desk: Desk) -> None:
    async def scenario() -> None:
        listener = await desk.listen()
        await desk.hear(listener)
        await desk.store.apply([StartEpoch("e2", int(NOW), "restored")])
        await desk.feed.follow()
        assert [event async for event in listener.events()] == []
        (batch,) = await desk.hear(await desk.listen())
        assert batch.epoch == "e2"

    run(scenario)


def test_who_has_seen_more_than_the_store_is_told_to_the_operator(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        epoch, seq = await desk.store.load_status_mark()
        (batch,) = await desk.hear(await desk.listen(f"{epoch}.{seq + 40}"))
        assert batch.gap

    with caplog.at_level(logging.ERROR, "lingpai.status"):
        run(scenario)
    assert "lingpai status new-epoch" in caplog.text


def test_a_revoked_key_signs_nothing_of_its_own_end(desk: Desk) -> None:
    async def scenario() -> None:
        listener = await desk.listen()
        await desk.hear(listener)
        old = desk.keys.signing_key("RS256")
        new = MAKER.make_signing_key("RS256", now=int(NOW) + 1)
        await desk.store.apply([StoreKey(new), RevokeKid(old.kid or "", int(NOW))])
        await desk.feed.follow()
        (batch,) = await desk.hear(listener)
        assert batch.kids == (old.kid,)
        assert desk.keys.signing_key("RS256").kid == new.kid

    run(scenario)


def test_a_list_is_signed_again_when_it_changes_or_half_its_time_is_over(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        first = await desk.feed.publish(slot.list_id)
        assert first is not None
        assert await desk.feed.publish(slot.list_id) is first
        desk.clock.now += 31
        second = await desk.feed.publish(slot.list_id)
        assert second is not None
        assert second is not first
        await desk.store.apply([EndSession("session-1", int(NOW), "logout")])
        third = await desk.feed.publish(slot.list_id)
        assert third is not None
        uri = f"{ISSUER}/status-lists/{slot.list_id}"
        token = open_status_list(
            third.token, desk.public, uri=uri, issuer=ISSUER, now=desk.clock.now
        )
        assert token.statuses.lookup(slot.index) == Status.INVALID
        assert token.claims["seq"] == desk.feed.board.seq

    run(scenario)


def test_a_list_is_no_older_than_the_stream_that_leads_to_it(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        assert await desk.feed.publish(slot.list_id) is not None
        await desk.store.apply([DenyToken("t-1", int(NOW) + 60, int(NOW))])
        (snapshot,) = await desk.hear(await desk.listen())
        published = await desk.feed.publish(slot.list_id)
        assert published is not None
        assert published.seq == snapshot.seq == 1

    run(scenario)


def test_a_list_is_dated_by_the_store_and_not_by_the_clock(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        await desk.feed.publish(slot.list_id)
        desk.clock.now += 1000
        desk.store.away = True
        with pytest.raises(StoreUnavailable):
            await desk.feed.publish(slot.list_id)

    run(scenario)


def test_a_revoked_key_signs_nothing_even_if_there_is_no_other(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        listener = await desk.listen()
        await desk.hear(listener)
        kid = desk.keys.signing_key("ES256").kid
        # the refresh key is gone too, so that the ring cannot be opened anew and stays as it is
        gone = [RevokeKid(key.kid, int(NOW)) for key in await desk.store.load_keys()]
        await desk.store.apply(gone)
        with pytest.raises(LookupError, match="revoked"):
            await desk.feed.follow()
        assert desk.keys.signing_key("ES256").kid == kid
        with pytest.raises(LookupError, match="revoked"):
            await desk.feed.publish(slot.list_id)

    run(scenario)


def test_a_missing_key_is_told_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        await desk.listen()
        await desk.store.apply(
            [RevokeKid(key.kid, int(NOW)) for key in await desk.store.load_keys()]
        )
        running = asyncio.create_task(desk.feed.run())
        for _turn in range(5):
            desk.clock.now += 2 * BEAT_SECONDS
            await asyncio.sleep(2 * POLL_SECONDS)
        running.cancel()

    with caplog.at_level(logging.ERROR, "lingpai.status"):
        run(scenario)
    assert len([each for each in caplog.messages if "cannot be signed" in each]) == 1


def test_a_list_outlives_its_ttl_however_long_that_is(desk: Desk) -> None:
    async def scenario() -> None:
        slot = await desk.take_slot()
        desk.feed.list_ttl_seconds = 3600
        found = await desk.feed.publish(slot.list_id)
        assert found is not None
        uri = f"{ISSUER}/status-lists/{slot.list_id}"
        token = open_status_list(found.token, desk.public, uri=uri, issuer=ISSUER, now=NOW)
        assert token.ttl_seconds == 3600
        assert token.expires_at == NOW + 7200

    run(scenario)


def test_a_list_that_was_begun_a_moment_ago_is_there(desk: Desk) -> None:
    async def scenario() -> None:
        epoch, _ = await desk.store.load_status_mark()
        assert await desk.feed.publish(f"{epoch}-2") is None
        grant = SlotGrant("app", "app", ORDERS, "session-1")
        await desk.store.apply([TakeSlot(SlotRef(epoch, 2, 9), grant, None, None, int(NOW))])
        assert await desk.feed.publish(f"{epoch}-2") is not None
        assert len(await desk.feed.uris()) == 2

    run(scenario)
