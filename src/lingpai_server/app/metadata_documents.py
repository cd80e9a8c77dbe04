"""MetadataDocuments: brings in the clients that are known by the URL of their metadata.

The `ClientResolver` of app/ports.py. A document is kept for as long as it says, within bounds; an
answer that is none is never kept. Refuses to know what the client wants.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lingpai_server.app.client_keys import Getter
from lingpai_server.app.clock import Clock, now
from lingpai_server.app.fetching import Fetched
from lingpai_server.app.outgoing import FetchFailed, FetchRefused
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.registration import fetch_sector, load_opened
from lingpai_server.core.client_settings import ClientOrigin
from lingpai_server.core.effects import CreateClient, Effect, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import ReplaceClient
from lingpai_server.core.ports import AlreadyExists, StaleState, Store
from lingpai_server.core.records import Client, Event
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.metadata_document import (
    DOCUMENT_METHODS,
    MAX_DOCUMENT_BYTES,
    document_client,
    is_json,
    is_url,
    kept_seconds,
    merge_document,
    parse_document,
    parse_document_url,
)
from lingpai_server.protocol.registration import RegistrationPolicy
from lingpai_server.protocol.registration_request import Choices, Registration
from lingpai_server.protocol.web_url import WebUrl

LOG = logging.getLogger("lingpai.registration")

STALE_SECONDS = 86_400  # how long a document still counts that cannot be had for the moment
HOST_FETCHES = 30  # a minute: nobody uses this server to pester another
_HOST_SECONDS = 60
_MAX_KNOWN = 4096


class _Unavailable(Exception):
    """There was no answer, which says nothing about the client."""


class _NoClient(Exception):
    """There was one, and there is no client at that URL. The message says why."""


@dataclass(slots=True)
class MetadataDocuments:
    """One instance serves every request of a process."""

    store: Store
    keys: KeyRing
    getter: Getter
    policy: RegistrationPolicy = field(default_factory=RegistrationPolicy)
    clock: Clock = now
    _fresh_until: OrderedDict[str, float] = field(default_factory=OrderedDict)
    _under_way: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    _fetches: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)

    async def resolve_client(self, client_id: str) -> bool:
        """Whether there is such a client, as far as its document says. Raises StoreUnavailable."""
        if not is_url(client_id):
            return True
        url = parse_document_url(client_id)
        if url is None or not self._is_open_to(url):
            return False
        known = await self.store.load_client(client_id)
        if known is not None and not self._has_to_ask(known):
            return True
        return await self._ask_once(client_id, url)

    def _is_open_to(self, url: WebUrl) -> bool:
        hosts = self.policy.metadata_hosts
        return self.policy.metadata_documents and (not hosts or url.host in hosts)

    def _has_to_ask(self, known: Client) -> bool:
        """Not for one that an operator disabled, nor before the document is due."""
        if known.disabled or known.settings.origin is not ClientOrigin.METADATA_DOCUMENT:
            return False
        stored = known.settings.document_expires_at or 0
        return self.clock() >= max(stored, self._fresh_until.get(known.client_id, 0))

    async def _ask_once(self, client_id: str, url: WebUrl) -> bool:
        """Many may want to know at once; one goes, and goes on when the first of them leaves."""
        task = self._under_way.get(client_id)
        if task is None:
            task = asyncio.create_task(self._resolve(client_id, url))
            self._under_way[client_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(client_id, None))
        return await asyncio.shield(task)

    async def _resolve(self, client_id: str, url: WebUrl) -> bool:
        try:
            answer = await self._fetch(client_id, url)
            registration = await self._read(client_id, answer)
        except _Unavailable as error:
            LOG.warning("client %s: %s", client_id, error)
            return await self._is_still_good(client_id)
        except _NoClient as error:
            LOG.warning("client %s is none: %s", client_id, error)
            await self._forget(client_id)
            return False
        await self._keep(client_id, url, registration, kept_seconds(answer.max_age_seconds))
        return True

    async def _fetch(self, client_id: str, url: WebUrl) -> Fetched:
        if not self._may_fetch_from(url.host):
            raise _Unavailable(f"{url.host} was asked too often")
        try:
            answer = await self.getter.get(
                client_id, accept="application/json", max_bytes=MAX_DOCUMENT_BYTES
            )
        except FetchRefused as error:
            raise _NoClient(str(error)) from error
        except FetchFailed as error:
            raise _Unavailable(str(error)) from error
        if answer.status >= 500 or answer.status == 429:
            raise _Unavailable(f"status {answer.status}")
        if answer.status != 200 or not is_json(answer.content_type):
            kind = answer.content_type or "not given"
            raise _NoClient(f"status {answer.status}, content type {kind}")
        return answer

    async def _read(self, client_id: str, answer: Fetched) -> Registration:
        policy = self.policy
        choices = Choices(
            profiles=policy.profiles,
            grant_types=policy.grant_types,
            auth_methods=DOCUMENT_METHODS,
            signing=self.keys.algorithms,
            loopback=policy.loopback,
        )
        read = parse_document(answer.body, client_id, choices)
        if isinstance(read, Refusal):
            raise _NoClient(read.description)
        refusal = await fetch_sector(self.getter, read)
        if refusal is not None:
            raise _NoClient(refusal.description)
        return read

    async def _keep(
        self, client_id: str, url: WebUrl, registration: Registration, seconds: int
    ) -> None:
        """In the store what is new; that it was looked at, in memory."""
        at = self.clock()
        published = document_client(
            url,
            client_id,
            registration,
            await load_opened(self.store, self.policy),
            expires_at=int(at) + seconds,
            now=at,
        )
        known = await self.store.load_client(client_id)
        await self._apply(_effects(known, published, now=at))
        self._fresh_until[client_id] = at + seconds
        self._fresh_until.move_to_end(client_id)
        if len(self._fresh_until) > _MAX_KNOWN:
            self._fresh_until.popitem(last=False)

    async def _forget(self, client_id: str) -> None:
        """What is gone does not count as a document that cannot be had for the moment."""
        self._fresh_until.pop(client_id, None)
        known = await self.store.load_client(client_id)
        if known is not None and known.settings.document_expires_at:
            settings = replace(known.settings, document_expires_at=0)
            await self._apply((ReplaceClient(replace(known, settings=settings)),))

    async def _apply(self, effects: tuple[Effect, ...]) -> None:
        with suppress(StaleState, AlreadyExists):  # another process read it at the same moment
            if effects:
                await self.store.apply(effects)

    async def _is_still_good(self, client_id: str) -> bool:
        """A document that was there a while ago still counts while its host cannot be reached."""
        known = await self.store.load_client(client_id)
        if known is None:
            return False
        stored = known.settings.document_expires_at or 0
        fresh_until = max(stored, self._fresh_until.get(client_id, 0))
        return self.clock() < fresh_until + STALE_SECONDS

    def _may_fetch_from(self, host: str) -> bool:
        at = self.clock()
        began, count = self._fetches.pop(host, (at, 0))
        if at - began >= _HOST_SECONDS:
            began, count = at, 0
        self._fetches[host] = (began, count + 1)
        if len(self._fetches) > _MAX_KNOWN:
            self._fetches.popitem(last=False)
        return count < HOST_FETCHES


def _effects(known: Client | None, published: Client, *, now: float) -> tuple[Effect, ...]:
    if known is None:
        kind = EventKind.CLIENT_REGISTERED
        return (CreateClient(published), Record(Event(kind, now, client_id=published.client_id)))
    merged = merge_document(known, published)
    if merged is None:
        return ()
    kind = EventKind.CLIENT_REPLACED
    return (ReplaceClient(merged), Record(Event(kind, now, client_id=published.client_id)))
