"""The ends of a grant: revocation by a client, logout by a user. Refuses to know HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.refresh_facts import load_refresh_facts
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import AlreadyExists, Store
from lingpai_server.protocol.discovery import REVOCATION_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.logout import decide_logout
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import LoggedOut, Revoked
from lingpai_server.protocol.requests import Arrival, LogoutRequest, RevokeRequest
from lingpai_server.protocol.revoke import decide_revoke
from lingpai_server.protocol.token_standing import TokenFacts
from lingpai_server.sessions.refresh_token import RefreshTokenProblem

DENIED_FULL_SECONDS = 30  # to come back in: by then upkeep has dropped what has expired


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """POST /revoke (RFC 7009)."""

    store: Store
    keys: KeyRing
    proofs: Proofs
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(self, cmd: RevokeRequest, arrival: Arrival) -> Revoked | Refusal:
        """Revoked, or why not. Raises StoreUnavailable."""
        url = endpoint_url(self.policy.issuer, REVOCATION_PATH)
        proven = await self.proofs.prove(cmd.client, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        proven_cmd = replace(cmd, client=proven.presented)

        async def decide() -> Decision[Revoked | Refusal]:
            facts = await load_refresh_facts(
                self.store, self.keys, cmd.token, client_id=cmd.client.client_id
            )
            access = None
            if isinstance(facts.presented, RefreshTokenProblem):
                access = await self._read_access_token(cmd)
            return decide_revoke(proven_cmd, facts, access=access, now=self.clock())

        try:
            return await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")
        except AlreadyExists:  # as many are denied as verifiers are asked to remember
            return refuse_busy("denied_list_full", retry_after_seconds=DENIED_FULL_SECONDS)

    async def _read_access_token(self, cmd: RevokeRequest) -> TokenFacts | None:
        """None for one under an API's own secret (HS256): that API could make any number of them,
        and fill the list of what is denied for everybody."""
        claims = await self.keys.read_own_token(cmd.token.reveal(), typ=ACCESS_TOKEN_TYP)
        return await load_token_facts(self.store, claims)


@dataclass(frozen=True, slots=True)
class LogOut:
    """POST /logout."""

    store: Store
    keys: KeyRing
    clock: Clock = now

    async def __call__(self, cmd: LogoutRequest) -> LoggedOut | Refusal:
        """Logged out, or a busy server's answer. Raises StoreUnavailable."""

        async def decide() -> Decision[LoggedOut]:
            token = cmd.refresh_token
            facts = (
                None
                if token is None
                else await load_refresh_facts(self.store, self.keys, token, client_id=None)
            )
            return decide_logout(cmd, facts, now=self.clock())

        try:
            return await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")
