"""A stream over a real socket: events as they come, and an end to it in bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Queue

import pytest
from tests.support.timing import eventually
from tests.support.wire import Talk, read_request, server

from lingpai.verifier.event_stream import EventReader
from lingpai.verifier.flows import FetchFailed, Get
from lingpai.verifier.transport import HttpTransport

SSE = "text/event-stream"
PROMPTLY_SECONDS = 3.0
LONG_SECONDS = 30.0  # whoever waits so long has failed

# How a server marks the end of a stream: by chunks, by its end, and after it was asked to close.
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UNFRAMED = b""
CLOSING = CHUNKED + b"Connection: close\r\n"

framings = pytest.mark.parametrize("framing", [CHUNKED, UNFRAMED, CLOSING])


class Source:
    """A server of one stream, whose test says what comes next: bytes, or None for its end."""

    def __init__(self, framing: bytes = CHUNKED, *, kind: str = SSE, status: int = 200) -> None:
        head = f"HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nLocation: /elsewhere\r\n"
        self.head = head.encode() + framing + b"\r\n"
        self.is_chunked = framing.startswith(CHUNKED)
        self.sent: Queue[bytes | None] = Queue()
        self.requests: list[bytes] = []
        self.is_over = threading.Event()

    def __call__(self, talk: Talk) -> None:
        try:
            self.requests.append(read_request(talk))
            talk.sendall(self.head)
            while (data := self.sent.get(timeout=LONG_SECONDS)) is not None:
                talk.sendall(b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data)
        except OSError:
            return  # the reader has gone
        finally:
            self.is_over.set()

    def end(self) -> None:
        """Say the last word, as a server does that is told to stop."""
        if self.is_chunked:
            self.sent.put(b"")
        self.sent.put(None)


@contextmanager
def streaming(
    source: Source,
    *,
    silence_seconds: float = LONG_SECONDS,
    last_event_id: str | None = None,
    transport: HttpTransport | None = None,
) -> Iterator[Iterator[bytes]]:
    """The chunks of a source's stream."""
    line = transport or HttpTransport(timeout_seconds=LONG_SECONDS)
    with server(source) as url:
        try:
            request = Get(url, accept=SSE)
            with line.stream(
                request, last_event_id=last_event_id, silence_seconds=silence_seconds
            ) as chunks:
                yield chunks
        finally:
            source.sent.put(None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if the block takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def fails(
    source: Source,
    act: Callable[[Iterator[bytes]], object],
    *,
    match: str | None = None,
    silence_seconds: float = LONG_SECONDS,
) -> None:
    """What a reader does with the stream has to end in FetchFailed."""
    with (
        within(LONG_SECONDS / 2),
        pytest.raises(FetchFailed, match=match),
        streaming(source, silence_seconds=silence_seconds) as chunks,
    ):
        act(chunks)


# --- events -------------------------------------------------------------------------------------


@framings
def test_each_event_is_here_before_the_next_is_sent(framing: bytes) -> None:
    source, reader = Source(framing), EventReader()
    with streaming(source) as chunks:
        for word in ("one", "two", "three"):
            source.sent.put(f"data: {word}\n\n".encode())
            with within(PROMPTLY_SECONDS):
                (event,) = reader.feed(next(chunks))
            assert event.data == word


def test_an_event_in_pieces_is_put_together() -> None:
    source, reader = Source(), EventReader()
    with streaming(source) as chunks:
        for piece in (b"id: 7\nda", b"ta: x\r", b"\n", b"\n"):
            source.sent.put(piece)
        event = next(event for chunk in chunks for event in reader.feed(chunk))
    assert (event.id, event.data) == ("7", "x")


def test_a_large_event_comes_whole() -> None:
    source, reader = Source(), EventReader()
    text = "x" * 3_000_000
    source.sent.put(f"data: {text}\n\n".encode())
    with streaming(source) as chunks, within(LONG_SECONDS / 2):
        (event,) = next(found for chunk in chunks if (found := list(reader.feed(chunk))))
    assert event.data == text


def test_the_request_says_where_to_go_on_and_wants_no_copy_from_a_cache() -> None:
    source = Source()
    with streaming(source, last_event_id="epoch.7"):
        pass
    lines = source.requests[0].decode().lower().split("\r\n")
    assert {"last-event-id: epoch.7", "cache-control: no-store", f"accept: {SSE}"} <= {*lines}
    assert not any(line.startswith(("cookie", "authorization")) for line in lines)


# --- what ends it -------------------------------------------------------------------------------


@framings
def test_a_stream_that_falls_silent_is_given_up(framing: bytes) -> None:
    source = Source(framing)
    source.sent.put(b": hello\n\n")
    fails(source, list, silence_seconds=0.2, match="imed out")


@framings
def test_cancel_from_another_thread_ends_a_wait_at_once(framing: bytes) -> None:
    source, transport = Source(framing), HttpTransport()
    source.sent.put(b": hello\n\n")
    with (
        within(PROMPTLY_SECONDS),
        suppress(FetchFailed),  # a stream without chunks has an end that is no error
        streaming(source, transport=transport) as chunks,
    ):
        next(chunks)
        threading.Timer(0.05, transport.cancel).start()
        list(chunks)


@framings
def test_whoever_stops_reading_hangs_up(framing: bytes) -> None:
    source = Source(framing)
    source.sent.put(b": one\n\n")
    with streaming(source) as chunks:
        next(chunks)
    for _ in range(20):
        source.sent.put(b": more\n\n" * 10_000)
    eventually(source.is_over.is_set)


def test_a_stream_that_its_server_ends_is_over() -> None:
    source = Source()
    source.sent.put(b": last\n\n")
    source.end()
    with streaming(source) as chunks:
        assert b"".join(chunks) == b": last\n\n"


def test_a_server_that_is_gone_in_the_middle_of_an_event_is_a_failure() -> None:
    source = Source()
    source.sent.put(b"data: hal")
    source.sent.put(None)
    fails(source, list)


def test_a_chunk_that_is_cut_short_is_a_failure() -> None:
    source = Source(UNFRAMED)
    source.head = source.head.replace(b"\r\n\r\n", b"\r\n" + CHUNKED + b"\r\n")
    source.sent.put(b"40\r\ndata: hal")
    source.sent.put(None)
    fails(source, list)


def test_what_the_reader_finds_wrong_ends_the_stream_as_a_failure() -> None:
    source, reader = Source(), EventReader(max_bytes=1000)
    source.sent.put(b"data: " + b"x" * 2000)
    fails(source, lambda chunks: [list(reader.feed(chunk)) for chunk in chunks], match="larger")


# --- what is no stream --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, SSE),  # RFC 8725 section 3.10: a redirect would lead anywhere
        (307, SSE),
        (204, SSE),
        (401, SSE),
        (404, "text/html"),
        (503, SSE),
        (200, "text/html"),
        (200, "application/json"),
        (200, "text/event-stream-not"),
    ],
)
def test_an_answer_that_is_no_stream_is_refused(status: int, kind: str) -> None:
    source = Source(status=status, kind=kind)
    fails(source, list, match=f"status {status}, content type {kind}")
    assert len(source.requests) == 1


def test_parameters_of_the_content_type_do_not_matter() -> None:
    source = Source(kind="Text/Event-Stream; charset=utf-8")
    source.sent.put(b": hello\n\n")
    with streaming(source) as chunks:
        assert next(chunks) == b": hello\n\n"


def test_a_server_that_never_answers_is_given_up() -> None:
    def hang(talk: Talk) -> None:
        read_request(talk)
        talk.recv(1)  # until the other side hangs up

    transport = HttpTransport(timeout_seconds=0.2)
    with (
        server(hang) as url,
        within(LONG_SECONDS / 2),
        pytest.raises(FetchFailed, match="given up"),
        transport.stream(Get(url, accept=SSE), last_event_id=None, silence_seconds=LONG_SECONDS),
    ):
        pass


def test_one_transport_opens_one_stream_after_the_other() -> None:
    transport = HttpTransport()
    for word in (b": one\n\n", b": two\n\n"):
        source = Source()
        source.sent.put(word)
        with streaming(source, transport=transport) as chunks:
            assert next(chunks) == word
        transport.cancel()
