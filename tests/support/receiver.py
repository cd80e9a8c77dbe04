"""Receiver: an HTTP server on loopback for what our server asks of others, answered as a test says.

With a TLS context it speaks https. What it was asked is kept, in order.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, TypeAlias
from urllib.parse import parse_qs

_DRIP_SECONDS = 0.05


@dataclass(frozen=True)
class Seen:
    """One request as it came. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body."""
        fields = parse_qs(self.body.decode("utf-8"), strict_parsing=True)
        return {name: values[0] for name, values in fields.items()}


@dataclass(frozen=True)
class Reply:
    """What to answer. `drip` sends the body byte by byte; `hang` sends nothing at all."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    drip: bool = False
    hang: bool = False


Answerer: TypeAlias = Callable[[Seen], Reply]


class Receiver:
    """Listens from the start until `close`. `answer` may be replaced at any time."""

    def __init__(
        self,
        answer: Answerer | Reply | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.answer: Answerer | Reply = Reply() if answer is None else answer
        self.seen: list[Seen] = []
        self.stopping = threading.Event()
        self._arrived = threading.Condition()
        self._server = _Server((host, 0), _Handler)
        self._server.receiver = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_port
        self.host = host
        self.scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="receiver", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, by address."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def take(self, seen: Seen) -> Reply:
        """Keep a request and say what to answer."""
        with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()
        return self.answer if isinstance(self.answer, Reply) else self.answer(seen)

    def wait_for(self, count: int, *, seconds: float = 10.0) -> list[Seen]:
        """The requests so far, once there are `count` of them."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.seen) >= count, seconds):
                raise AssertionError(f"{len(self.seen)} requests came, and not {count}")
            return list(self.seen)

    def close(self) -> None:
        """Stop listening, and end the answers that hang."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, body, time.monotonic())
        reply = self.server.receiver.take(seen)
        with suppress(OSError):
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        stopping = self.server.receiver.stopping
        if reply.hang:
            stopping.wait()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        for start in range(0, len(reply.body), 1 if reply.drip else len(reply.body) or 1):
            if reply.drip and stopping.wait(_DRIP_SECONDS):
                return
            self.wfile.write(reply.body[start : start + 1] if reply.drip else reply.body)
            self.wfile.flush()

    def log_request(self, *_: object) -> None:
        """Tests read `seen`."""
