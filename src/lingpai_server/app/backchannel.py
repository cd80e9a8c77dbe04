"""LogoutTeller: tells clients of sessions that have ended (Back-Channel Logout 1.0).

A notice is claimed in the store before its client is called, and the claim says when the next
attempt is due: whatever happens to this process, another one takes it up. Refuses to know why a
session ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from lingpai_server.app.clock import Clock, monotonic, now
from lingpai_server.app.entropy import draw_identifier
from lingpai_server.app.issuing import with_subject_of
from lingpai_server.app.outgoing import FetchFailed, FetchRefused
from lingpai_server.app.ports import KeyRing
from lingpai_server.core.flow_records import LogoutNotice
from lingpai_server.core.ports import NotFound, StaleState, Store, StoreUnavailable
from lingpai_server.protocol.backchannel import (
    LOGOUT_TOKEN_TYP,
    NotTold,
    Telling,
    build_logout_token,
    claim_notice,
    conclude_notice,
    read_status,
    where_to_tell,
)
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.subjects import sector_of

LOG = logging.getLogger("lingpai.logout")

POLL_SECONDS = 0.05  # for something new in the store; a poll costs microseconds
LOOK_SECONDS = 1.0  # for what was put off until now
ATTEMPT_SECONDS = 4.0  # less than the shortest claim, so that two attempts never overlap
PARALLEL = 128
PARALLEL_TO_CLIENT = 8
PARALLEL_TO_FAILING_CLIENT = 1


class Poster(Protocol):
    """The part of `Fetcher` that is needed."""

    async def post_form(self, url: str, form: dict[str, str]) -> int:
        """The status that one POST is answered with. Raises FetchError."""


@dataclass(slots=True)
class LogoutTeller:
    """`run` goes on until it is cancelled. No client waits for a slow one: each has a share of its
    own, which shrinks while it does not answer."""

    store: Store
    keys: KeyRing
    poster: Poster
    policy: IssuePolicy
    clock: Clock = now
    _busy: Counter[str] = field(default_factory=Counter)
    _failing: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _free: asyncio.Event = field(default_factory=asyncio.Event)
    _version: int | None = None
    _looked_at: float = float("-inf")
    _is_away: bool = False

    async def run(self) -> NoReturn:
        """Look for notices whenever something changed or may be due, and send them."""
        try:
            while True:
                await self._turn()
                await self._pause()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _turn(self) -> None:
        """A store that is away for a while is told once, and waited for."""
        try:
            if await self._has_reason_to_look():
                await self._look()
            self._is_away = False
        except StoreUnavailable as error:
            if not self._is_away:
                LOG.error("the store is away: %s", error)  # noqa: TRY400 - its message says it all
            self._is_away = True

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._free.wait()
        except TimeoutError:
            pass

    async def _has_reason_to_look(self) -> bool:
        version, at = await self.store.data_version(), monotonic()
        is_new = version != self._version or self._free.is_set()
        if not is_new and at - self._looked_at < LOOK_SECONDS:
            return False
        self._free.clear()
        self._version, self._looked_at = version, at
        return True

    async def _look(self) -> None:
        """Take up what there is room for, again and again while that is something."""
        while (room := PARALLEL - len(self._tasks)) > 0:
            full = [client_id for client_id in self._busy if not self._has_room(client_id)]
            notices = await self.store.load_logout_notices(
                int(self.clock()), room, skip_clients=full
            )
            chosen = [notice for notice in notices if self._reserve(notice)]
            if not chosen:
                return
            await asyncio.gather(*map(self._take, chosen))

    def _has_room(self, client_id: str) -> bool:
        failing = client_id in self._failing
        share = PARALLEL_TO_FAILING_CLIENT if failing else PARALLEL_TO_CLIENT
        return self._busy[client_id] < share

    def _reserve(self, notice: LogoutNotice) -> bool:
        client_id = notice.client.client_id
        if not self._has_room(client_id):
            return False
        self._busy[client_id] += 1
        return True

    def _release(self, notice: LogoutNotice) -> None:
        client_id = notice.client.client_id
        self._busy[client_id] -= 1
        if not self._busy[client_id]:
            del self._busy[client_id]

    async def _take(self, notice: LogoutNotice) -> None:
        """Claim it and begin, unless another process was there first."""
        try:
            await self.store.apply([claim_notice(notice, now=self.clock())])
        except (StaleState, NotFound):
            self._release(notice)
            return
        except StoreUnavailable:
            self._release(notice)
            raise
        task = asyncio.create_task(self._deliver(notice))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._settle(done, notice))

    def _settle(self, task: asyncio.Task[None], notice: LogoutNotice) -> None:
        """A fault in one delivery stops no other; the claim sees to it that it is tried again."""
        self._tasks.discard(task)
        self._release(notice)
        self._free.set()
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            LOG.error("a delivery to %s failed", notice.client.client_id, exc_info=fault)

    async def _deliver(self, notice: LogoutNotice) -> None:
        telling = await self._tell(notice)
        client_id = notice.client.client_id
        if isinstance(telling, NotTold):
            self._failing.add(client_id)
            LOG.warning("client %s was not told of a logout: %s", client_id, telling.reason)
        else:
            self._failing.discard(client_id)
        effects = conclude_notice(notice, telling, now=self.clock())
        try:
            if effects:
                await self.store.apply(effects)
        except (StaleState, NotFound):  # it was late, and somebody else has taken over
            pass
        except StoreUnavailable as error:
            LOG.warning(
                "a logout that client %s was told of may be told again: %s", client_id, error
            )

    async def _tell(self, notice: LogoutNotice) -> Telling:
        uri = where_to_tell(notice.client)
        if isinstance(uri, NotTold):
            return uri
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                token = await self._sign(notice)
                return read_status(await self.poster.post_form(uri, {"logout_token": token}))
        except TimeoutError:
            return NotTold("no_answer_in_time")
        except FetchRefused as error:
            return NotTold(str(error), final=True)
        except FetchFailed as error:
            return NotTold(str(error))
        except LookupError as error:  # a signing key that is not there yet
            return NotTold(str(error))

    async def _sign(self, notice: LogoutNotice) -> str:
        """Signed as the client's ID tokens are (section 2.4)."""
        client = notice.client
        claims = build_logout_token(
            self.policy.issuer,
            client,
            notice.session,
            now=self.clock(),
            jti=draw_identifier(),
        )
        return await self.keys.sign(
            with_subject_of(sector_of(client), claims, self.keys),
            algorithm=client.settings.id_token_alg,
            audience=client.client_id,
            typ=LOGOUT_TOKEN_TYP,
        )
