"""Telling clients of logouts: at once, once, until they know, and none behind a slow one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.memory_store import MemoryStore
from tests.support.receiver import Receiver, Reply
from tests.support.signed_in import ISSUER, SETTINGS, SignedIn
from tests.support.stores import NOW, a_client, fill

from lingpai.jose.key_set import KeySet
from lingpai.jwt.policy import Policy
from lingpai.jwt.verify import verify
from lingpai_server.app.backchannel import PARALLEL_TO_CLIENT, LogoutTeller
from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.core.client_settings import SubjectType
from lingpai_server.core.effects import CreateClient, EndSession, Record, SetClientDisabled
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.core.records import Event
from lingpai_server.storage.sqlite import SqliteStore

AT_HOME = OutgoingPolicy(loopback=True, timeout_seconds=2)
SECONDS = 10.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(Reply(200)) as made:
        yield made


def scene_of(receiver: Receiver, **settings: Any) -> SignedIn:
    uri = f"{receiver.url}/logged-out"
    return SignedIn(replace(SETTINGS, backchannel_logout_uri=uri, **settings))


def teller_of(scene: SignedIn) -> LogoutTeller:
    return LogoutTeller(scene.store, scene.keys, Fetcher(AT_HOME), scene.policy, scene.clock)


@asynccontextmanager
async def telling(*tellers: LogoutTeller) -> AsyncIterator[None]:
    """Tellers at work, and at their ends stopped."""
    running = [asyncio.create_task(teller.run()) for teller in tellers]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(is_so: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return is_so()

    await until_told(ask)


async def until_told(ask: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await ask():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)


async def end(scene: SignedIn, session_id: str = "session-1") -> None:
    await scene.store.apply([EndSession(session_id, int(scene.now), "revoked")])


async def go_on(scene: SignedIn, seconds: float) -> None:
    """Let time pass, and something happen, so that nobody waits for the next look."""
    scene.now += seconds
    await scene.store.apply([Record(Event("test.tick", scene.now))])


async def kinds(scene: SignedIn) -> list[str]:
    return [event.kind for _, event in await scene.store.load_events(0, 1_000)]


async def until_seen(receiver: Receiver, count: int) -> None:
    await until(lambda: len(receiver.seen) == count)


async def until_recorded(scene: SignedIn, kind: str) -> None:
    async def ask() -> bool:
        return kind in await kinds(scene)

    await until_told(ask)


def test_client_is_told_at_once_and_once(receiver: Receiver) -> None:
    scene = scene_of(receiver)

    async def scenario() -> float:
        async with telling(teller_of(scene)):
            await asyncio.sleep(0)
            started = time.monotonic()
            await end(scene)
            await until_recorded(scene, "logout.told")
            await go_on(scene, 100_000)
            await asyncio.sleep(0.1)
            return started

    started = asyncio.run(scenario())
    (seen,) = receiver.seen
    assert seen.at - started < 0.5  # about a twentieth of a second, on a machine with time to spare
    assert (seen.method, seen.target) == ("POST", "/logged-out")
    assert list(seen.form) == ["logout_token"]


def test_logout_in_another_process_is_told_at_once(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "data" / "lingpai.db"
    uri = f"{receiver.url}/logged-out"
    settings = replace(SETTINGS, backchannel_logout_uri=uri)
    scene = SignedIn(settings, store=SqliteStore.open(file))
    other = SqliteStore.open(file)

    async def scenario() -> float:
        async with telling(teller_of(scene)):
            await asyncio.sleep(0)
            started = time.monotonic()
            await other.apply([EndSession("session-1", NOW, "revoked")])
            await until_seen(receiver, 1)
            await until_recorded(scene, "logout.told")
        for store in (scene.store, other):
            await store.close()
        return started

    started = asyncio.run(scenario())
    assert receiver.seen[0].at - started < 0.5


def test_logout_token_is_one_that_a_client_accepts(receiver: Receiver) -> None:
    scene = scene_of(receiver)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_recorded(scene, "logout.told")

    asyncio.run(scenario())
    policy = Policy(issuer=ISSUER, audience="app", typ="logout+jwt")
    keys = KeySet.from_jwks(scene.keys.ring.jwks)
    token = verify(receiver.seen[0].form["logout_token"], keys, policy, now=NOW)
    assert token.header.alg == "RS256"  # as its ID tokens are (section 2.4)
    assert (token.subject, token.session_id) == ("id-of-ming", "session-1")


def test_pairwise_client_hears_its_own_subject(receiver: Receiver) -> None:  # Core section 8.1
    scene = scene_of(receiver, subject_type=SubjectType.PAIRWISE)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_recorded(scene, "logout.told")

    asyncio.run(scenario())
    policy = Policy(issuer=ISSUER, audience="app", typ="logout+jwt")
    keys = KeySet.from_jwks(scene.keys.ring.jwks)
    token = verify(receiver.seen[0].form["logout_token"], keys, policy, now=NOW)
    assert token.subject == scene.keys.pairwise_subject("app.example", "id-of-ming")


def test_everybody_in_the_browser_is_told(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    for number in range(20):
        scene.visit(f"more-{number}", scene.browser)
    scene.end_browser()

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await until_seen(receiver, 21)

    asyncio.run(scenario())


def test_client_that_is_down_is_told_when_it_is_back(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    receiver.answer = Reply(503)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_seen(receiver, 1)
            receiver.answer = Reply(200)
            await go_on(scene, 4)
            await asyncio.sleep(0.1)
            assert len(receiver.seen) == 1  # not before it is due
            await go_on(scene, 2)
            await until_recorded(scene, "logout.told")

    asyncio.run(scenario())
    first, second = (seen.form["logout_token"] for seen in receiver.seen)
    assert first != second  # a client that remembers each `jti` must not refuse the second


def test_client_that_says_no_is_not_asked_again(receiver: Receiver) -> None:  # section 2.8
    scene = scene_of(receiver)
    receiver.answer = Reply(400)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_recorded(scene, "logout.not_told")

    asyncio.run(scenario())
    assert len(receiver.seen) == 1


def test_client_that_never_answers_is_given_up_in_the_end(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    receiver.answer = Reply(500)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            for attempt in range(1, 10):
                await until_seen(receiver, attempt)
                await go_on(scene, 13 * 3600)
            await until_recorded(scene, "logout.not_told")

    asyncio.run(scenario())


def test_no_client_waits_for_one_that_hangs(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    with Receiver(Reply(hang=True)) as slow:
        uri = f"{slow.url}/logged-out"
        settings = replace(SETTINGS, backchannel_logout_uri=uri)
        fill(scene.store, [CreateClient(a_client("slow", settings=settings))])
        for number in range(500):
            scene.visit(f"slow-{number}", scene.browser, client_id="slow")
        scene.visit("the last of all", scene.browser)

        async def scenario() -> float:
            async with telling(teller_of(scene)):
                await scene.store.apply([EndSession(f"slow-{n}", NOW, "x") for n in range(500)])
                await until_seen(slow, PARALLEL_TO_CLIENT)
                started = time.monotonic()
                await end(scene, "the last of all")
                await until_seen(receiver, 1)
                return time.monotonic() - started

        assert asyncio.run(scenario()) < 1


def test_two_processes_tell_each_client_once(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    for number in range(50):
        scene.visit(f"more-{number}", scene.browser)
    scene.end_browser()

    async def scenario() -> None:
        async with telling(teller_of(scene), teller_of(scene)):
            await until(lambda: len(receiver.seen) >= 51)
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert len(receiver.seen) == 51


def test_delivery_that_was_cut_off_is_made_again(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    receiver.answer = Reply(hang=True)

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_seen(receiver, 1)
        receiver.answer = Reply(200)
        scene.now += 6
        async with telling(teller_of(scene)):
            await until_recorded(scene, "logout.told")

    asyncio.run(scenario())
    assert len(receiver.seen) == 2


def test_client_at_a_forbidden_address_is_given_up() -> None:
    scene = SignedIn(replace(SETTINGS, backchannel_logout_uri="https://10.0.0.1/logged-out"))

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_recorded(scene, "logout.not_told")

    asyncio.run(scenario())


def test_client_that_was_disabled_is_not_called(receiver: Receiver) -> None:
    scene = scene_of(receiver)
    fill(scene.store, [SetClientDisabled("app", disabled=True)])

    async def scenario() -> None:
        async with telling(teller_of(scene)):
            await end(scene)
            await until_recorded(scene, "logout.not_told")

    asyncio.run(scenario())
    assert receiver.seen == []


class AwayAtTimes(MemoryStore):
    """A store that can be told to be away."""

    is_away = False

    async def data_version(self) -> int:
        if self.is_away:
            raise StoreUnavailable("away for a while")
        return await super().data_version()


def test_store_that_is_away_is_told_once_and_waited_for(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    store = AwayAtTimes()
    uri = f"{receiver.url}/logged-out"
    scene = SignedIn(replace(SETTINGS, backchannel_logout_uri=uri), store=store)
    scene.end_session()
    store.is_away = True

    async def scenario() -> None:
        with caplog.at_level(logging.ERROR):
            async with telling(teller_of(scene)):
                await asyncio.sleep(0.2)
                assert receiver.seen == []
                store.is_away = False
                await until_recorded(scene, "logout.told")

    asyncio.run(scenario())
    assert caplog.text.count("the store is away") == 1
