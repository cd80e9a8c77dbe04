"""LoopbackIssuer: the fake issuer behind a real socket on 127.0.0.1, for tests of the network."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from lingpai.testing.issuer import Behaviour, FakeIssuer
from lingpai.verifier import HttpTransport, Verifier
from lingpai.verifier.flows import Get, Response

__all__ = ["LoopbackIssuer"]

DRIP_SECONDS = 0.1


class LoopbackIssuer(FakeIssuer):
    """A `FakeIssuer` whose `issuer` is a URL that any process on this machine can reach.

    It listens from the start until `close`. `port` 0 takes a free one.
    """

    def __init__(
        self, audience: str = "https://api.test", *, port: int = 0, **options: Any
    ) -> None:
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.issuer = self
        super().__init__(f"http://127.0.0.1:{self._server.server_port}", audience, **options)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="lingpai-fake-issuer", daemon=True
        )
        self._thread.start()

    def verifier(self, **options: Any) -> Verifier:
        """A verifier that asks over HTTP."""
        return super().verifier(**{"transport": HttpTransport(), **options})

    def close(self) -> None:
        """Stop listening, and end the answers that hang."""
        super().close()
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def pause(self) -> None:
        """Wait as a slow issuer does, unless it is being closed."""
        if self._stopping.wait(DRIP_SECONDS):
            raise ConnectionAbortedError("the issuer is closed")

    def hang(self) -> None:
        """Wait until the issuer is closed."""
        self._stopping.wait()
        raise ConnectionAbortedError("the issuer is closed")


class _Server(ThreadingHTTPServer):
    issuer: LoopbackIssuer
    daemon_threads = True

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
        request = Get(issuer.issuer + self.path, etag=self.headers.get("if-none-match"))
        response = issuer.answer(request)
        if issuer.behaviour is Behaviour.HANG:
            issuer.hang()
        for chunk in _chunks(_encode(response), drip=issuer.behaviour is Behaviour.DRIP):
            self.wfile.write(chunk)
            if issuer.behaviour is Behaviour.DRIP:
                issuer.pause()

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


def _encode(response: Response) -> bytes:
    headers = {**response.headers, "content-length": str(len(response.body))}
    lines = [f"HTTP/1.1 {response.status} -", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + response.body


def _chunks(data: bytes, *, drip: bool) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))] if drip else [data]
