"""A client's website on a loopback port: it notes what browsers bring, and shows pages it is given.

`/hop` sends a browser on, as the callbacks of clients do. Knows no OAuth.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Landed:
    """One request: `fields` are those of its query and of its form."""

    method: str
    path: str
    fields: dict[str, str]
    origin: str | None
    referer: str | None


@dataclass
class Landing:
    """`url` is by the address; `other_url` the same place by its name, which is another site."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    landed: list[Landed] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def other_url(self) -> str:
        return f"http://localhost:{self.port}"

    def last(self, path: str) -> Landed:
        """The newest request for that path."""
        return next(one for one in reversed(self.landed) if one.path == path)


@contextmanager
def landing() -> Iterator[Landing]:
    """Open for the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self._answer(self.rfile.read(length).decode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

        def _answer(self, form: str) -> None:
            parts = urlsplit(self.path)
            fields = dict([*parse_qsl(parts.query), *parse_qsl(form)])
            origin, referer = self.headers.get("origin"), self.headers.get("referer")
            site.landed.append(Landed(self.command, parts.path, fields, origin, referer))
            body = site.pages.get(parts.path, "<title>here</title><pre>arrived</pre>").encode()
            self.send_response(302 if parts.path == "/hop" else 200)
            if parts.path == "/hop":
                self.send_header("location", f"{site.other_url}/home")
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Landing(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
