"""A connection that outlives its request is told when its token is good no more."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import pytest
from tests.support.timing import HandClock, eventually

from lingpai import errors
from lingpai.jwt.token import VerifiedToken
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Verifier

PATIENCE_SECONDS = 10.0
THREAD = "lingpai-watch"


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(with_statuses=True) as made:
        yield made


class Steady:
    """A steady clock that a test moves ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Connection:
    """Notes how its token ended."""

    def __init__(self) -> None:
        self._told: Queue[errors.TokenError] = Queue()

    def __call__(self, refusal: errors.TokenError) -> None:
        self._told.put(refusal)

    def end(self) -> type[errors.TokenError]:
        return type(self._told.get(timeout=PATIENCE_SECONDS))

    def is_told(self) -> bool:
        return not self._told.empty()


def opened(issuer: FakeIssuer, verifier: Verifier, **claims: Any) -> tuple[str, VerifiedToken]:
    raw = issuer.token(**claims)
    return raw, verifier.verify(raw)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (FakeIssuer.revoke, errors.TokenRevoked),
        (FakeIssuer.suspend, errors.TokenSuspended),
        (FakeIssuer.make_stale, errors.TokenStale),
        (FakeIssuer.deny, errors.TokenRevoked),
    ],
)
def test_a_flip_ends_its_own_connection_and_no_other(
    issuer: FakeIssuer,
    act: Callable[[FakeIssuer, str], None],
    expected: type[errors.TokenError],
) -> None:
    verifier, one, other = issuer.verifier(), Connection(), Connection()
    raw, token = opened(issuer, verifier)
    verifier.watch(token, one)
    verifier.watch(opened(issuer, verifier)[1], other)
    act(issuer, raw)
    assert one.end() is expected
    assert not other.is_told()
    assert verifier.stats().watches == 1


def test_a_key_that_is_revoked_ends_what_it_signed(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    _, token = opened(issuer, verifier)
    verifier.watch(token, connection)
    kid = issuer.key.kid
    assert kid is not None
    issuer.rotate()
    issuer.revoke_key(kid)
    assert connection.end() is errors.TokenRevoked


def test_a_token_that_was_revoked_before_is_told_of_at_once(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    raw, token = opened(issuer, verifier)
    issuer.revoke(raw)
    eventually(lambda: refused(verifier, raw))
    verifier.watch(token, connection)
    assert connection.end() is errors.TokenRevoked


def refused(verifier: Verifier, raw: str) -> bool:
    try:
        verifier.verify(raw)
    except errors.TokenRevoked:
        return True
    return False


def test_a_connection_ends_with_its_token(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    _, token = opened(issuer, verifier, lifetime_seconds=1)
    verifier.watch(token, connection)
    assert connection.end() is errors.TokenExpired
    assert time.time() >= token.expires_at


def test_leeway_holds_for_connections_too() -> None:
    clock = HandClock()
    with FakeIssuer(clock=clock) as issuer:
        verifier, connection = issuer.verifier(leeway_seconds=10), Connection()
        _, token = opened(issuer, verifier, lifetime_seconds=60)
        verifier.watch(token, connection)
        clock.turn(69.9)
        look_again(verifier)
        assert not connection.is_told()
        clock.turn(0.1)
        look_again(verifier)
        assert connection.end() is errors.TokenExpired


def look_again(verifier: Verifier) -> None:
    """What happens at least every 30 seconds."""
    for watch in list(verifier._watches._open.values()):
        verifier._watches._look_at(watch)


def test_each_connection_of_one_token_is_told(issuer: FakeIssuer) -> None:
    verifier, connections = issuer.verifier(), [Connection() for _ in range(3)]
    raw, token = opened(issuer, verifier)
    for connection in connections:
        verifier.watch(token, connection)
    issuer.revoke(raw)
    assert [connection.end() for connection in connections] == [errors.TokenRevoked] * 3


def test_a_connection_is_told_once(issuer: FakeIssuer) -> None:
    verifier, connection, other = issuer.verifier(), Connection(), Connection()
    raw, token = opened(issuer, verifier)
    verifier.watch(token, connection)
    issuer.make_stale(raw)
    connection.end()
    second_raw, second = opened(issuer, verifier)
    verifier.watch(second, other)
    issuer.revoke(raw)
    issuer.revoke(second_raw)
    other.end()
    assert not connection.is_told()


# --- outages ------------------------------------------------------------------------------------


def cut_off(issuer: FakeIssuer) -> None:
    assert issuer.statuses is not None
    issuer.behaviour = Behaviour.UNREACHABLE
    issuer.statuses.is_silent = True


def test_an_issuer_that_is_silent_for_too_long_ends_connections(issuer: FakeIssuer) -> None:
    steady, connection = Steady(), Connection()
    verifier = issuer.verifier(steady_clock=steady, max_status_age_seconds=300)
    _, token = opened(issuer, verifier, lifetime_seconds=10_000)
    verifier.watch(token, connection)
    cut_off(issuer)
    steady.ahead = 200.0
    look_again(verifier)
    assert not connection.is_told()
    steady.ahead = 400.0
    look_again(verifier)
    assert connection.end() is errors.StatusUnavailable


def test_a_watch_may_ask_for_a_younger_view(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    _, token = opened(issuer, verifier)
    verifier.watch(token, connection, max_status_age_seconds=0.5)
    cut_off(issuer)
    started = time.monotonic()
    assert connection.end() is errors.StatusUnavailable
    assert time.monotonic() - started < 5


def test_a_policy_that_accepts_an_old_view_keeps_connections(issuer: FakeIssuer) -> None:
    steady, connection = Steady(), Connection()
    verifier = issuer.verifier(steady_clock=steady, on_stale="accept")
    _, token = opened(issuer, verifier, lifetime_seconds=10_000)
    verifier.watch(token, connection)
    cut_off(issuer)
    steady.ahead = 4000.0
    look_again(verifier)
    assert not connection.is_told()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), True])
def test_an_age_that_bounds_nothing_is_the_callers_mistake(
    issuer: FakeIssuer, seconds: float
) -> None:
    verifier = issuer.verifier()
    _, token = opened(issuer, verifier)
    with pytest.raises(ValueError, match="max_status_age_seconds"):
        verifier.watch(token, Connection(), max_status_age_seconds=seconds)


def test_a_new_epoch_ends_no_connection_but_that_of_a_revoked_token(issuer: FakeIssuer) -> None:
    verifier, one, other = issuer.verifier(), Connection(), Connection()
    raw, token = opened(issuer, verifier)
    verifier.watch(token, one)
    verifier.watch(opened(issuer, verifier)[1], other)
    assert issuer.statuses is not None
    issuer.statuses.epoch = "epoch-2"
    issuer.revoke(raw)
    assert one.end() is errors.TokenRevoked
    assert not other.is_told()


# --- without a stream ---------------------------------------------------------------------------


def test_without_a_stream_a_list_that_is_fetched_anew_is_looked_at(issuer: FakeIssuer) -> None:
    assert issuer.statuses is not None
    issuer.statuses.stream_uri = ""
    verifier, connection = issuer.verifier(), Connection()
    raw, token = opened(issuer, verifier)
    verifier.watch(token, connection)
    issuer.revoke(raw)
    status = verifier._sources.status
    assert status is not None
    status.want(issuer.statuses.uri)
    assert connection.end() is errors.TokenRevoked


def test_without_statuses_a_connection_lasts_as_long_as_its_token() -> None:
    with FakeIssuer() as issuer:
        verifier, connection = issuer.verifier(keys=issuer.key.public), Connection()
        verifier.watch(opened(issuer, verifier, lifetime_seconds=1)[1], connection)
        assert connection.end() is errors.TokenExpired


# --- nothing is left ----------------------------------------------------------------------------


def test_a_connection_that_was_closed_is_not_told(issuer: FakeIssuer) -> None:
    verifier, closed, open_one = issuer.verifier(), Connection(), Connection()
    raw, token = opened(issuer, verifier)
    with verifier.watch(token, closed) as watch:
        verifier.watch(token, open_one)
    watch.close()
    issuer.revoke(raw)
    assert open_one.end() is errors.TokenRevoked
    assert not closed.is_told()


def test_connections_that_come_and_go_leave_nothing(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    _, token = opened(issuer, verifier)
    connections = [Connection() for _ in range(500)]
    gone = [weakref.ref(connection) for connection in connections]
    while connections:
        verifier.watch(token, connections.pop()).close()
    gc.collect()
    assert verifier.stats().watches == 0
    assert len(verifier._watches._looks) < 100
    eventually(lambda: not any(reference() for reference in gone))


def test_no_thread_runs_before_the_first_watch_nor_after_close(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    _, token = opened(issuer, verifier)
    assert not watching()
    verifier.watch(token, connection)
    assert watching()
    verifier.close()
    assert not watching()
    assert connection.end() is errors.StatusUnavailable  # nobody would tell it any more
    with pytest.raises(ValueError, match="closed"):
        verifier.watch(token, connection)


def watching() -> bool:
    return any(thread.name == THREAD for thread in threading.enumerate())


def test_what_fails_when_it_is_told_keeps_nobody_else_from_being_told(
    issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(refusal: errors.TokenError) -> None:
        raise RuntimeError("gone already")

    verifier, connection = issuer.verifier(), Connection()
    raw, token = opened(issuer, verifier)
    verifier.watch(token, fail)
    verifier.watch(token, connection)
    issuer.revoke(raw)
    assert connection.end() is errors.TokenRevoked
    assert "gone already" in caplog.text


def test_a_watch_may_be_closed_from_what_it_calls(issuer: FakeIssuer) -> None:
    verifier, connection = issuer.verifier(), Connection()
    raw, token = opened(issuer, verifier)
    closing = threading.Event()

    def close(refusal: errors.TokenError) -> None:
        watch.close()
        closing.set()

    watch = verifier.watch(token, close)
    issuer.revoke(raw)
    assert closing.wait(PATIENCE_SECONDS)
    assert not connection.is_told()


def test_many_threads_open_and_close_while_tokens_end(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    raws = [issuer.token() for _ in range(8)]
    ended = [Connection() for _ in raws]

    def come_and_go(raw: str, last: Connection) -> None:
        token = verifier.verify(raw)
        for _ in range(200):
            verifier.watch(token, Connection()).close()
        verifier.watch(token, last)
        issuer.revoke(raw)

    threads = [
        threading.Thread(target=come_and_go, args=pair) for pair in zip(raws, ended, strict=True)
    ]
    for thread in threads:
        thread.start()
    assert [connection.end() for connection in ended] == [errors.TokenRevoked] * 8
    for thread in threads:
        thread.join()
    assert verifier.stats().watches == 0


# --- in an event loop ---------------------------------------------------------------------------


def test_a_task_waits_for_the_end_and_blocks_nothing(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    raw, token = opened(issuer, verifier)

    async def serve() -> type[errors.TokenError]:
        waiting = asyncio.create_task(verifier.until_refused(token))
        await asyncio.sleep(0)
        issuer.revoke(raw)
        refusal: errors.TokenError = await asyncio.wait_for(waiting, PATIENCE_SECONDS)
        return type(refusal)

    assert asyncio.run(serve()) is errors.TokenRevoked
    assert verifier.stats().watches == 0


def test_a_task_that_is_cancelled_watches_no_more(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    _, token = opened(issuer, verifier)

    async def serve() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(verifier.until_refused(token), 0.02)

    asyncio.run(serve())
    assert verifier.stats().watches == 0


def test_a_loop_that_has_ended_is_not_told(
    issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    verifier, connection = issuer.verifier(), Connection()
    raw, token = opened(issuer, verifier)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(verifier.until_refused(token))
    loop.run_until_complete(asyncio.sleep(0))
    waiting.cancel()
    loop.run_until_complete(asyncio.gather(waiting, return_exceptions=True))
    loop.close()
    verifier.watch(token, connection)
    issuer.revoke(raw)
    assert connection.end() is errors.TokenRevoked
    assert not caplog.records
