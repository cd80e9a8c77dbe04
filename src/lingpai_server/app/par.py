"""POST /par: who pushes is proven first, then the request is checked. Refuses to know HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import ClientKeys, KeyRing
from lingpai_server.app.proofs import Proofs
from lingpai_server.app.request_reading import RequestReader
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.ports import Store
from lingpai_server.protocol.authorize.request import Asked
from lingpai_server.protocol.client_auth import parse_client
from lingpai_server.protocol.discovery import PUSHED_AUTHORIZATION_PATH
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.par import Pushed, decide_push, without_credentials
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival
from lingpai_server.protocol.resources import wanted_audience
from lingpai_server.protocol.scopes import parse_scope

_REFERENCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class PushRequest:
    """The use case (RFC 9126). One instance serves every request."""

    store: Store
    keys: KeyRing
    client_keys: ClientKeys
    proofs: Proofs
    policy: IssuePolicy
    clock: Clock = now

    async def __call__(self, parameters: Mapping[str, str], arrival: Arrival) -> Pushed | Refusal:
        """A reference to the request, or why not. Raises StoreUnavailable."""
        presented = parse_client(parameters, arrival.authorization)
        if isinstance(presented, Refusal):
            return presented
        url = self.policy.issuer.removesuffix("/") + PUSHED_AUTHORIZATION_PATH
        proven = await self.proofs.prove(presented, arrival, endpoint_url=url)
        if isinstance(proven, Refusal):
            return proven
        asked = await self._read(without_credentials(parameters), presented.client_id)
        if isinstance(asked, Refusal):
            return asked
        reference = base64url.encode(random_bytes(_REFERENCE_BYTES))

        async def decide() -> Decision[Pushed | Refusal]:
            scopes = parse_scope(asked.get("scope"))
            wanted = wanted_audience(
                asked.get("resource"), None if isinstance(scopes, Refusal) else scopes
            )
            facts = await self.store.load_authorize(
                client_id=presented.client_id, audience=wanted, browser_id=None
            )
            return decide_push(
                proven.presented,
                asked,
                facts,
                proven.sender,
                reference=reference,
                now=self.clock(),
            )

        try:
            answer = await settle(self.store, decide)
        except Contended:
            return refuse_busy("contended")
        return replace(answer, dpop_nonce=proven.dpop_nonce)

    async def _read(self, parameters: Mapping[str, str], client_id: str) -> Asked | Refusal:
        """Section 2.1: a request is pushed by value, once, and is of who pushes it."""
        if "request_uri" in parameters:
            return refuse(
                ErrorCode.INVALID_REQUEST,
                reason="request_uri_pushed",
                description="A reference to a request cannot be pushed.",
            )
        named = {**parameters, "client_id": client_id}
        asked = Asked(named, int(self.clock()), being_pushed=True)
        raw = parameters.get("request")
        client = None if raw is None else await self.store.load_client(client_id)
        if raw is None or client is None:
            return asked
        reader = RequestReader(self.store, self.client_keys, self.policy, self.clock)
        signed = await reader.read_signed(asked, client, raw)
        return signed if signed.problem is None else signed.problem
