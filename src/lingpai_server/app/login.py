"""Log in with a password: check, attempt, decide, apply, sign. Refuses to know HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lingpai_server.accounts.throttle import ThrottlePolicy
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.issuing import IssuedTokens, issue
from lingpai_server.app.password_check import PasswordAttempt, PasswordCheck
from lingpai_server.app.ports import BoundedHasher, KeyRing
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.slots import draw_fresh_for
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import LoginFacts, Store
from lingpai_server.protocol.discovery import LOGIN_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import check_login, decide_login
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import Arrival, LoginRequest


@dataclass(slots=True)
class LogIn:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    proofs: Proofs
    hasher: BoundedHasher
    policy: IssuePolicy
    throttle: ThrottlePolicy
    clock: Clock = now
    _passwords: PasswordCheck = field(init=False)

    def __post_init__(self) -> None:
        self._passwords = PasswordCheck(self.store, self.hasher, self.throttle, self.clock)

    async def __call__(self, cmd: LoginRequest, arrival: Arrival) -> IssuedTokens | Refusal:
        """Tokens, or why not. Raises StoreUnavailable, LookupError, IssueError."""
        url = endpoint_url(self.policy.issuer, LOGIN_PATH)
        proven = await self.proofs.prove(cmd.client, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        proven_cmd = replace(cmd, client=proven.presented, sender=proven.sender)
        answer = await self._log_in(proven_cmd)
        return replace(answer, dpop_nonce=proven.dpop_nonce)

    async def _log_in(self, cmd: LoginRequest) -> IssuedTokens | Refusal:
        checked = check_login(cmd, await self._load(cmd))
        if isinstance(checked, Refusal):
            return checked

        async def decide(password: PasswordAttempt) -> Decision[TokenReply | Refusal]:
            return await self._decide(cmd, password)

        reply = await self._passwords.attempt(cmd.username, cmd.password, cmd.address, decide)
        return reply if isinstance(reply, Refusal) else await issue(reply, self.keys)

    async def _decide(
        self, cmd: LoginRequest, password: PasswordAttempt
    ) -> Decision[TokenReply | Refusal]:
        facts = await self._load(cmd)
        password_ok = await password.matches(facts.user)
        return decide_login(
            cmd,
            facts,
            password_ok,
            self.policy,
            refresh_keys=self.keys.refresh_keys,
            now=self.clock(),
            fresh=await draw_fresh_for(self.store, None),
        )

    async def _load(self, cmd: LoginRequest) -> LoginFacts:
        return await self.store.load_login(
            username=cmd.username, client_id=cmd.client.client_id, audience=cmd.resource
        )
