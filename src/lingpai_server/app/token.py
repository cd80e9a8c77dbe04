"""The token endpoint's grants: refresh tokens and client credentials. Refuses to know HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_fresh
from lingpai_server.app.issuing import IssuedTokens, issue
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.refresh_facts import load_refresh_facts
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import Store
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import (
    ClientCredentialsRequest,
    RefreshRequest,
    TokenRequest,
)
from lingpai_server.protocol.token.client_credentials import decide_client_credentials
from lingpai_server.protocol.token.refresh import decide_refresh


@dataclass(frozen=True, slots=True)
class GrantTokens:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(self, cmd: TokenRequest) -> IssuedTokens | Refusal:
        """Tokens, or why not. Raises StoreUnavailable, LookupError, IssueError."""
        try:
            reply = await settle(self.store, lambda: self._decide(cmd))
        except Contended:
            return refuse_busy("contended")
        return reply if isinstance(reply, Refusal) else await issue(reply, self.keys)

    async def _decide(self, cmd: TokenRequest) -> Decision[TokenReply | Refusal]:
        match cmd:
            case RefreshRequest():
                return await self._refresh(cmd)
            case ClientCredentialsRequest():
                return await self._client_credentials(cmd)
            case _:
                assert_never(cmd)

    async def _refresh(self, cmd: RefreshRequest) -> Decision[TokenReply | Refusal]:
        facts = await load_refresh_facts(
            self.store, self.keys, cmd.refresh_token, client_id=cmd.client.client_id
        )
        return decide_refresh(
            cmd,
            facts,
            self.policy,
            refresh_keys=self.keys.refresh_keys,
            now=self.clock(),
            fresh=draw_fresh(),
        )

    async def _client_credentials(
        self, cmd: ClientCredentialsRequest
    ) -> Decision[TokenReply | Refusal]:
        facts = await self.store.load_client_facts(
            client_id=cmd.client.client_id, audience=cmd.resource
        )
        return decide_client_credentials(
            cmd, facts, self.policy, now=self.clock(), fresh=draw_fresh()
        )
