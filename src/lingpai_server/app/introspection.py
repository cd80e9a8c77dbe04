"""POST /introspect: what a token is worth now, told to those whose business it is. No HTTP here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP, with_subject_of
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.refresh_facts import load_refresh_facts
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client
from lingpai_server.protocol.discovery import INTROSPECTION_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.introspect import (
    DEFAULT_ALGORITHM,
    INTROSPECTION_TYP,
    Introspection,
    IntrospectRequest,
    decide_access_token,
    decide_refresh_token,
    identify_caller,
)
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival
from lingpai_server.sessions.refresh_token import RefreshTokenProblem

MAX_PAYLOAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class IntrospectionAnswer:
    """The members of RFC 7662, and the same as a JWT where that was asked for (RFC 9701)."""

    members: Mapping[str, Any] = field(repr=False)
    jwt: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Introspect:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    proofs: Proofs
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(
        self, cmd: IntrospectRequest, arrival: Arrival, *, as_jwt: bool = False
    ) -> IntrospectionAnswer | Refusal:
        """What the caller may know, or why it may not ask. Raises StoreUnavailable."""
        url = endpoint_url(self.policy.issuer, INTROSPECTION_PATH)
        proven = await self.proofs.prove(cmd.client, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        client = await self.store.load_client(cmd.client.client_id)
        caller = identify_caller(proven.presented, client)
        if isinstance(caller, Refusal):
            return caller
        found = await self._look_up(cmd, caller)
        members = with_subject_of(found.sector, found.members, self.keys)
        jwt = await self._sign(members, caller) if as_jwt else None
        return IntrospectionAnswer(members, jwt)

    async def _look_up(self, cmd: IntrospectRequest, caller: Client) -> Introspection:
        refresh = await load_refresh_facts(self.store, self.keys, cmd.token, client_id=None)
        if not isinstance(refresh.presented, RefreshTokenProblem):
            return decide_refresh_token(caller, refresh, self.policy, now=self.clock())
        claims = await self.keys.read_own_token(
            cmd.token.reveal(),
            typ=ACCESS_TOKEN_TYP,
            shared_with=(*caller.settings.introspects, *caller.audiences),
        )
        facts = await load_token_facts(self.store, claims)
        return decide_access_token(caller, facts, now=self.clock())

    async def _sign(self, members: Mapping[str, Any], caller: Client) -> str:
        """RFC 9701 section 5: the members stand apart from the claims of the JWT itself, so that it
        can pass for nothing else."""
        claims = {
            "iss": self.policy.issuer,
            "aud": caller.client_id,
            "iat": int(self.clock()),
            "token_introspection": dict(members),
        }
        return await self.keys.sign(
            claims,
            algorithm=caller.settings.introspection_alg or DEFAULT_ALGORITHM,
            audience=caller.client_id,
            typ=INTROSPECTION_TYP,
            max_payload_bytes=MAX_PAYLOAD_BYTES,
        )
