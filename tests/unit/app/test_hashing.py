"""Argon2id under admission control: what it computes, how often, and whom it turns away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from lingpai_server.accounts.phc import Argon2Parameters, PasswordHash, format_phc, parse_phc
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.ports import HasherBusy
from lingpai_server.core.secret import Secret

LIGHT = Argon2Parameters(memory_kib=64, iterations=1, lanes=1)
PASSWORD = Secret("correct horse battery staple")


@pytest.fixture
def pool() -> Iterator[Argon2Pool]:
    made = Argon2Pool(LIGHT, threads=1, queue=1)
    yield made
    made.close()


def test_what_was_hashed_verifies_and_nothing_else_does(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        hashed = await pool.hash(PASSWORD)
        assert await pool.verify(PASSWORD, hashed)
        assert not await pool.verify(Secret("correct horse battery stapl"), hashed)

    asyncio.run(scenario())


def test_hash_of_the_rfc_9106_test_vector_verifies() -> None:
    """RFC 9106 section 5.3 has secret and associated data, which passwords here have not; so this
    is a vector of the reference implementation: t=2, m=256 KiB, p=1, "password", "somesalt"."""
    digest = bytes.fromhex("9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe")
    known = PasswordHash(Argon2Parameters(256, 2, 1), b"somesalt", digest)
    pool = Argon2Pool(LIGHT, threads=1, queue=0)

    async def scenario() -> bool:
        return await pool.verify(Secret("password"), Secret(format_phc(known)))

    assert asyncio.run(scenario())
    pool.close()


def test_same_password_never_hashes_alike(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        one, two = await pool.hash(PASSWORD), await pool.hash(PASSWORD)
        assert one.reveal() != two.reveal()

    asyncio.run(scenario())


@pytest.mark.parametrize("stored", [None, Secret("not a hash"), Secret("")])
def test_nothing_to_compare_with_costs_one_computation_too(
    pool: Argon2Pool, stored: Secret[str] | None
) -> None:
    async def scenario() -> None:
        known = await pool.hash(PASSWORD)
        before = pool.computed
        assert not await pool.verify(Secret("wrong"), known)
        wrong = pool.computed - before
        assert not await pool.verify(PASSWORD, stored)
        assert pool.computed - before - wrong == wrong == 1

    asyncio.run(scenario())


def test_decoy_costs_what_a_hash_of_today_costs(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        known = parse_phc((await pool.hash(PASSWORD)).reveal())
        assert pool._decoy.parameters == known.parameters
        assert len(pool._decoy.digest) == len(known.digest)

    asyncio.run(scenario())


def test_hash_with_weaker_parameters_wants_to_be_made_anew(pool: Argon2Pool) -> None:
    weaker = PasswordHash(Argon2Parameters(32, 1, 1), bytes(16), bytes(32))
    stronger = PasswordHash(Argon2Parameters(128, 2, 1), bytes(16), bytes(32))
    assert pool.needs_rehash(Secret(format_phc(weaker)))
    assert not pool.needs_rehash(Secret(format_phc(stronger)))
    assert pool.needs_rehash(Secret("not a hash"))


class Stuck:
    """Holds a pool's only thread until it is let go."""

    def __init__(self, pool: Argon2Pool) -> None:
        self._let_go = threading.Event()
        self.future = pool._admit(self._let_go.wait)

    def end(self) -> None:
        self._let_go.set()
        self.future.result(timeout=10)


def test_full_queue_turns_away_with_an_honest_wait(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        stuck = Stuck(pool)
        waiting = asyncio.ensure_future(pool.hash(PASSWORD))
        await asyncio.sleep(0)  # lets it take its place in the queue
        with pytest.raises(HasherBusy) as caught:
            await pool.hash(PASSWORD)
        assert caught.value.retry_after_seconds >= 1
        with pytest.raises(HasherBusy):
            pool.check_room()
        stuck.end()
        await waiting
        pool.check_room()

    asyncio.run(scenario())


def test_caller_who_goes_away_gives_its_place_back(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        stuck = Stuck(pool)
        waiting = asyncio.ensure_future(pool.hash(PASSWORD))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        pool.check_room()
        stuck.end()

    asyncio.run(scenario())


def test_event_loop_goes_on_while_the_pool_is_full(pool: Argon2Pool) -> None:
    async def scenario() -> None:
        stuck = Stuck(pool)
        waiting = asyncio.ensure_future(pool.hash(PASSWORD))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        stuck.end()
        await waiting

    asyncio.run(scenario())


def test_closed_pool_is_busy_not_broken(pool: Argon2Pool) -> None:
    pool.close()
    with pytest.raises(HasherBusy):
        asyncio.run(pool.hash(PASSWORD))
