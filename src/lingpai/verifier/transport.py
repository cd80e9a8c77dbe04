"""The one place that opens connections: a `Get` in, a `Response` out. Knows nothing of tokens.

No redirect is followed, no cookie kept, no proxy taken from the environment, nothing decompressed;
size and time are capped, the time as a whole and not for each read. A connection serves one
request, so that no socket is left open, shared with a forked child or tied to an old address.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from http.client import HTTPException
from typing import Protocol

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from lingpai._version import __version__
from lingpai.verifier.flows import FetchFailed, Get, Response
from lingpai.verifier.urls import Url, parse_url

__all__ = ["HttpTransport", "Transport"]

FETCH_SECONDS = 5.0
CHUNK_BYTES = 65_536


class Transport(Protocol):
    """Whatever can fetch. `get` raises FetchFailed; `cancel` makes a running `get` end soon."""

    def get(self, request: Get) -> Response:
        """The answer to one request."""

    def stream(
        self, request: Get, *, last_event_id: str | None, silence_seconds: float
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The chunks of an answer that goes on and on. Raises FetchFailed, also while it is read:
        when the connection breaks, and when nothing comes for `silence_seconds`."""

    def cancel(self) -> None:
        """Give up what is under way. A later `get` starts afresh."""

    def clone(self) -> Transport:
        """Another one that is set up alike, for another thread."""


class HttpTransport:
    """Fetches over HTTP/1.1 with urllib3. Used by one thread at a time.

    `timeout_seconds` bounds one request as a whole; `ssl_context` replaces the system's trust.
    """

    def __init__(
        self, *, timeout_seconds: float = FETCH_SECONDS, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._ssl_context = ssl_context
        self._line = _Line()

    def get(self, request: Get) -> Response:
        """Fetch once. Raises FetchFailed."""
        try:
            url = parse_url(request.url)
            with self._line.cut_after(self._timeout_seconds):
                return self._exchange(url, request)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise FetchFailed(f"{request.url}: {type(error).__name__}: {error}") from error

    @contextmanager
    def stream(
        self, request: Get, *, last_event_id: str | None, silence_seconds: float
    ) -> Iterator[Iterator[bytes]]:
        """Server-sent events as they come. Raises FetchFailed, also from the iterator."""
        try:
            url = parse_url(request.url)
            headers = _headers(request) | {"Cache-Control": "no-store"}
            if last_event_id is not None:
                headers["Last-Event-ID"] = last_event_id
            with closing(self._connection(url)) as connection, ExitStack() as opened:
                with self._line.cut_after(self._timeout_seconds):
                    sock = self._connect(connection)
                    answer = opened.enter_context(closing(_ask(connection, url, headers)))
                with self._line.held(sock):
                    _check_stream(answer, request.accept)
                    sock.settimeout(silence_seconds)
                    yield _chunks(answer)
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            raise FetchFailed(f"{request.url}: {type(error).__name__}: {error}") from error

    def cancel(self) -> None:
        """Cut the connection of whatever is under way."""
        self._line.cut()

    def clone(self) -> HttpTransport:
        """The same timeout and trust, and no connection in common."""
        return HttpTransport(timeout_seconds=self._timeout_seconds, ssl_context=self._ssl_context)

    def _exchange(self, url: Url, request: Get) -> Response:
        with closing(self._connection(url)) as connection:
            self._connect(connection)
            with closing(_ask(connection, url, _headers(request))) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, headers, _read(answer, request.max_bytes))

    def _connect(self, connection: HTTPConnection) -> socket.socket:
        """Open it. The socket is kept apart: once an answer says that it is the last one, the
        connection has given the socket to the answer and knows it no more."""
        connection.connect()
        sock = connection.sock
        if sock is None:
            raise ConnectionError("not connected")
        self._line.hold(sock)
        return sock

    def _connection(self, url: Url) -> HTTPConnection:
        if url.scheme == "http":
            return HTTPConnection(url.host, url.port, timeout=self._timeout_seconds)
        if self._ssl_context is None:  # reading the system's certificates takes milliseconds
            self._ssl_context = ssl.create_default_context()
        return HTTPSConnection(
            url.host, url.port, timeout=self._timeout_seconds, ssl_context=self._ssl_context
        )


class _Line:
    """The socket in use, so that a deadline or `cancel` can cut it from another thread.

    A socket's own timeout is for each read: a server that sends a byte a second never meets it.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process = os.getpid()
        self._is_cut = False

    def hold(self, sock: socket.socket) -> None:
        """Remember the socket; cut it at once if the time was over while it connected."""
        self._socket, self._process = sock, os.getpid()
        if self._is_cut:
            self.cut()

    @contextmanager
    def held(self, sock: socket.socket) -> Iterator[None]:
        """Hold the socket for as long as the block lasts."""
        self.hold(sock)
        try:
            yield
        finally:
            self._socket = None

    def cut(self) -> None:
        """End both directions: a read that waits returns at once."""
        self._is_cut = True
        held = self._socket
        if held is not None and self._process == os.getpid():  # a forked child leaves it alone
            with suppress(OSError):
                # not SSLSocket.shutdown, which would pull the TLS state from under the reader
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Cut the line unless the block ends in time. Raises TimeoutError if it was cut."""
        self._is_cut, self._socket = False, None
        watch = threading.Timer(seconds, self.cut)
        watch.daemon = True
        watch.start()
        started = time.monotonic()
        failure: Exception | None = None
        try:
            yield
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            failure = error
        finally:
            self._socket = None
            watch.cancel()
            watch.join()
        waited = time.monotonic() - started
        is_late = failure is not None and waited >= seconds  # a read's own time was over first
        if self._is_cut or is_late:  # without an error too: a cut answer can look like a short one
            raise TimeoutError(f"given up after {waited:.1f} s") from failure
        if failure is not None:
            raise failure


def _headers(request: Get) -> dict[str, str]:
    headers = {
        "Accept": request.accept,
        "Accept-Encoding": "identity",
        "Connection": "close",
        "User-Agent": f"lingpai/{__version__}",
    }
    if request.etag is not None:
        headers["If-None-Match"] = request.etag
    return headers


def _ask(connection: HTTPConnection, url: Url, headers: dict[str, str]) -> BaseHTTPResponse:
    connection.request(
        "GET", url.target, headers=headers, preload_content=False, decode_content=False
    )
    return connection.getresponse()


def _check_stream(answer: BaseHTTPResponse, accept: str) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or kind != accept:
        raise ValueError(f"status {answer.status}, content type {kind or 'not given'}")


def _chunks(answer: BaseHTTPResponse) -> Iterator[bytes]:
    """Whatever has come, as soon as it has."""
    while chunk := answer.read1(CHUNK_BYTES, decode_content=False):
        yield chunk


def _read(answer: BaseHTTPResponse, max_bytes: int) -> bytes:
    body = bytearray()
    while chunk := answer.read(CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > max_bytes:
            raise ValueError(f"the answer is larger than {max_bytes} bytes")
    return bytes(body)
