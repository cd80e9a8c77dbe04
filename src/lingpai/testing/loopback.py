"""LoopbackIssuer: the fake issuer behind a real socket on 127.0.0.1, for tests of the network."""

from __future__ import annotations

import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from lingpai.testing.issuer import Behaviour, FakeIssuer
from lingpai.testing.statuses import FakeStatuses
from lingpai.verifier import HttpTransport, Verifier
from lingpai.verifier.flows import Get, Response

__all__ = ["LoopbackIssuer"]

DRIP_SECONDS = 0.1
STREAM_HEAD = (
    b"HTTP/1.1 200 -\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class LoopbackIssuer(FakeIssuer):
    """A `FakeIssuer` whose `issuer` is a URL that any process on this machine can reach.

    It listens from the start until `close`; between `go_away` and `come_back` nobody is there.
    `port` 0 takes a free one. `with_statuses` serves the lists and the stream, too.
    """

    def __init__(
        self, audience: str = "https://api.test", *, port: int = 0, **options: Any
    ) -> None:
        self._server: _Server | None = _Server(("127.0.0.1", port), self)
        self._port = self._server.server_port
        super().__init__(f"http://127.0.0.1:{self._port}", audience, **options)
        self._server.start()

    def verifier(self, **options: Any) -> Verifier:
        """A verifier that asks over HTTP."""
        return super().verifier(**{"transport": HttpTransport(), **options})

    def go_away(self) -> None:
        """Stop listening, and cut the answers under way. Keys and statuses stay as they are."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def come_back(self) -> None:
        """Listen again, at the same URL."""
        if self._server is None:
            self._server = _Server(("127.0.0.1", self._port), self)
            self._server.start()

    def close(self) -> None:
        """Close the verifiers that were made here, then stop listening."""
        super().close()
        self.go_away()

    def __enter__(self) -> Self:
        return self


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], issuer: LoopbackIssuer) -> None:
        super().__init__(address, _Handler)
        self.issuer = issuer
        self.stopping = threading.Event()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), name="lingpai-fake-issuer", daemon=True
        )

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more, and end the answers that hang."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away in the middle is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        """Answer as the issuer's behaviour says."""
        issuer = self.server.issuer
        if issuer.behaviour is Behaviour.UNREACHABLE:
            self.close_connection = True
            return
        request = self._read()
        statuses = issuer.statuses
        is_stream = statuses is not None and request.url.startswith(f"{statuses.stream_uri}?")
        if statuses is not None and is_stream and issuer.behaviour is Behaviour.WELL:
            self._stream(request, statuses)
            return
        response = issuer.answer(request)
        if issuer.behaviour is Behaviour.HANG:
            self._pause(None)
        for chunk in _chunks(_encode(response), drip=issuer.behaviour is Behaviour.DRIP):
            self.wfile.write(chunk)
            if issuer.behaviour is Behaviour.DRIP:
                self._pause(DRIP_SECONDS)

    def _read(self) -> Get:
        accept = self.headers.get("accept", "*/*")
        etag = self.headers.get("if-none-match")
        return Get(self.server.issuer.issuer + self.path, accept=accept, etag=etag)

    def _stream(self, request: Get, statuses: FakeStatuses) -> None:
        """Events until the server stops or the reader hangs up."""
        self.server.issuer.requests.append(request.url)
        self.wfile.write(STREAM_HEAD)
        events = statuses.listen(
            request, self.headers.get("last-event-id"), math.inf, self.server.stopping
        )
        for event in events:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))

    def _pause(self, seconds: float | None) -> None:
        """Wait as a slow issuer does, unless it is being closed."""
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError("the issuer is closed")

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


def _encode(response: Response) -> bytes:
    headers = {**response.headers, "content-length": str(len(response.body))}
    lines = [f"HTTP/1.1 {response.status} -", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + response.body


def _chunks(data: bytes, *, drip: bool) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))] if drip else [data]
