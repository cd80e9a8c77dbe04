"""LiveClientKeys: the public keys of clients, by value or fetched from where they publish them.

What was fetched is kept for a while, asked for again when a key is missing, though not in a hurry,
and still used for a while when it cannot be had. Refuses to know what the keys are for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from lingpai.errors import InvalidKey
from lingpai.jose.key_set import KeySet
from lingpai_server.app.clock import Clock, monotonic
from lingpai_server.app.fetching import Fetched
from lingpai_server.app.outgoing import FetchError
from lingpai_server.core.records import Client
from lingpai_server.protocol.client_jwks import read_client_jwks

MAX_JWKS_BYTES = 65_536
MAX_KNOWN = 1024  # clients whose keys are kept at one time, of either kind
DEFAULT_SECONDS = 600
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 86_400
STALE_SECONDS = 3600  # how long past that, where they cannot be had
COOL_DOWN_SECONDS = 30  # between two requests to one address, whoever asks for what
_ACCEPT = "application/jwk-set+json, application/json"


class Getter(Protocol):
    """The part of `Fetcher` that is needed."""

    async def get(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
        """The answer to one GET. Raises FetchError."""


@dataclass(slots=True)
class _Published:
    """What one address last answered. Times are on the clock of `LiveClientKeys`."""

    keys: KeySet | None = None
    fresh_until: float = float("-inf")
    tried_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LiveClientKeys:
    """The `ClientKeys` of app/ports.py. One instance serves every request of a process."""

    def __init__(self, fetcher: Getter, clock: Clock = monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._by_value: OrderedDict[str, KeySet | None] = OrderedDict()
        self._by_uri: OrderedDict[str, _Published] = OrderedDict()

    async def keys_of(self, client: Client, *, fresh: bool = False) -> KeySet | None:
        """The keys that the client registered; None if it has none, or they cannot be had now."""
        if client.settings.jwks is not None:
            return self._read(client.settings.jwks)
        if client.settings.jwks_uri is not None:
            return await self._published(client.settings.jwks_uri, fresh=fresh)
        return None

    def _read(self, text: str) -> KeySet | None:
        if text not in self._by_value:
            self._by_value[text] = _read_or_none(text)
            _forget_oldest(self._by_value)
        self._by_value.move_to_end(text)
        return self._by_value[text]

    async def _published(self, uri: str, *, fresh: bool) -> KeySet | None:
        if uri not in self._by_uri:
            self._by_uri[uri] = _Published()
            _forget_oldest(self._by_uri)
        self._by_uri.move_to_end(uri)
        published = self._by_uri[uri]
        if self._is_due(published, fresh=fresh):
            async with published.lock:  # many may ask at once, one goes
                if self._is_due(published, fresh=fresh):
                    await self._fetch(uri, published)
        usable = self._clock() < published.fresh_until + STALE_SECONDS
        return published.keys if usable else None

    def _is_due(self, published: _Published, *, fresh: bool) -> bool:
        at = self._clock()
        if at - published.tried_at < COOL_DOWN_SECONDS:
            return False
        return fresh or at >= published.fresh_until

    async def _fetch(self, uri: str, published: _Published) -> None:
        """Takes the place of what was there only if it is a JWKS."""
        try:
            answer = await self._fetcher.get(uri, accept=_ACCEPT, max_bytes=MAX_JWKS_BYTES)
        except FetchError:
            return
        finally:
            published.tried_at = self._clock()
        keys = _read_or_none(answer.body) if answer.status == 200 else None
        if keys is None:
            return
        kept = DEFAULT_SECONDS if answer.max_age_seconds is None else answer.max_age_seconds
        kept_seconds = min(max(kept, SHORTEST_SECONDS), LONGEST_SECONDS)
        published.keys, published.fresh_until = keys, self._clock() + kept_seconds


def _read_or_none(text: str | bytes) -> KeySet | None:
    try:
        return read_client_jwks(text)
    except InvalidKey:
        return None


def _forget_oldest(known: OrderedDict[str, KeySet | None] | OrderedDict[str, _Published]) -> None:
    while len(known) > MAX_KNOWN:
        known.popitem(last=False)
