"""StatusKeeper: holds what one issuer has revoked, by its stream and by its lists.

One thread reads the stream, where the issuer offers one. Another fetches lists: those that a token
names for the first time and, while no stream is to be had, the others by their `ttl`. Readers ask
the view, and wait for an `Attempt` only where it cannot answer. Knows no token but by reference.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial

from lingpai.errors import TokenError, UnknownKey
from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai.jose.header import parse_header
from lingpai.jose.jws import KeySource
from lingpai.jwt.status_list import StatusListToken, open_status_list
from lingpai.jwt.status_stream import Batch, open_batch
from lingpai.verifier.event_stream import EventReader
from lingpai.verifier.flows import FetchFailed
from lingpai.verifier.keeper import draw_jitter, steady_seconds
from lingpai.verifier.key_holder import Attempt, KeyHolder, new_attempt
from lingpai.verifier.status_fetch import NoSuchList, fetch_list_text
from lingpai.verifier.status_file import LEEWAY_SECONDS, StatusFile
from lingpai.verifier.status_recorder import StatusRecorder
from lingpai.verifier.status_threads import Connection, fetch_lists, read_streams
from lingpai.verifier.status_timing import StatusCounts, StatusTiming
from lingpai.verifier.status_view import StatusView
from lingpai.verifier.transport import Transport
from lingpai.verifier.waiting import block, wait_for_keys

__all__ = ["StatusKeeper"]

log = logging.getLogger("lingpai.verifier")

KEYS_SECONDS = 5.0
CLOSE_SECONDS = 10.0
MAX_RETRIES_REMEMBERED = 4096


class Renewal(FetchFailed):
    """A connection was ended on purpose, to begin it again where it was."""


class StatusKeeper:
    """Holds the statuses of one issuer. `on_kids` is told of signing keys that were revoked.

    `clock` is a steady one; `wall_clock` dates lists that come without a stream. Nothing runs
    before `follow` or `want` is called. Thread-safe; after a fork the child calls
    `reset_after_fork`.
    """

    def __init__(
        self,
        issuer: str,
        keys: KeyHolder,
        make_transport: Callable[[], Transport],
        on_kids: Callable[[frozenset[str]], None],
        *,
        timing: StatusTiming | None = None,
        file: StatusFile | None = None,
        clock: Callable[[], float] = steady_seconds,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self.view = StatusView()
        self.counts = StatusCounts()
        self.last_failure: str | None = None
        self.clock = clock
        self._keys = keys
        self._on_kids = on_kids
        self._timing = timing or StatusTiming()
        self._wall_clock = wall_clock
        self._make_transport = make_transport
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._stream_uri: str | None = None
        self._is_closed = False
        self._recorder: StatusRecorder | None = None
        if file is not None:
            self._recorder = StatusRecorder(file, clock, wall_clock, self._timing.save)
        self.reset_after_fork()
        self._restore()

    def _restore(self) -> None:
        """Know what an earlier process knew, if there are keys to check it with."""
        keys = self._keys.usable()
        if self._recorder is None or keys is None:
            return
        view = self._recorder.restore(keys)
        if view is None:
            return
        self.view = view
        if view.revoked_kids:
            self._on_kids(view.revoked_kids)

    def reset_after_fork(self) -> None:
        """In a forked child: no thread is here; what is known stays, and is as old as it is."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._wanted: dict[str, Attempt] = {}
        self._retry_at: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._transports: list[Transport] = []
        self._has_streamer = self._has_fetcher = False
        self._failures = 0
        if self._recorder is not None:
            self._recorder.reset_after_fork()

    # --- for readers --------------------------------------------------------------------------

    @property
    def offers_stream(self) -> bool:
        """Whether the issuer is known to stream its changes."""
        return self._stream_uri is not None

    def follow(self, stream_uri: str | None) -> None:
        """Follow the issuer's stream from now on, as its metadata say; None: it has none."""
        with self._lock:
            self._stream_uri = stream_uri
        self.start()

    def start(self) -> None:
        """Go on with what is known to be wanted: in a forked child nobody does."""
        with self._lock:
            if self._is_closed:
                return
            if self._stream_uri is not None and not self._has_streamer:
                self._start_streamer()
            if self.view.lists and not self._has_fetcher:
                self._start_fetcher()

    def want(self, uri: str) -> tuple[Attempt, float]:
        """An attempt to bring this list, shared by all who want it, and in how many seconds it
        begins: at once, unless the last one has just failed."""
        with self._lock:
            attempt = self._wanted.get(uri)
            if attempt is None:
                attempt = self._wanted[uri] = new_attempt()
            begins_in = max(0.0, self._retry_at.get(uri, 0.0) - self.clock())
            if self._is_closed:
                return attempt, math.inf
            if not self._has_fetcher:
                self._start_fetcher()
        self._wake.set()
        return attempt, begins_in

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` in the keeper's threads after each batch that changed anything, and after
        each list that was fetched. It has to be quick and may not raise."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def close(self) -> None:
        """Stop the threads and wait for them. May be called again."""
        with self._lock:
            self._is_closed = True
            threads, self._threads = self._threads, []
            waiting, self._wanted = list(self._wanted.values()), {}
        for attempt in waiting:
            attempt.set_result(False)
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in threads:
            while thread.is_alive() and time.monotonic() < deadline:
                _let_go(self._stop, self._wake, self._transports)
                thread.join(0.05)
        if threads and self._recorder is not None:
            self._recorder.save(self._uris)

    def _start_streamer(self) -> None:
        self._has_streamer = True
        transport = self._own(self._make_transport())
        self._run("lingpai-stream", read_streams, weakref.ref(self), transport, self._stop)

    def _start_fetcher(self) -> None:
        self._has_fetcher = True
        transport = self._own(self._make_transport())
        self._run(
            "lingpai-lists", fetch_lists, weakref.ref(self), transport, self._stop, self._wake
        )

    def _own(self, transport: Transport) -> Transport:
        self._transports.append(transport)
        weakref.finalize(self, _let_go, self._stop, self._wake, [transport]).atexit = False
        return transport

    def _run(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- the stream ---------------------------------------------------------------------------

    def begin_connection(self) -> Connection | None:
        """The next connection: with a nonce, which its first batch has to repeat."""
        if self._is_closed or self._stream_uri is None:
            return None
        nonce, now = base64url.encode(random_bytes(16)), self.clock()
        return Connection(
            uri=f"{self._stream_uri}?nonce={nonce}",
            nonce=nonce,
            resume=self.view.event_id,
            silence_seconds=self._timing.silence,
            asked_at=now,
            last_good=now,
            reader=EventReader(),
        )

    def take_chunk(self, chunk: bytes, connection: Connection) -> None:
        """Take the events that it completes. Raises TokenError, FetchFailed or ValueError."""
        for event in connection.reader.feed(chunk):
            if event.kind == "status":
                self._take(event.data, connection)
        if self.clock() - connection.last_good > self._timing.silence:
            raise FetchFailed(f"no status came for {self._timing.silence:.0f} s")

    def end_connection(self, connection: Connection, error: Exception) -> float:
        """Note why it ended; how long to wait, longer with each that brought nothing."""
        self._failures = 0 if connection.heard else self._failures + 1
        if not isinstance(error, Renewal):
            self._note_failure(error)
        timing = self._timing
        wait = timing.retry_first * 2.0 ** min(self._failures, 16)
        return min(timing.retry_max, wait) * draw_jitter()

    def _take(self, raw: str, connection: Connection) -> None:
        """One batch. Raises TokenError for one that is not the issuer's, FetchFailed for one that
        does not go on from here: the next connection will say what is missing."""
        batch, now = self._open(raw), self.clock()
        kids, version, anew = self.view.revoked_kids, self.view.version, False
        with self._lock:
            if connection.heard:
                if not self.view.advance(batch, now=now):
                    raise FetchFailed("the stream has a gap")
            elif not batch.is_snapshot or batch.nonce != connection.nonce:
                raise FetchFailed("the stream does not begin with an answer to this connection")
            else:
                anew = self.view.begin(batch, asked_at=connection.asked_at, now=now)
            if self._recorder is not None:
                self._recorder.note_batch(raw, batch, is_first=not connection.heard, anew=anew)
        if anew:
            self._wake.set()  # every list is due
        self.counts.connections += not connection.heard
        connection.heard, connection.last_good = True, now
        self.counts.batches += 1
        if self.view.revoked_kids != kids:
            self._on_kids(self.view.revoked_kids)
        if self.view.version is not version:
            self._tell_listeners()
        if self._recorder is not None:
            self._renew(self._recorder)

    def _renew(self, recorder: StatusRecorder) -> None:
        """Keep the record short and, while no thread fetches lists, on disk."""
        if not self._has_fetcher:
            recorder.save_if_due(self._uris)
        if recorder.wants_snapshot():
            raise Renewal("the stream is resumed, for a fresh snapshot")

    def _tell_listeners(self) -> None:
        for listener in self._listeners:
            listener()

    def _open(self, raw: str) -> Batch:
        try:
            return open_batch(raw, self._held_keys(), issuer=self.issuer, now=self._wall_clock())
        except UnknownKey:
            newer = self._newer_keys(raw)
            return open_batch(raw, newer, issuer=self.issuer, now=self._wall_clock())

    def _held_keys(self) -> KeySource:
        return block(wait_for_keys(self._keys, time.monotonic() + KEYS_SECONDS))

    def _newer_keys(self, raw: str) -> KeySource:
        """A key may have been made a moment ago; then its issuer publishes it by now."""
        asked = self._keys.ask_for(parse_header(raw.partition(".")[0].encode("ascii")).kid)
        if asked is not None:
            asked.attempt.exception(KEYS_SECONDS)
        return self._held_keys()

    def _note_failure(self, error: Exception) -> None:
        self.counts.failed += 1
        self.last_failure = str(error)

    @property
    def is_streaming(self) -> bool:
        """Whether the stream has vouched for what is known within the last seconds."""
        return self.clock() - self.view.stream_as_of <= self._timing.silence

    # --- lists --------------------------------------------------------------------------------

    def due_lists(self) -> list[str] | None:
        """The lists to fetch now; None after `close`."""
        if self._is_closed:
            return None
        now = self.clock()
        with self._lock:
            wanted = [uri for uri in self._wanted if self._retry_at.get(uri, 0.0) <= now]
            held = list(self.view.lists.items())
        renewed: list[str] = []
        if self._recorder is not None:
            self._recorder.save_if_due(self._uris)
            renewed = self._recorder.wanted_lists()
        polled = [
            uri
            for uri, each in held
            if each.due_at <= now
            and self._retry_at.get(uri, 0.0) <= now
            and not (each.follows and self.is_streaming)
        ]
        return list(dict.fromkeys((*wanted, *polled, *renewed)))

    def fetch_list(self, uri: str, transport: Transport) -> None:
        """One attempt. Whatever becomes of it, those who wait are told. Raises nothing."""
        succeeded = False
        try:
            self._fetch_list(uri, transport)
            succeeded = True
        except (FetchFailed, TokenError, ValueError) as error:
            self._note_failure(error)
        except Exception as error:  # a thread that died would fetch no list
            log.exception("an unforeseen error while fetching a status list")
            self._note_failure(error)
        finally:
            with self._lock:
                attempt = self._wanted.pop(uri, None)
                self._note_attempt(uri, succeeded=succeeded)
            if attempt is not None and not attempt.done():
                attempt.set_result(succeeded)

    def _fetch_list(self, uri: str, transport: Transport) -> None:
        try:
            body = fetch_list_text(uri, self.issuer, transport)
        except NoSuchList:
            self.view.note_missing(uri, self.clock() + self._timing.missing)
            raise
        token = self._open_list(uri, body)
        with self._lock:
            now = self.clock()
            self.view.take(token, as_of=self._as_of(token, now), due_at=now + self._ttl(token))
            if self._recorder is not None:
                self._recorder.note_list(body, token)
        self.counts.lists += 1
        self._tell_listeners()

    def _open_list(self, uri: str, body: bytes) -> StatusListToken:
        opened = partial(
            open_status_list,
            body,
            uri=uri,
            issuer=self.issuer,
            now=self._wall_clock(),
            leeway_seconds=LEEWAY_SECONDS,
        )
        try:
            return opened(keys=self._held_keys())
        except UnknownKey:
            return opened(keys=self._newer_keys(body.decode("latin-1")))

    def _as_of(self, token: StatusListToken, now: float) -> float:
        """When the list was true, on the steady clock."""
        told = self.view.moment_of(token.issued_at)
        if told is None:  # no stream ties the clocks together: they have to agree
            told = now - max(0.0, self._wall_clock() - token.issued_at)
        return min(now, told)

    def _uris(self) -> tuple[str, ...]:
        """The lists in use."""
        return tuple(self.view.lists)

    def _ttl(self, token: StatusListToken) -> float:
        timing = self._timing
        ttl = timing.list_default if token.ttl_seconds is None else token.ttl_seconds
        return min(max(ttl, timing.list_min), timing.list_max) * draw_jitter()

    def _note_attempt(self, uri: str, *, succeeded: bool) -> None:
        self._retry_at.pop(uri, None)
        if not succeeded:
            while len(self._retry_at) >= MAX_RETRIES_REMEMBERED:
                del self._retry_at[next(iter(self._retry_at))]
            self._retry_at[uri] = self.clock() + self._timing.list_retry

    def nap_seconds(self) -> float:
        """Until the next list may be due; whoever wants one wakes the thread."""
        return self._timing.list_retry if self._wanted or self.view.lists else math.inf


def _let_go(stop: threading.Event, wake: threading.Event, transports: list[Transport]) -> None:
    stop.set()
    wake.set()
    for transport in transports:
        transport.cancel()
