"""Which keys the sender of an access token holds, at the resources that the issuer itself protects.

The counterpart of app/proofs.py, which asks the same of clients at the token endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lingpai.jwt.dpop import DPOP_ALGORITHMS, VerifiedProof
from lingpai_server.app.certificates import CertificateReader
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.ports import KeyRing
from lingpai_server.core.ports import AlreadySpent, Store
from lingpai_server.protocol.dpop import (
    NONCE_PURPOSE,
    check_dpop,
    check_nonce,
    nonce_members,
    refuse_proof,
    spend_proof,
)
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.requests import Arrival, Sender
from lingpai_server.protocol.userinfo import PresentedToken, TokenScheme


@dataclass(frozen=True, slots=True)
class Possession:
    """The sender of one request. `dpop_nonce` is to go out with the answer, where the server wants
    nonces."""

    sender: Sender
    dpop_nonce: str | None = None


@dataclass(frozen=True, slots=True)
class PossessionCheck:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    clock: Clock = now
    certificates: CertificateReader = field(default_factory=CertificateReader)
    require_dpop_nonce: bool = False

    async def __call__(
        self, presented: PresentedToken, arrival: Arrival, *, method: str, url: str
    ) -> Possession | Refusal:
        """Check the proof that came with a token, and mark it as used. Raises StoreUnavailable."""
        x5t = self._read_certificate(arrival)
        if presented.scheme is not TokenScheme.DPOP:
            return Possession(Sender(x5t=x5t))
        proof = self._check(presented, arrival, method, url)
        if isinstance(proof, Refusal):
            return proof
        try:
            await self.store.apply((spend_proof(proof),))
        except AlreadySpent:
            return refuse_proof("dpop_proof_replayed")
        nonce = self._new_nonce() if self.require_dpop_nonce else None
        return Possession(Sender(proof.jkt, x5t), nonce)

    def _check(
        self, presented: PresentedToken, arrival: Arrival, method: str, url: str
    ) -> VerifiedProof | Refusal:
        at = self.clock()
        proof = check_dpop(
            arrival.dpop,
            method=method,
            url=url,
            algorithms=DPOP_ALGORITHMS,
            now=at,
            access_token=presented.raw.reveal(),
        )
        if proof is None:
            return refuse_proof("dpop_proof_missing")
        if isinstance(proof, Refusal):
            return proof
        opened = None if proof.nonce is None else self.keys.open_ticket(NONCE_PURPOSE, proof.nonce)
        refusal = check_nonce(proof.nonce, opened, required=self.require_dpop_nonce, now=at)
        return proof if refusal is None else replace(refusal, dpop_nonce=self._new_nonce())

    def _read_certificate(self, arrival: Arrival) -> str | None:
        """One that cannot be read proves nothing."""
        if arrival.certificate is None:
            return None
        certificate = self.certificates.read(arrival.certificate, now=self.clock())
        return None if certificate is None else certificate.x5t

    def _new_nonce(self) -> str:
        return self.keys.seal_ticket(NONCE_PURPOSE, nonce_members(self.clock()))
