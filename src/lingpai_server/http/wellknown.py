"""The endpoints that anyone may read: metadata, keys, health. They change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lingpai.jose import base64url, strict_json
from lingpai.jose.crypto import sha256
from lingpai_server.app.standing import Metadata, Readiness
from lingpai_server.http.answers import Answer, json_answer
from lingpai_server.http.conditional import matches
from lingpai_server.http.exchange import Exchange

# Verifiers refresh long before this. The key ring publishes a key for longer before it signs.
_CACHE_SECONDS = 300


class PublishedKeys(Protocol):
    """The JWKS document as bytes, and its entity tag."""

    @property
    def jwks(self) -> bytes:
        """RFC 7517 section 5."""

    @property
    def jwks_etag(self) -> str:
        """With its quotes."""


class PublishedRing(Protocol):
    """Whoever holds the newest keys."""

    @property
    def ring(self) -> PublishedKeys:
        """The newest."""


@dataclass(frozen=True, slots=True)
class WellKnown:
    """One method an endpoint."""

    metadata: Metadata
    readiness: Readiness
    keys: PublishedRing

    async def document(self, exchange: Exchange) -> Answer:
        """GET /.well-known/oauth-authorization-server and openid-configuration (RFC 8414 section 3,
        OpenID Connect Discovery 1.0 section 4)."""
        return _document(exchange, strict_json.encode(dict(await self.metadata())))

    async def jwks(self, exchange: Exchange) -> Answer:
        """GET /jwks (RFC 7517 section 5)."""
        ring = self.keys.ring
        return _document(exchange, ring.jwks, ring.jwks_etag)

    async def healthz(self, _exchange: Exchange) -> Answer:
        """GET /healthz: the process answers, whatever it is that it could say."""
        return json_answer(200, {"status": "ok"})

    async def readyz(self, _exchange: Exchange) -> Answer:
        """GET /readyz: requests can be answered."""
        reason = await self.readiness.why_not()
        if reason is None:
            return json_answer(200, {"status": "ready"})
        return json_answer(503, {"status": "not ready", "reason": reason})


def _document(exchange: Exchange, body: bytes, etag: str | None = None) -> Answer:
    """A public document that may be kept for a while, and asked for again by its tag."""
    tag = etag or f'"{base64url.encode(sha256(body)[:12])}"'
    headers = (("cache-control", f"public, max-age={_CACHE_SECONDS}"), ("etag", tag))
    if matches(exchange.list_header("if-none-match"), tag):
        return Answer(304, headers, b"")
    return Answer(200, (("content-type", "application/json"), *headers), body)
