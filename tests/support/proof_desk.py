"""Where requests prove who sends them: the use case over a house's store and keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tests.support.assertions import CLIENT_ID
from tests.support.house import ISSUER, House
from tests.support.tokens import NOW

from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.client_keys import LiveClientKeys
from lingpai_server.app.fetching import Fetched
from lingpai_server.app.outgoing import FetchFailed
from lingpai_server.app.ports import ClientKeys
from lingpai_server.app.proofs import Proofs, Proven
from lingpai_server.core.effects import CreateClient
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival, ClientAuthMethod, PresentedClient

URL = f"{ISSUER}/token"
PUBLIC = PresentedClient("app", ClientAuthMethod.NONE)
BARE = Arrival()


class NoNetwork:
    """Nothing can be fetched."""

    async def get(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
        """Refuses."""
        del accept, max_bytes
        raise FetchFailed(url)


@dataclass
class Desk:
    """A house, and the use case over its store and keys."""

    house: House
    require_dpop_nonce: bool = False
    certificates: CertificateReader = field(default_factory=CertificateReader)
    client_keys: ClientKeys = field(default_factory=lambda: LiveClientKeys(NoNetwork()))
    now: float = NOW

    def add(self, client: Client) -> None:
        """Register a client."""
        asyncio.run(self.house.store.apply([CreateClient(client)]))

    def prove(self, presented: PresentedClient, arrival: Arrival = BARE) -> Proven | Refusal:
        """One request to the token endpoint."""
        return asyncio.run(self.proofs().prove(presented, arrival, endpoint_url=URL))

    def proofs(self) -> Proofs:
        """The use case itself."""
        return Proofs(
            self.house.store,
            self.house.keys,
            self.client_keys,
            IssuePolicy(ISSUER),
            lambda: self.now,
            certificates=self.certificates,
            require_dpop_nonce=self.require_dpop_nonce,
        )

    def with_proof(self, *proofs: str) -> Proven | Refusal:
        """One request of a public client, with these DPoP headers."""
        return self.prove(PUBLIC, Arrival(dpop=proofs))


def asserting(raw: str) -> PresentedClient:
    """A client that presents this assertion."""
    return PresentedClient(CLIENT_ID, ClientAuthMethod.PRIVATE_KEY_JWT, assertion=Secret(raw))


def proven(answer: Proven | Refusal) -> Proven:
    """The proof that was accepted."""
    assert isinstance(answer, Proven), answer
    return answer


def refused(answer: Proven | Refusal) -> tuple[ErrorCode, str]:
    """The public code and the private reason."""
    assert isinstance(answer, Refusal), answer
    return answer.code, answer.reason
