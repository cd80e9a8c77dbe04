"""The ring that a running server holds, and the signer over it: it follows the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jwt.issue import sign
from lingpai_server.core.ports import Store
from lingpai_server.core.records import StoredKey
from lingpai_server.keys.ring import KeyRing, NoRefreshKey, open_ring
from lingpai_server.keys.sealing import SealBroken, SealingKey
from lingpai_server.sessions.refresh_token import RefreshKeys


class LiveKeyRing:
    """The newest ring. Implements the Signer port; signing runs inline, 25 to 350 µs a token."""

    __slots__ = ("_lock", "_sealing", "_store", "_stored", "_version", "problem", "ring")

    def __init__(self, store: Store, sealing: SealingKey, stored: tuple[StoredKey, ...]) -> None:
        """Opens `stored`. Raises what `open_ring` raises."""
        self._store = store
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

    async def sign(
        self, claims: Mapping[str, Any], *, algorithm: str, audience: str, typ: str
    ) -> str:
        """One compact JWT. A key made a moment ago by another process is looked for before giving
        up. Raises LookupError if there is none, StoreUnavailable if that cannot be told."""
        try:
            key = self.ring.key_for(algorithm, audience)
        except LookupError:
            await self.reload()
            key = self.ring.key_for(algorithm, audience)
        return sign(claims, key, typ=typ)

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
