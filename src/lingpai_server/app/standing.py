"""What the issuer says of itself and of its health: metadata, keys, readiness. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.app.clock import Clock, monotonic
from lingpai_server.app.ports import KeyRing
from lingpai_server.core.ports import Store, StoreUnavailable
from lingpai_server.core.records import Api
from lingpai_server.protocol.discovery import CLOSED, Features, IssuerFacts, issuer_metadata

_READINESS_SECONDS = 1.0


@dataclass(slots=True)
class Metadata:
    """The metadata document. What all APIs declare is in it, and is read when something in the
    database has changed."""

    store: Store
    keys: KeyRing
    issuer: str
    features: Features = CLOSED
    _version: int | None = None
    _apis: tuple[Api, ...] = ()

    async def __call__(self) -> Mapping[str, Any]:
        """RFC 8414, OpenID Connect Discovery 1.0. Raises StoreUnavailable."""
        version = await self.store.data_version()
        if version != self._version:
            self._apis = await self.store.list_apis()
            self._version = version
        return issuer_metadata(
            IssuerFacts(
                self.issuer,
                scopes=tuple(scope for api in self._apis for scope in api.scopes),
                details_types=tuple(t for api in self._apis for t in api.settings.details_types),
                algorithms=self.keys.algorithms,
                features=self.features,
            )
        )


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
