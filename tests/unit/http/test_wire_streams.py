"""Answers that go on: chunks as they come, to a peer that reads, goes away, or is told to go."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.http.test_wire import LAST, talk, told

from lingpai_server.http.hardening import Receive, Scope, Send
from lingpai_server.http.wire import Connection

ASK = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]}


def piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def two_pieces(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(dict(START))
    for body in (b"one", b"twenty characters ..", b""):
        await send(piece(body))
    await send(piece(b"end", more=False))


def test_pieces_are_chunks_and_another_request_follows() -> None:  # RFC 9112 section 7.1
    found = told(ASK + LAST, two_pieces)
    body = b"3\r\none\r\n14\r\ntwenty characters ..\r\n3\r\nend\r\n0\r\n\r\n"
    assert found.count(b"transfer-encoding: chunked\r\n\r\n" + body) == 2
    assert found.count(b"HTTP/1.1 200") == 2


def test_an_older_peer_reads_until_the_connection_ends() -> None:  # RFC 9112 section 6.3
    found = told(ASK.replace(b"/1.1", b"/1.0"), two_pieces)
    head, _, body = found.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"connection: close" in head
    assert body == b"onetwenty characters ..end"


def test_a_piece_is_sent_before_the_next_is_known() -> None:
    async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(START))
        await send(piece(b"tick"))
        while (await receive())["type"] != "http.disconnect":
            pass
        await send(piece(b"", more=False))

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connections: set[Connection]
    ) -> bytes:
        writer.write(ASK)
        first = await reader.readuntil(b"tick\r\n")
        for connection in connections:
            connection.stop()  # what a server does that is to end
        return first + await reader.read()

    found: bytes = talk(endless, say)
    assert found.endswith(b"4\r\ntick\r\n0\r\n\r\n")


def test_whoever_writes_learns_that_the_peer_has_gone() -> None:

    async def scenario() -> bool:
        seen = asyncio.Event()

        async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
            await send(dict(START))
            await send(piece(b"tick"))
            while (await receive())["type"] != "http.disconnect":
                pass
            await send(piece(b"nobody reads this"))
            seen.set()

        loop, connections = asyncio.get_running_loop(), set[Connection]()
        server = await loop.create_server(
            lambda: Connection(endless, loop, connections), "127.0.0.1"
        )
        async with server, asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(ASK)
            await reader.readuntil(b"tick\r\n")
            writer.close()
            await seen.wait()
        return True

    assert asyncio.run(scenario())


def test_a_peer_that_does_not_read_is_waited_for() -> None:
    written = 0

    async def flood(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal written
        await send(dict(START))
        while written < 400:
            await send(piece(b"x" * 65_536))
            written += 1
        await send(piece(b"", more=False))

    async def say(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: set[Connection]
    ) -> tuple[int, int]:
        writer.write(ASK)
        await reader.readuntil(b"\r\n\r\n")
        settled, before = -1, 0
        while settled != before:  # until nothing more fits on the way
            settled = before
            await asyncio.sleep(0.05)
            before = written
        total = 0
        while total < 400 * 65_536:
            total += len(await reader.read(1 << 20))
        return before, written

    waited_at, in_the_end = talk(flood, say)
    assert waited_at < 400
    assert in_the_end == 400


@pytest.mark.parametrize("name", [b"x\r\ninjected", b"x\x00"])
def test_a_header_that_breaks_its_line_begins_no_stream(name: bytes) -> None:
    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(name, b"y")]})
        with pytest.raises(ValueError, match="break its line"):
            await send(piece(b"one"))

    assert told(ASK, broken) == b""
