"""What a client may put on the wire that no HTTP library would: the server answers and lives on."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

import pytest
from tests.support.server import Server, serving

pytestmark = pytest.mark.process

GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("wire")) as running:
        yield running


def status(server: Server, pieces: Sequence[bytes]) -> bytes:
    """The status line, whether or not all of it could be sent."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already, and does not want the rest
        return connection.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([GET + b"x: " + b"a" * 100_000 + b"\r\n\r\n"], b"431"),
        ([GET + b"".join(b"x%d: y\r\n" % number for number in range(500)) + b"\r\n"], b"431"),
        ([b"\x00\x01garbage\r\n\r\n"], b"400"),
        ([POST + b"content-length: 5\r\ncontent-length: 6\r\n\r\naaaaaa"], b"400"),
        ([POST + b"content-length: -1\r\n\r\n"], b"400"),
        ([POST + b"content-length: 50000000\r\n\r\n", *[b"a" * 65536] * 20], b"413"),
        (
            [
                POST + b"transfer-encoding: chunked\r\n\r\n",
                *[b"10000\r\n" + b"a" * 65536 + b"\r\n"] * 20,
            ],
            b"413",
        ),
        ([b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"], b"404"),
        ([b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n"], b"404"),
        ([b"GET /%00%ff%2e%2e/%zz HTTP/1.1\r\nhost: x\r\n\r\n"], b"404"),
        ([GET + b"\r\n"], b"200"),
    ],
    ids=[
        "long header",
        "many headers",
        "garbage",
        "two lengths",
        "negative length",
        "announced flood",
        "chunked flood",
        "star",
        "connect",
        "odd path",
        "plain",
    ],
)
def test_odd_request_gets_its_status(server: Server, pieces: list[bytes], code: bytes) -> None:
    assert status(server, pieces).split(b" ")[1] == code
    assert server.log == ""


def test_clients_that_vanish_leave_no_trace(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for _ in range(50):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(POST + b"content-length: 50\r\n\r\nabc")
    assert status(server, [GET + b"\r\n"]).split(b" ")[1] == b"200"
    assert server.log == ""
