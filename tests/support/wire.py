"""A server of a test's own, by the byte: it answers connections with a function."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

PATIENCE_SECONDS = 5.0

Talk: TypeAlias = socket.socket
Serve: TypeAlias = Callable[[Talk], None]


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    """Answers one connection with `serve`; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve_one, args=(listener, serve))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        finally:
            with socket.create_connection(listener.getsockname()):
                pass  # lets a server that nobody called end
            thread.join()


def read_request(talk: Talk) -> bytes:
    """What the client says first, up to the empty line; less if it hangs up before."""
    request = b""
    while b"\r\n\r\n" not in request and (received := talk.recv(65_536)):
        request += received
    return request


def _serve_one(listener: socket.socket, serve: Serve) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE_SECONDS)
        serve(connection)
