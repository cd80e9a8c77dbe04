"""One password attempt: count it, hash, decide, give it back. Refuses to know what it is for.

Whoever takes passwords takes them through here, so that throttling, timing and the renewal of old
hashes are one thing for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from lingpai_server.accounts.throttle import (
    Admission,
    BucketNames,
    Throttled,
    ThrottlePolicy,
    decide_attempt,
    names_for,
    refund_attempt,
)
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import BoundedHasher
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import ReplacePasswordHash
from lingpai_server.core.ports import HasherBusy, StaleState, Store
from lingpai_server.core.records import User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import refuse_throttled

R = TypeVar("R")


@dataclass(slots=True)
class PasswordAttempt:
    """A password and what it was compared with. A hash that was computed once is not computed
    again while the decision is tried anew."""

    hasher: BoundedHasher
    password: Secret[str]
    user: User | None = None
    _password_hash: Secret[str] | None = None
    _matches: bool | None = None

    async def matches(self, user: User | None) -> bool:
        """Whether it is this user's; nobody's takes as long and is not. Raises HasherBusy."""
        self.user, password_hash = user, None if user is None else user.password_hash
        if self._matches is None or password_hash != self._password_hash:
            self._matches = await self.hasher.verify(self.password, password_hash)
            self._password_hash = password_hash
        return self._matches


Decide: TypeAlias = Callable[[PasswordAttempt], Awaitable[Decision[R | Refusal]]]


@dataclass(slots=True)
class PasswordCheck:
    """The attempts of one process."""

    store: Store
    hasher: BoundedHasher
    throttle: ThrottlePolicy
    clock: Clock = now
    # attempts of one process count one after the other, or they would only lose to each other
    _counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def attempt(
        self, username: str, password: Secret[str], address: str | None, decide: Decide[R]
    ) -> R | Refusal:
        """What `decide` comes to, if another attempt is due at all. Raises StoreUnavailable.

        `decide` loads its own facts and asks the attempt whether the password is the user's. What
        it decides on a success has to hold `refund_attempt`; a refusal stays counted.
        """
        names = names_for(username, address)
        attempt = PasswordAttempt(self.hasher, password)
        try:
            self.hasher.check_room()
            admission = await self._count(names)
            if isinstance(admission, Throttled):
                return refuse_throttled(admission)
            reply = await self._settle(attempt, names, decide)
        except HasherBusy as busy:
            return refuse_busy("hasher_busy", retry_after_seconds=busy.retry_after_seconds)
        except Contended:
            return refuse_busy("contended")
        if not isinstance(reply, Refusal):
            await self._renew_hash(attempt)
        return reply

    async def _count(self, names: BucketNames) -> Admission:
        """Counted before anything is hashed: a flood of parallel guesses is one flood."""

        async def decide() -> Decision[Admission]:
            buckets = await self.store.load_buckets(names.all())
            return decide_attempt(names, buckets, self.throttle, now=self.clock())

        async with self._counting:
            return await settle(self.store, decide)

    async def _settle(
        self, attempt: PasswordAttempt, names: BucketNames, decide: Decide[R]
    ) -> R | Refusal:
        try:
            return await settle(self.store, lambda: decide(attempt))
        except (HasherBusy, Contended):  # the password was not looked at, or to no avail
            await self.store.apply(refund_attempt(names))
            raise

    async def _renew_hash(self, attempt: PasswordAttempt) -> None:
        """A hash made with yesterday's parameters is made anew while the password is at hand. It
        can wait for another login: being too busy for it is no reason to refuse this one."""
        user = attempt.user
        if user is None or user.password_hash is None:
            return
        if not self.hasher.needs_rehash(user.password_hash):
            return
        with contextlib.suppress(HasherBusy, StaleState):
            renewed = await self.hasher.hash(attempt.password)
            await self.store.apply(
                [ReplacePasswordHash(user.user_id, user.access_version, renewed, reset=False)]
            )
