"""What the issuer says of itself and of its health: metadata, keys, readiness. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.app.clock import Clock, monotonic
from lingpai_server.app.ports import KeyRing
from lingpai_server.core.ports import Store, StoreUnavailable
from lingpai_server.protocol.discovery import IssuerFacts, oauth_metadata, openid_metadata

_READINESS_SECONDS = 1.0


@dataclass(slots=True)
class Metadata:
    """The metadata documents. The scopes of all APIs are in them, and are read when something in
    the database has changed."""

    store: Store
    issuer: str
    _version: int | None = None
    _facts: IssuerFacts | None = None

    async def oauth(self) -> Mapping[str, Any]:
        """RFC 8414. Raises StoreUnavailable."""
        return oauth_metadata(await self._load())

    async def openid(self) -> Mapping[str, Any]:
        """OpenID Connect Discovery 1.0. Raises StoreUnavailable."""
        return openid_metadata(await self._load())

    async def _load(self) -> IssuerFacts:
        version = await self.store.data_version()
        if self._facts is None or version != self._version:
            scopes = {scope for api in await self.store.list_apis() for scope in api.scopes}
            self._facts = IssuerFacts(self.issuer, tuple(sorted(scopes)))
            self._version = version
        return self._facts


@dataclass(slots=True)
class Readiness:
    """Whether requests can be answered. Asking the store costs a durable write, so that one answer
    serves everybody who asks within a second."""

    store: Store
    keys: KeyRing
    clock: Clock = monotonic
    _asked_at: float = field(default=float("-inf"))
    _reason: str | None = None

    async def why_not(self) -> str | None:
        """None when ready; otherwise the reason, for an operator."""
        if self.clock() - self._asked_at >= _READINESS_SECONDS:
            self._reason = await self._look()
            self._asked_at = self.clock()
        return self._reason

    async def _look(self) -> str | None:
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            return f"storage: {error}"
        return None if self.keys.problem is None else f"keys: {self.keys.problem}"
