"""HTTP/1.1 as it is read and written: one connection to a loopback socket, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from lingpai_server.http.hardening import AsgiApp, Receive, Scope, Send
from lingpai_server.http.wire import (
    BODY_SECONDS,
    MAX_HEAD_BYTES,
    PEER_SECONDS,
    Connection,
)

HEAD = b"POST /echo?q=1 HTTP/1.1\r\nhost: x\r\n"
LAST = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def read(receive: Receive) -> bytes | None:
    """The whole body; None if the peer has gone."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer(send: Send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Path, number of headers and body."""
    body = await read(receive)
    names = b",".join(name for name, _ in scope["headers"])
    await answer(send, b"<%b|%b|%b>" % (scope["raw_path"], names, body or b""))


async def answer_unread(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, b"no")


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, set[Connection]], Awaitable[Any]]


def talk(app: AsgiApp, say: Talk) -> Any:
    """What `say` finds on a connection of its own."""

    async def run() -> Any:
        loop, connections = asyncio.get_running_loop(), set[Connection]()
        server = await loop.create_server(lambda: Connection(app, loop, connections), "127.0.0.1")
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                async with asyncio.timeout(10):
                    return await say(reader, writer, connections)
            finally:
                writer.close()

    return asyncio.run(run())


def told(sent: bytes, app: AsgiApp = echo) -> bytes:
    """All that comes back until the server closes."""

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: set[Connection]
    ) -> bytes:
        writer.write(sent)
        return await reader.read()

    found: bytes = talk(app, say)
    return found


def test_pipelined_requests_are_answered_in_their_order() -> None:  # RFC 9112 section 9.3.2
    first = HEAD + b"content-length: 3\r\n\r\none"
    second = HEAD + b"content-length: 3\r\n\r\ntwo"
    found = told(first + second + LAST)
    places = [found.index(part) for part in (b"|one>", b"|two>", b"</last|")]
    assert places == sorted(places)


def test_trailer_is_no_header() -> None:  # RFC 9110 section 6.5.1
    chunked = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nauthorization: x\r\n\r\n"
    found = told(chunked + LAST)
    assert b"</echo|host,transfer-encoding|hi>" in found


@pytest.mark.parametrize(
    "endless",
    [
        b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx: ",
        b"transfer-encoding: chunked\r\n\r\n2;x=",
        b"x: ",
    ],
    ids=["trailer", "chunk extension", "header"],
)
def test_a_line_without_end_is_cut(endless: bytes) -> None:
    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> None:
        writer.write(HEAD + endless + b"a" * MAX_HEAD_BYTES * 20)
        with suppress(ConnectionError):
            await reader.read()
        for connection in tuple(connections):
            await connection.closed

    talk(echo, say)


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
        b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"content-length: +2\r\n\r\nhi",
        b"x : y\r\n\r\n",
        b"x: y\r\n folded\r\n\r\n",
        b"x: y\n\n",
        b"x: \x00\r\n\r\n",
    ],
)
def test_what_has_two_readings_is_no_request(framing: bytes) -> None:  # RFC 9112 section 11.2
    found = told(HEAD + framing)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"</echo" not in found


def test_absolute_form_is_its_path() -> None:  # RFC 9112 section 3.2.2
    found = told(b"GET http://x/there?a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"</there|" in found


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_connection_ends_when_the_peer_wants_it_to(version: bytes) -> None:
    found = told(b"GET / HTTP/" + version + b"\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"\r\nconnection: close\r\n" in found


def test_an_upgrade_is_not_made() -> None:  # RFC 9110 section 7.8
    found = told(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
    assert found.startswith(b"HTTP/1.1 200 ")


def test_body_is_asked_for_only_when_it_is_read() -> None:  # RFC 9110 section 10.1.1
    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: set[Connection]
    ) -> bytes:
        writer.write(HEAD + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        return await reader.readuntil(b">")

    assert talk(echo, say).endswith(b"|hi>")
    refused = told(HEAD + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n", answer_unread)
    assert refused.startswith(b"HTTP/1.1 200 ")


def test_answer_to_an_unread_body_is_the_last() -> None:  # RFC 9112 section 9.6
    found = told(HEAD + b"content-length: 100\r\n\r\nhi", answer_unread)
    assert b"\r\nconnection: close\r\n" in found
    assert found.endswith(b"\r\n\r\nno")


def test_long_body_is_read_in_pieces_and_whole() -> None:
    body = b"a" * 3_000_000
    found = told(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body + LAST)
    assert b"|" + body + b">" in found
    assert b"</last|" in found


def test_peer_that_reads_no_answers_gets_only_so_many() -> None:
    served = 0

    async def count(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal served
        served += 1
        await answer(send, b"a" * 1_000_000)

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: set[Connection]
    ) -> None:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 100)
        await reader.readuntil(b"\r\n\r\n")
        for _step in range(100):
            await asyncio.sleep(0)
        assert served < 100
        writer.write(LAST)
        assert len(await reader.read()) > 100 * 1_000_000
        assert served == 101

    talk(count, say)


def test_header_that_breaks_its_line_is_not_sent() -> None:  # RFC 9110 section 5.5
    async def split(_scope: Scope, _receive: Receive, send: Send) -> None:
        with pytest.raises(ValueError, match="break its line"):
            await answer(send, b"", (b"location", b"/\r\nset-cookie: x"))

    assert told(HEAD + b"\r\n", split) == b""


def test_idle_peer_is_given_up() -> None:
    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> None:
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        await reader.readuntil(b"|hi>")
        (connection,) = connections
        now = asyncio.get_running_loop().time()
        connection.check_deadlines(now + PEER_SECONDS - 1)
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        await reader.readuntil(b"|hi>")
        connection.check_deadlines(now + PEER_SECONDS + 10)
        assert await reader.read() == b""

    talk(echo, say)


def test_body_that_takes_too_long_is_told_to_its_reader() -> None:
    begun = asyncio.Event()

    async def begin(_scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        with pytest.raises(TimeoutError):
            await receive()
        await answer(send, b"slow")

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> None:
        writer.write(HEAD + b"content-length: 2\r\n\r\n")
        await begun.wait()
        (connection,) = connections
        connection.check_deadlines(asyncio.get_running_loop().time() + BODY_SECONDS + 1)
        assert (await reader.read()).endswith(b"\r\n\r\nslow")

    talk(begin, say)


def test_peer_that_reads_nothing_is_given_up() -> None:
    begun = asyncio.Event()

    async def flood(_scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        while (await asyncio.wait_for(_take_piece(send), 10)) and not gone.is_set():
            pass

    gone = asyncio.Event()

    async def _take_piece(send: Send) -> bool:
        await send({"type": "http.response.body", "body": b"a" * 1_000_000, "more_body": True})
        return True

    async def say(
        _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> None:
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await begun.wait()
        (connection,) = connections
        for _turn in range(1000):  # until the buffers on the way are full
            await asyncio.sleep(0)
        now = asyncio.get_running_loop().time()
        connection.check_deadlines(now + PEER_SECONDS - 1)
        assert not connection.closed.done()
        gone.set()
        connection.check_deadlines(now + PEER_SECONDS + 1)
        await connection.closed

    talk(flood, say)


def test_answer_that_takes_long_is_waited_for() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def think(_scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await may_end.wait()
        await answer(send, await read(receive) or b"")

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> None:
        writer.write(HEAD + b"content-length: 2\r\n\r\nhi")
        await begun.wait()
        (connection,) = connections
        connection.check_deadlines(asyncio.get_running_loop().time() + 1000)
        may_end.set()
        assert (await reader.readuntil(b"hi")).startswith(b"HTTP/1.1 200 ")

    talk(think, say)
