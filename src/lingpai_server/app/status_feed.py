"""StatusFeed: follows the store's statuses and tells all who listen; publishes the lists.

One batch is signed for everybody, whatever their number. A heartbeat says each second how fresh the
view is: it is made from a read of the store that succeeded just before, so that a process which has
lost its store has nothing to say and vouches for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from lingpai.jose.jws import SigningKey
from lingpai.jwt.status_list import sign_status_list
from lingpai.jwt.status_stream import Batch, sign_batch
from lingpai_server.app.clock import Clock, monotonic, now
from lingpai_server.core.ports import Store, StoreUnavailable
from lingpai_server.protocol.status_board import Place, StatusBoard, batch_id, read_place

LOG = logging.getLogger("lingpai.status")

POLL_SECONDS = 0.005
BEAT_SECONDS = 1.0
LIST_SECONDS = 900  # how long a list may be used by whoever hears nothing newer, or two ttls
_QUEUED = 64  # events that a slow reader may be behind
# What is signed for one reader, and what is signed once for all of them: RS256 costs us more and
# each of them less (a batch is read in 92 µs, where ES256 takes 167). The ring holds both.
_FOR_ONE, _FOR_ALL = "ES256", "RS256"


class StatusKeys(Protocol):
    """The part of the key ring that signs statuses."""

    def signing_key(self, algorithm: str) -> SigningKey:
        """The active key. Raises LookupError."""

    async def reload(self) -> bool:
        """Look for keys that another process made, or revoked."""


class TooManyListeners(Exception):
    """No more streams may be opened here now."""


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed list, true at `as_of` and with all changes up to `seq` in it. `etag` is with its
    quotes."""

    token: bytes
    etag: str
    as_of: float
    seq: int


class Listener:
    """One connection's events. Ends when it is closed, or is too slow to be told everything."""

    __slots__ = ("_ended", "_events", "_wake")

    def __init__(self, first: bytes) -> None:
        self._events = [first]
        self._ended = False
        self._wake = asyncio.Event()
        self._wake.set()

    def tell(self, event: bytes) -> bool:
        """Queue an event; False if it is so far behind that it hears no more."""
        if len(self._events) >= _QUEUED:
            self.close()
            return False
        self._events.append(event)
        self._wake.set()
        return True

    @property
    def pending(self) -> int:
        """How many events it has not been given yet."""
        return len(self._events)

    def close(self) -> None:
        """Let it hear nothing further. May be called again."""
        self._ended = True
        self._wake.set()

    async def events(self) -> AsyncIterator[bytes]:
        """What it is told, several events at once if it was slow."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._ended:
                return
            events, self._events = self._events, []
            yield b"".join(events)


@dataclass(slots=True)
class StatusFeed:
    """`run` goes on until it is cancelled. One instance serves all connections of a process."""

    store: Store
    keys: StatusKeys
    issuer: str
    list_ttl_seconds: int = 60
    max_listeners: int = 10_000
    clock: Clock = now
    steady: Clock = monotonic
    board: StatusBoard = field(init=False)
    _as_of: float = field(default=float("-inf"))
    _listeners: set[Listener] = field(default_factory=set)
    _lists: dict[str, PublishedList] = field(default_factory=dict)
    _making: dict[int, asyncio.Lock] = field(default_factory=dict)
    _following: asyncio.Lock = field(default_factory=asyncio.Lock)
    _problem: str = ""  # that the log has been told of
    _rolled_back: str = ""  # the epoch that the log has been told of

    def __post_init__(self) -> None:
        self.board = StatusBoard(self.issuer)

    # --- following the store ------------------------------------------------------------------

    async def run(self) -> NoReturn:
        """Follow and beat. A store that is away is told once, and waited for; a key likewise."""
        beat_at = self.steady() + BEAT_SECONDS
        while True:
            try:
                await self.follow()
                if self.steady() >= beat_at:
                    self._tell(self.board.beat(as_of=self._as_of))
                    beat_at = self.steady() + BEAT_SECONDS
                    self._problem = ""
            except StoreUnavailable as error:
                self._complain(f"statuses cannot be followed: {error}")
            except LookupError as error:
                self._complain(f"statuses cannot be signed: {error}")
            await asyncio.sleep(POLL_SECONDS)

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            LOG.error(problem)
        self._problem = problem

    async def follow(self, *, lists_too: bool = False) -> None:
        """Bring the board up to date, and tell of what is new. Raises StoreUnavailable."""
        async with self._following:
            as_of = self.clock()  # before the read: what is committed later is not in it
            mark = await self.store.load_status_mark()
            if lists_too or mark != (self.board.epoch, self.board.seq):
                await self._take(as_of)
            self._as_of = as_of

    async def _take(self, as_of: float) -> None:
        board = self.board
        after = board.seq if board.epoch else 0
        found = await self.store.load_status_changes(after, int(as_of))
        if board.epoch and (found.epoch != board.epoch or found.seq < board.seq):
            found = await self.store.load_status_changes(0, int(as_of))
            self._lists.clear()
        if found.kids != board.kids:
            await self.keys.reload()  # before anything is signed with a key that was revoked
            self._lists.clear()
        batch = board.take(found, as_of=as_of)
        if batch is not None:
            self._tell(batch)
            if batch.gap:
                self._end_all()

    # --- telling --------------------------------------------------------------------------------

    async def listen(self, *, last_event_id: str | None, nonce: str) -> Listener:
        """A new listener, told what it missed. Raises TooManyListeners, StoreUnavailable or
        LookupError."""
        if len(self._listeners) >= self.max_listeners:
            raise TooManyListeners
        await self.follow()  # so that the answer is newer than the question
        since = read_place(last_event_id)
        if since is not None and self.board.is_behind(since):
            self._tell_of_rollback(since)
        snapshot = self.board.snapshot(since, nonce=nonce, as_of=self._as_of)
        listener = Listener(self._sign(snapshot, _FOR_ONE))
        self._listeners.add(listener)
        return listener

    def _tell_of_rollback(self, since: Place) -> None:
        """Once: all verifiers are going to say the same."""
        if self._rolled_back != since.epoch:
            LOG.error(
                "a verifier has seen change %d of epoch %s, and this database knows only %d: if it"
                " was restored from a backup, begin a new epoch: lingpai status new-epoch",
                since.seq,
                since.epoch,
                self.board.seq,
            )
        self._rolled_back = since.epoch

    def leave(self, listener: Listener) -> None:
        """Forget a listener. May be called again."""
        listener.close()
        self._listeners.discard(listener)

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners)

    def _tell(self, batch: Batch) -> None:
        if not self._listeners:
            return
        event = self._sign(batch, _FOR_ALL)
        slow = [listener for listener in self._listeners if not listener.tell(event)]
        self._listeners.difference_update(slow)
        if slow:
            LOG.warning("%d verifiers are too slow to follow, and were cut off", len(slow))

    def _end_all(self) -> None:
        """They come back, and are told where to go on."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def _sign(self, batch: Batch, algorithm: str) -> bytes:
        raw = sign_batch(batch, self._key(algorithm), issuer=self.issuer)
        return f"event: status\nid: {batch_id(batch)}\ndata: {raw}\n\n".encode("ascii")

    def _key(self, algorithm: str) -> SigningKey:
        """The active key. Raises LookupError, also for one that is revoked: the ring keeps it where
        the keys that came after it cannot be opened."""
        key = self.keys.signing_key(algorithm)
        if key.kid in self.board.kids:
            raise LookupError(f"the key {key.kid} is revoked, and the ring has no other")
        return key

    # --- the lists ------------------------------------------------------------------------------

    async def uris(self) -> list[str]:
        """Every list that there is. Raises StoreUnavailable."""
        await self.follow(lists_too=True)
        return [self.board.uri(list_no) for list_no in range(1, self.board.lists + 1)]

    async def publish(self, list_id: str) -> PublishedList | None:
        """A list as it is now; None for a name that no list has. Raises StoreUnavailable or
        LookupError."""
        await self.follow()
        list_no = self.board.find_list(list_id)
        if list_no is None:
            await self.follow(lists_too=True)  # a token may point to one that was begun just now
            list_no = self.board.find_list(list_id)
        if list_no is None:
            return None
        async with self._making.setdefault(list_no, asyncio.Lock()):
            return await self._publish(list_no)

    async def _publish(self, list_no: int) -> PublishedList:
        """The same again unless anything has changed, or half of its time is over.

        A change elsewhere counts: whoever has just begun to follow the stream wants a list that is
        no older than its beginning. It is dated by the store: nobody else knows that it is true.
        """
        uri, as_of = self.board.uri(list_no), self._as_of
        made, epoch, seq = self._lists.get(uri), self.board.epoch, self.board.seq
        if made is not None and made.seq == seq and as_of - made.as_of < self.list_ttl_seconds / 2:
            return made
        key = self._key(_FOR_ONE)
        token = await asyncio.to_thread(  # compressing takes a millisecond and more
            sign_status_list,
            self.board.read_list(list_no),
            key,
            uri=uri,
            issuer=self.issuer,
            now=int(as_of),
            expires_at=int(as_of) + max(LIST_SECONDS, 2 * self.list_ttl_seconds),
            ttl_seconds=self.list_ttl_seconds,
            claims={"seq": seq, "epoch": epoch},
        )
        etag = f'"{epoch}-{list_no}.{seq}.{int(as_of)}"'
        made = PublishedList(token.encode("ascii"), etag, as_of, seq)
        self._lists[uri] = made
        return made
