"""The ring that a running server holds, and the signer over it: it follows the store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.issue import DEFAULT_BUDGET, Budget, sign
from lingpai_server.core.ports import Store
from lingpai_server.core.records import StoredKey
from lingpai_server.keys.reading import read_token, seal_token
from lingpai_server.keys.ring import KeyRing, NoRefreshKey, open_ring
from lingpai_server.keys.sealing import SealBroken, SealingKey
from lingpai_server.sessions.refresh_token import RefreshKeys


class LiveKeyRing:
    """The newest ring. Implements the KeyRing port; signing runs inline, 25 to 350 µs a token."""

    __slots__ = ("_issuer", "_lock", "_sealing", "_store", "_stored", "_version", "problem", "ring")

    def __init__(
        self, store: Store, sealing: SealingKey, stored: tuple[StoredKey, ...], *, issuer: str
    ) -> None:
        """Opens `stored`; `issuer` is whose tokens it reads. Raises what `open_ring` raises."""
        self._store = store
        self._issuer = issuer
        self._sealing = sealing
        self._stored = stored
        self._version: int | None = None
        self._lock = asyncio.Lock()
        self.problem: str | None = None
        self.ring: KeyRing = open_ring(stored, sealing)

    @property
    def refresh_keys(self) -> RefreshKeys:
        """The MAC keys of refresh tokens."""
        return self.ring.refresh_keys

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What the published keys sign with."""
        return self.ring.algorithms

    def signing_key(self, algorithm: str) -> PrivateKey:
        """The active key that signs what is for everybody. Raises LookupError."""
        key = self.ring.signing.get(algorithm)
        if key is None:
            raise LookupError(f"no active key signs {algorithm}")
        return key

    async def sign(
        self,
        claims: Mapping[str, Any],
        *,
        algorithm: str,
        audience: str,
        typ: str,
        max_payload_bytes: int = DEFAULT_BUDGET.payload_bytes,
    ) -> str:
        """One compact JWT. A key made a moment ago by another process is looked for before giving
        up. Raises LookupError if there is none, StoreUnavailable if that cannot be told."""
        try:
            key = self.ring.key_for(algorithm, audience)
        except LookupError:
            await self.reload()
            key = self.ring.key_for(algorithm, audience)
        # The names of the claims are ours, and what a client sends (a nonce, the account number in
        # its authorization_details) comes back to that client: nothing here is to be linted.
        budget = Budget(payload_bytes=max_payload_bytes)
        return sign(claims, key, typ=typ, budget=budget, allow_names=claims.keys())

    def seal_token(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """An opaque token. Raises LookupError."""
        return seal_token(self.ring, claims, typ=typ)

    def seal_ticket(self, purpose: str, members: Mapping[str, Any]) -> str:
        """A ticket for one purpose. Raises LookupError."""
        return self.ring.tickets.seal(members, typ=_ticket_typ(purpose))

    def open_ticket(self, purpose: str, ticket: str) -> Mapping[str, Any] | None:
        """What was sealed for that purpose; None for anything else."""
        return self.ring.tickets.open(ticket, typ=_ticket_typ(purpose))

    def pairwise_subject(self, sector: str, user_id: str) -> str:
        """Who a user is to one sector. Raises LookupError."""
        return self.ring.pairwise_subject(sector, user_id)

    async def read_own_token(
        self, raw: str, *, typ: str, shared_with: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """The claims of a token of ours, if need be under a key that another process has just
        made. Raises StoreUnavailable."""
        claims = self._read(raw, typ, shared_with)
        if claims is None and await self.follow():
            claims = self._read(raw, typ, shared_with)
        return claims

    def _read(self, raw: str, typ: str, shared_with: Collection[str]) -> Mapping[str, Any] | None:
        return read_token(self.ring, raw, issuer=self._issuer, typ=typ, shared_with=shared_with)

    async def reload(self) -> bool:
        """Load the keys and say whether the ring is a new one. Keys that do not open leave the
        ring as it is, and `problem` says why. Raises StoreUnavailable."""
        async with self._lock:
            stored = await self._store.load_keys()
            if stored == self._stored:
                return False
            try:
                self.ring = open_ring(stored, self._sealing)
            except (SealBroken, InvalidKey, NoRefreshKey) as error:
                self.problem = str(error)
                return False
            self._stored, self.problem = stored, None
            return True

    async def follow(self) -> bool:
        """Reload if any process has changed the database since the last look: one cheap question
        otherwise."""
        version = await self._store.data_version()
        if version == self._version:
            return False
        changed = await self.reload()
        self._version = version
        return changed


def _ticket_typ(purpose: str) -> str:
    """In the protected header, so that a ticket for one purpose opens no other door."""
    return f"lingpai-ticket+{purpose}"
