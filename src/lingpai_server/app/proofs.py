"""Who sends a request: its assertion, certificate and DPoP proof, looked up, checked and spent.

Every endpoint that clients call asks here first. A secret needs nothing looked up: it is compared
here so that nobody unknown makes us write, and again by the decision, on facts of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lingpai.jwt.dpop import DPOP_ALGORITHMS
from lingpai_server.app.certificates import CertificateReader, canonical_subject
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import ClientKeys, ClientResolver, KeyRing
from lingpai_server.core.flow_effects import Spend
from lingpai_server.core.ports import AlreadySpent, Store
from lingpai_server.core.records import Client
from lingpai_server.protocol import discovery
from lingpai_server.protocol.client_assertion import (
    ASSERTION_ALGORITHMS,
    UNVERIFIABLE,
    check_assertion,
    refuse_assertion,
)
from lingpai_server.protocol.client_auth import identify_client, refuse_unknown_client
from lingpai_server.protocol.client_certificate import (
    ClientCertificate,
    check_registered_key,
    check_trusted_subject,
)
from lingpai_server.protocol.dpop import (
    NONCE_PURPOSE,
    SPENT_PROOF,
    check_dpop,
    check_nonce,
    nonce_members,
    refuse_proof,
    spend_proof,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.requests import (
    TLS_METHODS,
    Arrival,
    ClientAuthMethod,
    ClientProof,
    PresentedClient,
    Sender,
)


@dataclass(frozen=True, slots=True)
class Proven:
    """A request whose client is who it says, and the keys that its sender holds.

    `dpop_nonce` is to go out with the answer, where the server wants nonces."""

    presented: PresentedClient
    sender: Sender
    dpop_nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Proofs:
    """The use case. One instance serves every endpoint."""

    store: Store
    keys: KeyRing
    client_keys: ClientKeys
    policy: IssuePolicy
    clock: Clock = now
    certificates: CertificateReader = field(default_factory=CertificateReader)
    require_dpop_nonce: bool = False
    resolver: ClientResolver | None = None

    async def prove(
        self, presented: PresentedClient, arrival: Arrival, *, endpoint_url: str
    ) -> Proven | Refusal:
        """Check a POST to `endpoint_url` and mark what it used up. Raises StoreUnavailable.

        What was used stays used, whatever becomes of the request. The client may be disabled: what
        that means is for the endpoint to decide.
        """
        client = await self._find(presented.client_id)
        if client is None:
            return refuse_unknown_client(presented)
        certificate = self._read_certificate(arrival)
        if isinstance(certificate, Refusal):
            return certificate
        checked = await self._check_credential(presented, client, certificate, endpoint_url)
        if isinstance(checked, Refusal):
            return checked
        identified = identify_client(checked.presented, client)
        if isinstance(identified, Refusal):
            return identified
        proof = self._check_dpop(arrival, client, endpoint_url)
        if isinstance(proof, Refusal):
            return proof
        x5t = None if certificate is None else certificate.x5t
        proven = Proven(checked.presented, Sender(proof.jkt, x5t), proof.next_nonce)
        return await self._spend((*checked.spends, *proof.spends)) or proven

    async def _find(self, client_id: str) -> Client | None:
        if self.resolver is not None and not await self.resolver.resolve_client(client_id):
            return None
        return await self.store.load_client(client_id)

    def _read_certificate(self, arrival: Arrival) -> ClientCertificate | Refusal | None:
        if arrival.certificate is None:
            return None
        certificate = self.certificates.read(arrival.certificate, now=self.clock())
        return certificate or refuse(
            ErrorCode.INVALID_REQUEST,
            reason="client_certificate_unreadable",
            description="The client certificate cannot be read.",
        )

    async def _check_credential(
        self,
        presented: PresentedClient,
        client: Client,
        certificate: ClientCertificate | None,
        endpoint_url: str,
    ) -> _Credential | Refusal:
        """What `identify_client` cannot check by itself; the rest passes here as it is."""
        if presented.assertion is not None:
            return await self._check_assertion(presented, client, endpoint_url)
        if presented.method is ClientAuthMethod.NONE and certificate is not None:
            return await self._check_certificate(presented, client, certificate)
        return _Credential(presented)

    async def _check_assertion(
        self, presented: PresentedClient, client: Client, endpoint_url: str
    ) -> _Credential | Refusal:
        """Keys that are missing, or do not fit, may have been published a moment ago."""
        if client.settings.auth_method != ClientAuthMethod.PRIVATE_KEY_JWT:
            return refuse_assertion("client_auth_method_not_registered")
        spend = await self._verify_assertion(presented, client, endpoint_url, fresh=False)
        if isinstance(spend, Refusal) and spend.reason == UNVERIFIABLE:
            spend = await self._verify_assertion(presented, client, endpoint_url, fresh=True)
        return spend if isinstance(spend, Refusal) else _proven(presented, client, spend)

    async def _verify_assertion(
        self, presented: PresentedClient, client: Client, endpoint_url: str, *, fresh: bool
    ) -> Spend | Refusal:
        keys = await self.client_keys.keys_of(client, fresh=fresh)
        if keys is None or presented.assertion is None:
            return refuse_assertion(UNVERIFIABLE)
        return check_assertion(
            presented.assertion.reveal(),
            client.client_id,
            keys,
            audiences=self._audiences(client, endpoint_url),
            algorithms=_assertion_algorithms(client),
            now=self.clock(),
        )

    def _audiences(self, client: Client, endpoint_url: str) -> tuple[str, ...]:
        """RFC 10070: the issuer alone. What certification still sends is older than that."""
        if not rules_of(client).lenient_assertion_audience:
            return (self.policy.issuer,)
        token_url = discovery.endpoint_url(self.policy.issuer, discovery.TOKEN_PATH)
        return (self.policy.issuer, token_url, endpoint_url)

    async def _check_certificate(
        self, presented: PresentedClient, client: Client, certificate: ClientCertificate
    ) -> _Credential | Refusal:
        """A certificate counts for a client that registered one, and for its tokens alone else."""
        method = client.settings.auth_method
        if method not in TLS_METHODS:
            return _Credential(presented)
        if method == ClientAuthMethod.TLS_CLIENT_AUTH:
            registered = client.settings.tls_subject_dn or ""
            refusal = check_trusted_subject(certificate, canonical_subject(registered))
        else:
            refusal = check_registered_key(certificate, await self.client_keys.keys_of(client))
            if refusal is not None:
                keys = await self.client_keys.keys_of(client, fresh=True)
                refusal = check_registered_key(certificate, keys)
        if refusal is not None:
            return refusal
        return _proven(replace(presented, method=ClientAuthMethod(method)), client)

    def _check_dpop(self, arrival: Arrival, client: Client, endpoint_url: str) -> _Dpop | Refusal:
        at = self.clock()
        algorithms = rules_of(client).proof_algorithms or DPOP_ALGORITHMS
        proof = check_dpop(
            arrival.dpop, method="POST", url=endpoint_url, algorithms=algorithms, now=at
        )
        if proof is None or isinstance(proof, Refusal):
            return _Dpop() if proof is None else proof
        opened = None if proof.nonce is None else self.keys.open_ticket(NONCE_PURPOSE, proof.nonce)
        refusal = check_nonce(proof.nonce, opened, required=self.require_dpop_nonce, now=at)
        if refusal is not None:
            return replace(refusal, dpop_nonce=self._new_nonce())
        next_nonce = self._new_nonce() if self.require_dpop_nonce else None
        return _Dpop(proof.jkt, (spend_proof(proof),), next_nonce)

    def _new_nonce(self) -> str:
        return self.keys.seal_ticket(NONCE_PURPOSE, nonce_members(self.clock()))

    async def _spend(self, spends: tuple[Spend, ...]) -> Refusal | None:
        """All of them in one transaction, or the one that was used before refuses them all."""
        if not spends:
            return None
        try:
            await self.store.apply(spends)
        except AlreadySpent as spent:
            if str(spent) == SPENT_PROOF:
                return refuse_proof("dpop_proof_replayed")
            return refuse_assertion("client_assertion_replayed")
        return None


@dataclass(frozen=True, slots=True)
class _Credential:
    presented: PresentedClient
    spends: tuple[Spend, ...] = ()


@dataclass(frozen=True, slots=True)
class _Dpop:
    jkt: str | None = None
    spends: tuple[Spend, ...] = ()
    next_nonce: str | None = None


def _proven(presented: PresentedClient, client: Client, *spends: Spend) -> _Credential:
    proof = ClientProof(client.client_id, client.access_version)
    return _Credential(replace(presented, proof=proof), spends)


def _assertion_algorithms(client: Client) -> frozenset[str]:
    """What the client registered, within what its profile allows."""
    allowed = rules_of(client).proof_algorithms or ASSERTION_ALGORITHMS
    registered = client.settings.auth_signing_alg
    return allowed if registered is None else allowed & {registered}
