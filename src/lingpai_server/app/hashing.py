"""Argon2id under admission control: a bounded pool of threads with a bounded queue before it.

Hashing takes tens of milliseconds and megabytes by design. OpenSSL computes it without the
interpreter's lock, so a thread is enough to keep the event loop free; the bound keeps a flood of
logins from taking the machine's memory, and the queue's bound keeps it from making everyone wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from lingpai.jose.crypto import constant_time_equal, random_bytes
from lingpai_server.accounts.phc import (
    Argon2Parameters,
    PasswordHash,
    format_phc,
    is_weaker,
    parse_phc,
)
from lingpai_server.app.clock import monotonic
from lingpai_server.core.ports import HasherBusy
from lingpai_server.core.secret import Secret

T = TypeVar("T")

_SALT_BYTES = 16  # RFC 9106 section 3.1 recommends as many
_DIGEST_BYTES = 32
_NICENESS = 5
_FIRST_GUESS_SECONDS = 0.05
_WEIGHT_OF_NEWEST = 0.2


class Argon2Pool:
    """Implements the PasswordHasher port. `computed` counts computations, for metrics and tests."""

    def __init__(self, parameters: Argon2Parameters, *, threads: int, queue: int) -> None:
        self._parameters = parameters
        self._threads = threads
        self._room = threads + queue
        self._pool = ThreadPoolExecutor(threads, "argon2", initializer=_yield_to_others)
        self._lock = threading.Lock()
        self._in_flight = 0
        self._typical_seconds = _FIRST_GUESS_SECONDS
        self._decoy = PasswordHash(
            parameters, random_bytes(_SALT_BYTES), random_bytes(_DIGEST_BYTES)
        )
        self.computed = 0

    def check_room(self) -> None:
        """Raises HasherBusy if a computation asked for now would be refused."""
        with self._lock:
            if self._in_flight >= self._room:
                raise HasherBusy(self._wait_seconds())

    async def hash(self, password: Secret[str]) -> Secret[str]:
        """A PHC string with a fresh salt. Raises HasherBusy."""
        salt = random_bytes(_SALT_BYTES)
        digest = await self._run(
            lambda: self._compute(password, self._parameters, salt, _DIGEST_BYTES)
        )
        return Secret(format_phc(PasswordHash(self._parameters, salt, digest)))

    async def verify(self, password: Secret[str], password_hash: Secret[str] | None) -> bool:
        """Whether it matches. Against None, or what is no hash, it burns the same time and says
        False. Raises HasherBusy."""
        known = None if password_hash is None else _parse(password_hash)
        expected = known or self._decoy
        digest = await self._run(
            lambda: self._compute(
                password, expected.parameters, expected.salt, len(expected.digest)
            )
        )
        return constant_time_equal(digest, expected.digest) and known is not None

    def needs_rehash(self, password_hash: Secret[str]) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        known = _parse(password_hash)
        return known is None or is_weaker(known, self._parameters)

    def close(self) -> None:
        """Let go of the threads; what is queued is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _run(self, compute: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._admit(compute))

    def _admit(self, compute: Callable[[], T]) -> Future[T]:
        """A caller who goes away frees its place when the computation ends, or before it began."""
        with self._lock:
            if self._in_flight >= self._room:
                raise HasherBusy(self._wait_seconds())
            self._in_flight += 1
        try:
            future = self._pool.submit(compute)
        except RuntimeError:  # the pool is closing
            self._release()
            raise HasherBusy(1) from None
        future.add_done_callback(lambda _: self._release())
        return future

    def _release(self) -> None:
        with self._lock:
            self._in_flight -= 1

    def _wait_seconds(self) -> int:
        """When half of those before a newcomer will be done."""
        rounds = self._in_flight / self._threads
        return max(1, math.ceil(rounds * self._typical_seconds / 2))

    def _compute(
        self, password: Secret[str], parameters: Argon2Parameters, salt: bytes, length: int
    ) -> bytes:
        started = monotonic()
        digest = Argon2id(
            salt=salt,
            length=length,
            iterations=parameters.iterations,
            lanes=parameters.lanes,
            memory_cost=parameters.memory_kib,
        ).derive(password.reveal().encode("utf-8"))
        self._learn(monotonic() - started)
        return digest

    def _learn(self, seconds: float) -> None:
        with self._lock:
            self.computed += 1
            self._typical_seconds += _WEIGHT_OF_NEWEST * (seconds - self._typical_seconds)


def _parse(password_hash: Secret[str]) -> PasswordHash | None:
    try:
        return parse_phc(password_hash.reveal())
    except ValueError:
        return None


def _yield_to_others() -> None:
    """On Linux a thread has a niceness of its own: hashing takes what the event loop leaves."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
