"""GET and POST /userinfo: who somebody is, told to a client that may know. Refuses to know HTTP."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.encryption import NoRecipientKey, encrypt_for_client
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP, with_subject_of
from lingpai_server.app.ports import ClientKeys, KeyRing
from lingpai_server.app.possession import PossessionCheck
from lingpai_server.app.settling import refuse_busy
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client
from lingpai_server.protocol.discovery import USERINFO_PATH, endpoint_url
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival
from lingpai_server.protocol.subjects import sector_of
from lingpai_server.protocol.userinfo import PresentedToken, decide_userinfo, refuse_token

MAX_PAYLOAD_BYTES = 65_536

LOG = logging.getLogger("lingpai.userinfo")


@dataclass(frozen=True, slots=True)
class UserinfoAnswer:
    """The claims, as a JSON object or, where the client asked for that, as a JWT. `dpop_nonce` goes
    out with it (RFC 9449 section 8.2)."""

    claims: Mapping[str, Any] = field(repr=False)
    jwt: str | None = field(default=None, repr=False)
    dpop_nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Userinfo:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    client_keys: ClientKeys
    policy: IssuePolicy
    clock: Clock = now
    certificates: CertificateReader = field(default_factory=CertificateReader)
    require_dpop_nonce: bool = False

    async def __call__(
        self, presented: PresentedToken, arrival: Arrival, *, method: str
    ) -> UserinfoAnswer | Refusal:
        """What may be told, or why nothing. Raises StoreUnavailable, LookupError."""
        claims = await self.keys.read_own_token(presented.raw.reveal(), typ=ACCESS_TOKEN_TYP)
        facts = await load_token_facts(self.store, claims)
        if facts is None:
            return refuse_token("token_not_ours")
        possession = await self._possession(presented, arrival, method=method, url=self.url)
        if isinstance(possession, Refusal):
            return possession
        reply = decide_userinfo(presented, facts, possession.sender, now=self.clock())
        if isinstance(reply, Refusal):
            return reply
        told = with_subject_of(sector_of(reply.client), reply.claims, self.keys)
        try:
            jwt = await self._write(told, reply.client)
        except NoRecipientKey as error:
            LOG.warning("userinfo was not answered: %s", error)
            return refuse_busy("client_key_unavailable")
        return UserinfoAnswer(told, jwt, possession.dpop_nonce)

    @property
    def url(self) -> str:
        """As configured, not as any header names it."""
        return endpoint_url(self.policy.issuer, USERINFO_PATH)

    @property
    def _possession(self) -> PossessionCheck:
        return PossessionCheck(
            self.store, self.keys, self.clock, self.certificates, self.require_dpop_nonce
        )

    async def _write(self, claims: Mapping[str, Any], client: Client) -> str | None:
        """OpenID Connect Core section 5.3.2: signed, encrypted, or both; None for plain JSON."""
        settings, signed = client.settings, None
        if settings.userinfo_alg is not None:
            signed = await self.keys.sign(
                {**claims, "iss": self.policy.issuer, "aud": client.client_id},
                algorithm=settings.userinfo_alg,
                audience=client.client_id,
                typ="JWT",
                max_payload_bytes=MAX_PAYLOAD_BYTES,
            )
        if settings.userinfo_encryption is None:
            return signed
        content = strict_json.encode(dict(claims)) if signed is None else signed.encode("ascii")
        header = {"cty": "JWT"} if signed is not None else {}
        return await encrypt_for_client(
            content, client, settings.userinfo_encryption, self.client_keys, header=header
        )
