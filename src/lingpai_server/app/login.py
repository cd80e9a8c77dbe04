"""Log in with a password: check, count, hash, decide, apply, sign. Refuses to know HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from lingpai_server.accounts.throttle import (
    Admission,
    Throttled,
    ThrottlePolicy,
    decide_attempt,
    names_for,
    refund_attempt,
)
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_fresh
from lingpai_server.app.issuing import IssuedTokens, issue
from lingpai_server.app.ports import BoundedHasher, KeyRing
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import ReplacePasswordHash
from lingpai_server.core.ports import HasherBusy, LoginFacts, StaleState, Store
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import check_login, decide_login, refuse_throttled
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import LoginRequest


@dataclass(slots=True)
class LogIn:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    hasher: BoundedHasher
    policy: IssuePolicy
    throttle: ThrottlePolicy
    clock: Clock = now
    # attempts of one process count one after the other, or they would only lose to each other
    _counting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, cmd: LoginRequest) -> IssuedTokens | Refusal:
        """Tokens, or why not. Raises StoreUnavailable, LookupError, IssueError."""
        try:
            checked = check_login(cmd, await self._load(cmd))
            if isinstance(checked, Refusal):
                return checked
            self.hasher.check_room()
            admission = await self._count(cmd)
            if isinstance(admission, Throttled):
                return refuse_throttled(admission)
            return await self._answer(cmd)
        except HasherBusy as busy:
            return refuse_busy("hasher_busy", retry_after_seconds=busy.retry_after_seconds)
        except Contended:
            return refuse_busy("contended")

    async def _answer(self, cmd: LoginRequest) -> IssuedTokens | Refusal:
        attempt = _Attempt(self, cmd)
        try:
            reply = await settle(self.store, attempt.decide)
        except (HasherBusy, Contended):
            await self.store.apply(refund_attempt(names_for(cmd.username, cmd.address)))
            raise
        if isinstance(reply, Refusal):
            return reply
        await self._renew_hash(cmd, attempt)
        return await issue(reply, self.keys)

    async def _count(self, cmd: LoginRequest) -> Admission:
        """Counted before anything is hashed: a flood of parallel guesses is one flood."""
        names = names_for(cmd.username, cmd.address)

        async def decide() -> Decision[Admission]:
            buckets = await self.store.load_buckets(names.all())
            return decide_attempt(names, buckets, self.throttle, now=self.clock())

        async with self._counting:
            return await settle(self.store, decide)

    async def _renew_hash(self, cmd: LoginRequest, attempt: _Attempt) -> None:
        """A hash made with yesterday's parameters is made anew while the password is at hand. It
        can wait for another login: being too busy for it is no reason to refuse this one."""
        user, old = attempt.facts.user if attempt.facts else None, attempt.password_hash
        if user is None or old is None or not self.hasher.needs_rehash(old):
            return
        with contextlib.suppress(HasherBusy, StaleState):
            renewed = await self.hasher.hash(cmd.password)
            await self.store.apply(
                [ReplacePasswordHash(user.user_id, user.access_version, renewed, reset=False)]
            )

    async def _load(self, cmd: LoginRequest) -> LoginFacts:
        return await self.store.load_login(
            username=cmd.username, client_id=cmd.client.client_id, audience=cmd.resource
        )


@dataclass(slots=True)
class _Attempt:
    """One login through its tries. A hash that was verified once is not computed again."""

    use: LogIn
    cmd: LoginRequest
    facts: LoginFacts | None = None
    password_hash: Secret[str] | None = None
    password_ok: bool | None = None

    async def decide(self) -> Decision[TokenReply | Refusal]:
        self.facts = facts = await self.use._load(self.cmd)
        password_hash = None if facts.user is None else facts.user.password_hash
        if self.password_ok is None or password_hash != self.password_hash:
            self.password_ok = await self.use.hasher.verify(self.cmd.password, password_hash)
            self.password_hash = password_hash
        return decide_login(
            self.cmd,
            facts,
            self.password_ok,
            self.use.policy,
            refresh_keys=self.use.keys.refresh_keys,
            now=self.use.clock(),
            fresh=draw_fresh(),
        )
