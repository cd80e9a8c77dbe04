"""The endpoints that verifiers follow: status lists, their directory, and the stream of changes."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache

from lingpai.jwt.status_list import STATUS_LIST_TYP
from lingpai_server.app.status_feed import StatusFeed, TooManyListeners
from lingpai_server.http.answers import Answer, Streamed, error_answer, json_answer
from lingpai_server.http.conditional import matches
from lingpai_server.http.exchange import Exchange

LIST_TYPE = f"application/{STATUS_LIST_TYP}"
_MAX_NONCE_CHARS = 128
_NONCE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_GZIPPED_LISTS = 64
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Statuses:
    """One method an endpoint."""

    feed: StatusFeed

    async def directory(self, _exchange: Exchange) -> Answer:
        """GET /status-lists: every list (Token Status List section 9.3)."""
        return json_answer(200, {"status_lists": await self.feed.uris()}, self._caching)

    async def one_list(self, exchange: Exchange) -> Answer:
        """GET /status-lists/{id} (Token Status List section 8.1)."""
        found = await self.feed.publish(exchange.leaf)
        if found is None:
            return error_answer(404, "not_found", "There is no such status list.")
        zipped = _accepts_gzip(exchange.list_header("accept-encoding"))
        # a strong tag is of one encoding (RFC 9110 section 8.8.3.3)
        etag = f'{found.etag[:-1]}.gz"' if zipped else found.etag
        headers = (*self._caching, ("etag", etag), ("vary", "accept-encoding"))
        if matches(exchange.list_header("if-none-match"), etag):
            return Answer(304, headers, b"")
        body = found.token
        if zipped:
            body, headers = _gzip(body), (*headers, ("content-encoding", "gzip"))
        return Answer(200, (("content-type", LIST_TYPE), *headers), body)

    async def stream(self, exchange: Exchange) -> Answer | Streamed:
        """GET /status-lists/stream: server-sent events, each a signed batch. The `nonce` comes
        back in the first, which so is newer than the request."""
        nonce = exchange.read_query().get("nonce", "")
        if len(nonce) > _MAX_NONCE_CHARS or not _NONCE_CHARACTERS.issuperset(nonce):
            return error_answer(400, "invalid_request", "The nonce is too long, or no nonce.")
        last_event_id = exchange.header("last-event-id")
        try:
            listener = await self.feed.listen(last_event_id=last_event_id, nonce=nonce)
        except TooManyListeners:
            return error_answer(
                503,
                "temporarily_unavailable",
                "Too many verifiers follow this process. Try again later, or fetch the lists.",
                (("retry-after", str(_RETRY_SECONDS)),),
            )
        headers = (
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),  # nginx would keep events until it has many
        )
        return Streamed(200, headers, listener.events(), lambda: self.feed.leave(listener))

    @property
    def _caching(self) -> tuple[tuple[str, str], ...]:
        return (("cache-control", f"public, max-age={self.feed.list_ttl_seconds}"),)


def _accepts_gzip(codings: list[str]) -> bool:
    """RFC 9110 section 12.5.3, as far as gzip is named; a weight of nought refuses it."""
    for coding in codings:
        name, _, weight = coding.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


@lru_cache(_GZIPPED_LISTS)
def _gzip(body: bytes) -> bytes:
    """Base64 in a signed token: a quarter of it goes."""
    return gzip.compress(body, 6, mtime=0)
