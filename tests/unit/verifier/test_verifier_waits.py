"""When a call may wait for the network, for how long, and that others are not held up by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.timing import eventually

from lingpai import errors
from lingpai.jose import base64url, strict_json
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Timing, Verifier

IN_OUTAGE = [
    Behaviour.UNREACHABLE,
    Behaviour.ERROR,
    Behaviour.GARBAGE,
    Behaviour.REDIRECT,
    Behaviour.EMPTY,
    Behaviour.HUGE,
    Behaviour.HANG,
]


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def ready(issuer: FakeIssuer) -> Verifier:
    verifier = issuer.verifier(wait_seconds=5)
    assert verifier.ready(5)
    return verifier


def key_fetches(issuer: FakeIssuer) -> int:
    return issuer.requests.count(issuer.jwks_uri)


# --- before the first keys ----------------------------------------------------------------------


def test_the_first_token_waits_for_the_keys(issuer: FakeIssuer) -> None:
    issuer.verifier().verify(issuer.token())


def test_the_first_tokens_share_one_fetch(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(lazy=True)
    raws = [issuer.token() for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(verifier.verify, raws))) == 16
    assert key_fetches(issuer) == 1


@pytest.mark.parametrize("behaviour", IN_OUTAGE)
def test_without_keys_a_call_ends_at_its_deadline(issuer: FakeIssuer, behaviour: Behaviour) -> None:
    issuer.behaviour = behaviour
    verifier = issuer.verifier(wait_seconds=0.2)
    started = time.monotonic()
    with pytest.raises(errors.KeysUnavailable):
        verifier.verify(issuer.token())
    assert time.monotonic() - started < 2


def test_without_keys_a_call_does_not_wait_for_an_attempt_that_is_too_far_off(
    issuer: FakeIssuer,
) -> None:
    issuer.behaviour = Behaviour.ERROR
    timing = Timing(retry_first=1000.0, retry_max=1000.0)
    verifier = issuer.verifier(wait_seconds=60, timing=timing)
    eventually(lambda: verifier.stats().fetches.failed == 1)
    started = time.monotonic()
    with pytest.raises(errors.KeysUnavailable, match="500"):
        verifier.verify(issuer.token())
    assert time.monotonic() - started < 5


def test_a_call_waits_for_a_retry_that_comes_in_time(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.ERROR
    verifier = issuer.verifier(wait_seconds=30, timing=Timing(retry_first=0.05, retry_max=0.05))
    eventually(lambda: verifier.stats().fetches.failed > 0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(verifier.verify, issuer.token())
        issuer.behaviour = Behaviour.WELL
        assert waiting.result(10).subject == "user-1"


def test_ready_says_no_when_its_time_is_over(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.HANG
    assert not issuer.verifier().ready(0.05)


def test_close_frees_who_waits(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.HANG
    verifier = issuer.verifier(wait_seconds=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(verifier.verify, issuer.token())
        eventually(lambda: bool(issuer.requests))
        verifier.close()
        with pytest.raises(errors.KeysUnavailable):
            waiting.result(10)


# --- with keys, in an outage --------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", IN_OUTAGE)
def test_known_keys_need_no_issuer(
    issuer: FakeIssuer, ready: Verifier, behaviour: Behaviour
) -> None:  # pyjwt#1162: there, every request fails and each one fetches again
    issuer.behaviour = behaviour
    before = len(issuer.requests)
    for _ in range(50):
        ready.verify(issuer.token())
    assert len(issuer.requests) == before


@pytest.mark.parametrize("behaviour", IN_OUTAGE)
def test_an_unknown_kid_in_an_outage_is_refused_in_time(
    issuer: FakeIssuer, behaviour: Behaviour
) -> None:
    verifier = issuer.verifier(wait_seconds=0.2)
    assert verifier.ready(5)
    known = issuer.token()
    issuer.rotate()
    issuer.behaviour = behaviour
    started = time.monotonic()
    for _ in range(10):
        with pytest.raises(errors.UnknownKey):
            verifier.verify(issuer.token())
        verifier.verify(known)
    assert time.monotonic() - started < 4


def test_who_waits_for_a_kid_that_hangs_does_not_hold_up_the_others(
    issuer: FakeIssuer, ready: Verifier
) -> None:
    known = issuer.token()
    issuer.rotate()
    issuer.behaviour = Behaviour.HANG
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ready.verify, issuer.token())
        eventually(lambda: len(issuer.requests) > 2)
        ready.verify(known)
        assert not waiting.done()
        ready.close()
        assert isinstance(waiting.exception(10), errors.UnknownKey)


# --- unknown kids -------------------------------------------------------------------------------


def test_the_first_token_of_a_new_key_is_accepted(issuer: FakeIssuer, ready: Verifier) -> None:
    old = issuer.token()
    issuer.rotate()
    ready.verify(issuer.token())
    ready.verify(old)
    assert key_fetches(issuer) == 2


def test_many_first_tokens_of_a_new_key_share_one_fetch(
    issuer: FakeIssuer, ready: Verifier
) -> None:
    issuer.rotate()
    raws = [issuer.token() for _ in range(64)]
    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(ready.verify, raws))) == 64
    assert key_fetches(issuer) == 2


def test_a_thousand_unknown_kids_cause_one_fetch(
    issuer: FakeIssuer, ready: Verifier
) -> None:  # CVE-2026-48524
    _, payload, signature = issuer.token().split(".")
    for number in range(1000):
        header = _header(f"ghost-{number}")
        with pytest.raises(errors.UnknownKey):
            ready.verify(f"{header}.{payload}.{signature}")
    assert key_fetches(issuer) == 2


def test_a_kid_that_is_not_found_is_not_asked_for_twice(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(timing=Timing(kid_cooldown=0.0))
    stranger = FakeIssuer(issuer.issuer)
    for _ in range(5):
        with pytest.raises(errors.UnknownKey):
            verifier.verify(stranger.token())
    assert key_fetches(issuer) == 2


def _header(kid: str) -> str:
    return base64url.encode(strict_json.encode({"alg": "ES256", "kid": kid, "typ": "at+jwt"}))


# --- in an event loop ---------------------------------------------------------------------------


def test_a_task_that_waits_does_not_block_the_loop(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.HANG
    verifier = issuer.verifier(wait_seconds=0.5)

    async def scenario() -> float:
        waiting = [asyncio.create_task(verifier.verify_async(issuer.token())) for _ in range(50)]
        longest, last = 0.0, time.monotonic()
        while not all(task.done() for task in waiting):
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        for task in waiting:
            assert isinstance(task.exception(), errors.KeysUnavailable)
        return longest

    assert asyncio.run(scenario()) < 0.4


def test_tasks_share_one_fetch_for_a_new_key(issuer: FakeIssuer, ready: Verifier) -> None:
    issuer.rotate()

    async def scenario() -> None:
        await asyncio.gather(*(ready.verify_async(issuer.token()) for _ in range(50)))

    asyncio.run(scenario())
    assert key_fetches(issuer) == 2


def test_a_cancelled_task_takes_nothing_from_the_others(issuer: FakeIssuer) -> None:
    issuer.behaviour = Behaviour.HANG
    timing = Timing(retry_first=0.01, retry_max=0.01)
    verifier = issuer.verifier(wait_seconds=10, timing=timing)

    async def scenario() -> None:
        leaving = asyncio.create_task(verifier.verify_async(issuer.token()))
        staying = asyncio.create_task(verifier.verify_async(issuer.token()))
        await asyncio.to_thread(eventually, lambda: bool(issuer.requests))
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        issuer.behaviour = Behaviour.WELL
        assert (await staying).subject == "user-1"

    asyncio.run(scenario())


def test_a_loop_that_ends_while_a_fetch_hangs_leaves_no_trace(
    issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.behaviour = Behaviour.HANG
    verifier = issuer.verifier(wait_seconds=0.05)

    async def scenario() -> None:
        with pytest.raises(errors.KeysUnavailable):
            await verifier.verify_async(issuer.token())

    asyncio.run(scenario())
    verifier.close()
    assert not [record for record in caplog.records if "asyncio" in record.name]
    assert not [record for record in caplog.records if "concurrent" in record.name]


def test_keys_that_come_while_a_token_is_checked_are_used() -> None:
    meanwhile: list[Callable[[], object]] = []

    def clock() -> float:
        while meanwhile:
            meanwhile.pop()()
        return time.time()

    with FakeIssuer() as issuer:
        verifier = issuer.verifier(clock=clock)
        assert verifier.ready(5)
        issuer.rotate()
        raw = issuer.token()
        meanwhile.append(lambda: verifier.verify(raw))  # it brings the keys, and begins a cool-down
        verifier.verify(issuer.token())
        assert key_fetches(issuer) == 2
