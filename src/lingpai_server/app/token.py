"""The token endpoint: prove the sender, load, decide, apply, sign. Refuses to know HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP, IssuedTokens, issue
from lingpai_server.app.ports import ClientKeys, KeyRing
from lingpai_server.app.proofs import Proofs, Proven
from lingpai_server.app.refresh_facts import load_refresh_facts
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.app.slots import draw_fresh_for
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import Store
from lingpai_server.protocol.discovery import TOKEN_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.opaque import opaque_sha256
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import (
    Arrival,
    ClientCredentialsRequest,
    CodeRequest,
    DeviceRequest,
    ExchangeRequest,
    RefreshRequest,
    TokenRequest,
)
from lingpai_server.protocol.token.client_credentials import decide_client_credentials
from lingpai_server.protocol.token.code import decide_code
from lingpai_server.protocol.token.device import decide_device
from lingpai_server.protocol.token.exchange import decide_exchange
from lingpai_server.protocol.token.refresh import decide_refresh


@dataclass(frozen=True, slots=True)
class GrantTokens:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    client_keys: ClientKeys
    proofs: Proofs
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(self, cmd: TokenRequest, arrival: Arrival) -> IssuedTokens | Refusal:
        """Tokens, or why not. Raises StoreUnavailable, LookupError, IssueError."""
        url = endpoint_url(self.policy.issuer, TOKEN_PATH)
        proven = await self.proofs.prove(cmd.client, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        proven_cmd = _with_proof(cmd, proven)
        try:
            reply = await settle(self.store, lambda: self._decide(proven_cmd))
        except Contended:
            return refuse_busy("contended")
        answer = (
            reply if isinstance(reply, Refusal) else await issue(reply, self.keys, self.client_keys)
        )
        if proven.dpop_nonce is None:
            return answer
        return replace(answer, dpop_nonce=proven.dpop_nonce)

    async def _decide(self, cmd: TokenRequest) -> Decision[TokenReply | Refusal]:
        match cmd:
            case CodeRequest():
                return await self._code(cmd)
            case RefreshRequest():
                return await self._refresh(cmd)
            case ClientCredentialsRequest():
                return await self._client_credentials(cmd)
            case DeviceRequest():
                return await self._device(cmd)
            case ExchangeRequest():
                return await self._exchange(cmd)
            case _:
                assert_never(cmd)

    async def _refresh(self, cmd: RefreshRequest) -> Decision[TokenReply | Refusal]:
        facts = await load_refresh_facts(
            self.store, self.keys, cmd.refresh_token, client_id=cmd.client.client_id
        )
        held = None if facts.family is None else facts.family.slot
        return decide_refresh(
            cmd,
            facts,
            self.policy,
            refresh_keys=self.keys.refresh_keys,
            now=self.clock(),
            fresh=await draw_fresh_for(self.store, held),
        )

    async def _client_credentials(
        self, cmd: ClientCredentialsRequest
    ) -> Decision[TokenReply | Refusal]:
        facts = await self.store.load_client_facts(
            client_id=cmd.client.client_id, audience=cmd.resource
        )
        fresh = await draw_fresh_for(self.store, None if facts is None else facts.slot)
        return decide_client_credentials(cmd, facts, self.policy, now=self.clock(), fresh=fresh)

    async def _code(self, cmd: CodeRequest) -> Decision[TokenReply | Refusal]:
        return decide_code(
            cmd,
            await self.store.load_client(cmd.client.client_id),
            await self.store.load_code(opaque_sha256(cmd.code)),
            self.policy,
            refresh_keys=self.keys.refresh_keys,
            now=self.clock(),
            fresh=await draw_fresh_for(self.store, None),
        )

    async def _device(self, cmd: DeviceRequest) -> Decision[TokenReply | Refusal]:
        return decide_device(
            cmd,
            await self.store.load_client(cmd.client.client_id),
            await self.store.load_device(opaque_sha256(cmd.device_code)),
            self.policy,
            refresh_keys=self.keys.refresh_keys,
            now=self.clock(),
            fresh=await draw_fresh_for(self.store, None),
        )

    async def _exchange(self, cmd: ExchangeRequest) -> Decision[TokenReply | Refusal]:
        """A token that an API may have signed itself, with HS256, is not read: the API could have
        made it for any user."""
        claims = await self.keys.read_own_token(cmd.subject_token.reveal(), typ=ACCESS_TOKEN_TYP)
        subject = await load_token_facts(self.store, claims)
        session = None if subject is None else subject.session
        client = await self.store.load_client(cmd.client.client_id)
        first = client.audiences[0] if client is not None and client.audiences else ""
        facts = await self.store.load_exchange(
            client_id=cmd.client.client_id,
            audience=cmd.resource or first,
            user_id=None if session is None else session.user.user_id,
            session_id=None if session is None else session.session.session_id,
            subject_client_id=None if subject is None else subject.claims["sub"],
        )
        fresh = await draw_fresh_for(self.store, facts.slot)
        return decide_exchange(cmd, facts, subject, self.policy, now=self.clock(), fresh=fresh)


def _with_proof(cmd: TokenRequest, proven: Proven) -> TokenRequest:
    """The command of the sender that was found. A secret proves itself: 5 µs for what is there."""
    if proven.presented is cmd.client and proven.sender == cmd.sender:
        return cmd
    return replace(cmd, client=proven.presented, sender=proven.sender)
