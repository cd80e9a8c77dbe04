"""HTTP/1.1 on one connection (RFC 9112), between a socket and an ASGI application. No endpoint.

llhttp parses, strictly. What it leaves open is bounded here: how long a head may be and how long it
may take, how much of a body waits in memory, and how many answers wait for a peer that reads none.
An answer is sent whole, in one write; one that goes on is sent in chunks, as they come.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import cast
from urllib.parse import unquote_to_bytes

import httptools

from lingpai_server.http.hardening import AsgiApp, Message, Scope
from lingpai_server.http.wire_lines import date_line, status_line, strip_authority

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
PEER_SECONDS = 30.0
"""How long a connection may be without a request that is being answered."""
BODY_SECONDS = 20.0
"""How long a body may take to come, from the end of the head on."""
_MAX_WAITING_BODY_BYTES = 65_536
_LINGER_SECONDS = 1.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})  # RFC 9110 section 6.4.1


class Connection(asyncio.Protocol):
    """One of `connections`, for as long as it is open. Its requests are answered in their turn."""

    def __init__(
        self, app: AsgiApp, loop: asyncio.AbstractEventLoop, connections: set[Connection]
    ) -> None:
        self._app, self._loop, self._connections = app, loop, connections
        self.closed: asyncio.Future[None] = loop.create_future()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Request] = deque()
        self._current: _Request | None = None
        self._read: _Request | None = None
        self._unread_bytes = 0
        self._in_head = True
        self._too_large = self._deaf = self._last = self._full = False
        self._since = loop.time()  # when the current request began, or the wait for one

    # --- what the transport says ------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        self._transport = cast("asyncio.Transport", transport)  # of a stream: both ways
        self._client = transport.get_extra_info("peername")
        self._server = transport.get_extra_info("sockname")
        self._scheme = "http" if transport.get_extra_info("sslcontext") is None else "https"
        self._connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """The peer is gone; what is being answered learns of it when it reads."""
        self._connections.discard(self)
        self.closed.set_result(None)
        self._deaf = True
        self._waiting.clear()
        if self._current is not None:
            self._current.disconnect()

    def data_received(self, data: bytes) -> None:
        """A piece of a head or of a body."""
        if self._deaf:
            return
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = self._last = True  # there is nothing to upgrade to (RFC 9110 section 7.8)
        except httptools.HttpParserError:
            self._refuse(431 if self._too_large else 400)
        else:
            if self._unread_bytes > MAX_HEAD_BYTES:  # a line without an end, in a head or a trailer
                self._refuse(431)

    def pause_writing(self) -> None:
        """The peer does not read what it asked for."""
        self._full, self._full_since = True, self._loop.time()

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        if self._current is not None:
            self._current.let_write()
        self._go_on()

    # --- what the parser says ---------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0

    def on_url(self, piece: bytes) -> None:
        """A piece of the request target."""
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line, or one of a trailer, which nobody here reads (RFC 9110 section 6.5.1).
        An error makes the parser fail."""
        if not self._in_head:
            return
        self._head_bytes += len(name) + len(value)
        self._headers.append((name.lower(), value))
        if self._head_bytes > MAX_HEAD_BYTES or len(self._headers) > MAX_HEADERS:
            self._too_large = True
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        """The end of a head: the request can be answered, or waits for those before it."""
        self._in_head, self._unread_bytes = False, 0
        version = self._parser.get_http_version()
        keep_alive = version == "1.1" and self._parser.should_keep_alive()
        self._read = _Request(self, self._scope(version), keep_alive=keep_alive)
        self._waiting.append(self._read)
        self._go_on()

    def on_body(self, piece: bytes) -> None:
        """A piece of the body of the request that was read last."""
        self._unread_bytes = 0
        if self._read is not None and self._read.feed(piece) > _MAX_WAITING_BODY_BYTES:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The end of a request; another head may follow at once."""
        self._in_head, self._unread_bytes = True, 0
        if self._read is not None:
            self._read.finish()

    def _scope(self, version: str) -> Scope:
        path, _, query = strip_authority(self._target).partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": self._scheme,
            "path": (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": self._client,
            "server": self._server,
        }

    # --- answering --------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin with the next request if it is its turn; read on only if none waits."""
        if self._current is None and self._waiting and not self._full:
            self._current, self._since = self._waiting.popleft(), self._loop.time()
            self._current.task = self._loop.create_task(self._answer(self._current))
        if self._waiting or self._full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    async def _answer(self, request: _Request) -> None:
        try:
            await self._app(request.scope, request.receive, request.send)
        finally:
            if not request.answered:
                self._transport.abort()

    def finish(self, request: _Request, answer: bytes) -> None:
        """The answer to the current request, and what follows it."""
        self._current, self._since = None, self._loop.time()
        self._transport.write(answer)
        if not request.whole:
            self._linger()
        elif self.closes_after(request):
            self._transport.close()
        else:
            self._go_on()

    def closes_after(self, request: _Request) -> bool:
        """Whether nothing follows the answer."""
        return self._last or not request.keep_alive or not request.whole

    def write(self, data: bytes) -> bool:
        """Something before the end of the answer; whether the peer keeps up with reading it."""
        self._transport.write(data)
        return not self._full

    def read_on(self) -> None:
        """The body that waited has been taken."""
        if not self._waiting and not self._deaf:
            self._transport.resume_reading()

    def _linger(self) -> None:
        """Let the peer read the answer before its unread bytes reset the connection (RFC 9112
        section 9.6)."""
        self._deaf = self._last = True
        self._waiting.clear()
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(_LINGER_SECONDS, self._transport.close)

    def _refuse(self, status: int) -> None:
        """To what is no request; those before it lose their answers."""
        self._deaf = self._last = True
        if self._current is not None:
            self._transport.abort()
            return
        closing = b"connection: close\r\ncontent-length: 0\r\n\r\n"
        self._transport.write(status_line(status) + closing)
        self._linger()

    # --- the end ----------------------------------------------------------------------------

    def stop(self) -> None:
        """Close as soon as what is being answered is answered. An answer that goes on is told to
        end."""
        self._last = True
        self._waiting.clear()
        if self._current is None:
            self._transport.close()
        elif self._current.streams:
            self._current.disconnect()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def check_deadlines(self, now: float) -> None:
        """Give up a peer that has kept us waiting for too long. Asked now and then: a timer for
        each body would be a seventh of what an answer costs."""
        waited = now - self._since
        if self._full and now - self._full_since > PEER_SECONDS:
            self._transport.abort()
        elif self._current is None:
            if waited > PEER_SECONDS:
                self._transport.abort()
        elif waited > BODY_SECONDS:
            self._current.time_out()


class _Request:
    """One request and its answer: the `receive` and `send` of ASGI."""

    __slots__ = (
        "_body",
        "_connection",
        "_continue",
        "_gone",
        "_late",
        "_room",
        "_start",
        "_taken",
        "_wake",
        "answered",
        "keep_alive",
        "scope",
        "streams",
        "task",
        "whole",
    )

    def __init__(self, connection: Connection, scope: Scope, *, keep_alive: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.whole = self.answered = self.streams = False
        self.task: asyncio.Task[None] | None = None  # the loop itself holds it but weakly
        self._connection = connection
        self._continue = (b"expect", b"100-continue") in scope["headers"]
        self._body = b""
        self._taken = self._gone = self._late = False
        self._wake: asyncio.Future[None] | None = None
        self._start: Message = {}
        self._room: asyncio.Future[None] | None = None

    def feed(self, piece: bytes) -> int:
        """How many bytes now wait to be taken."""
        if not self.answered:
            self._body += piece
            self._wake_up()
        return len(self._body)

    def finish(self) -> None:
        """The body is whole."""
        self.whole = True
        self._wake_up()

    def disconnect(self) -> None:
        """The peer is gone."""
        self._gone = True
        self._wake_up()
        self.let_write()

    def time_out(self) -> None:
        """The body did not come in time."""
        self._late = not self.whole
        self._wake_up()

    def let_write(self) -> None:
        """The peer has read, or has gone."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def receive(self) -> Message:
        """What has come of the body, or that the peer is gone. Raises TimeoutError."""
        if self._continue and not self.whole and not self._body:
            self._connection.write(_CONTINUE)
        self._continue = False
        while not self._gone and not self.answered:
            if not self._taken and (self._body or self.whole):
                return self._take()
            if self._late:
                raise TimeoutError
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        return {"type": "http.disconnect"}

    def _take(self) -> Message:
        body, self._body, self._taken = self._body, b"", self.whole
        self._connection.read_on()
        return {"type": "http.request", "body": body, "more_body": not self.whole}

    async def send(self, message: Message) -> None:
        """Writes an answer at once, and one that goes on a piece at a time, as its peer reads."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self.answered:
            return
        body = message.get("body", b"")
        if message.get("more_body", False):
            await self._send_piece(body)
            return
        answer = self._frame(body) + self._last_frame() if self.streams else self._render(body)
        self.answered = True
        self._wake_up()
        self._connection.finish(self, answer)

    async def _send_piece(self, piece: bytes) -> None:
        if self._gone or not piece:
            return
        head = b"" if self.streams else self._begin_stream()
        if not self._connection.write(head + self._frame(piece)):
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def _begin_stream(self) -> bytes:
        """RFC 9112 section 7.1; to an older peer, the end of the connection is that of the body."""
        self.streams = True
        if self.scope["http_version"] == "1.1":
            return self._render_head(b"transfer-encoding: chunked\r\n")
        self.keep_alive = False
        return self._render_head()

    def _frame(self, piece: bytes) -> bytes:
        if self.scope["http_version"] != "1.1" or not piece:
            return piece
        return b"%x\r\n%b\r\n" % (len(piece), piece)

    def _last_frame(self) -> bytes:
        return b"0\r\n\r\n" if self.scope["http_version"] == "1.1" else b""

    def _render(self, body: bytes) -> bytes:
        bodiless = self._start["status"] in _BODILESS or self.scope["method"] == "HEAD"
        return self._render_head() + (b"" if bodiless else body)

    def _render_head(self, framing: bytes = b"") -> bytes:
        lines = [b"%b: %b\r\n" % header for header in self._start["headers"]]
        if self._connection.closes_after(self):
            lines.append(b"connection: close\r\n")
        fields = b"".join(lines)
        if not fields.count(b"\r") == fields.count(b"\n") == len(lines) or b"\x00" in fields:
            raise ValueError("a header may not break its line")  # RFC 9110 section 5.5
        status, date = status_line(self._start["status"]), date_line(int(time.time()))
        return b"".join((status, date, fields, framing, b"\r\n"))
