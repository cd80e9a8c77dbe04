"""A small load generator: connections that each ask, wait and ask again. For loopback only.

`python -m bench.load` reads one order as JSON from standard input and prints what came of it; it
runs in a process of its own, so that it shares no interpreter with what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

HOST = "127.0.0.1"


class Ask(NamedTuple):
    """One request. `last` says that its answer ends one unit of what is counted: a flow of two
    requests is one unit, from the first byte sent to the last one read."""

    request: bytes
    last: bool = True


Talk = Generator[Ask, bytes, None]
"""Yields requests, is sent the bodies of their answers, or where one leads (`Location`)."""


class Order(msgspec.Struct, frozen=True):
    """What to do: one connection for each of `seeds`, all of one scenario, for so long. What the
    processes `pids` use of the processors meanwhile is counted."""

    scenario: str
    port: int
    seeds: list[dict[str, str]]
    seconds: float
    warm_up_seconds: float
    pids: list[int] = []


class Load(msgspec.Struct, frozen=True):
    """What came of it. `failed` counts connections that ended early, by an answer that was neither
    200 nor a redirect or by none at all."""

    requests: int
    failed: int
    seconds: float
    median_ms: float
    p99_ms: float
    p95_ms: float = 0
    processor_seconds: float = 0
    generator_seconds: float = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds

    @property
    def processor_ms(self) -> float:
        """What one answer cost the measured processes, in all of their threads."""
        return self.processor_seconds / max(1, self.requests) * 1000


class Failed(Exception):
    """An answer that was neither 200 nor a redirect."""


# --- scenarios ----------------------------------------------------------------------------------


def client_credentials(seed: dict[str, str]) -> Talk:
    """The same client asks for a token again and again."""
    form = {"grant_type": "client_credentials", "resource": seed["resource"]}
    request = _post("/token", urlencode(form), _authorization(seed))
    while True:
        yield Ask(request)


def introspect(seed: dict[str, str]) -> Talk:
    """A service asks about one token again and again, at `path` (RFC 7662)."""
    request = _post(seed["path"], urlencode({"token": seed["token"]}), _authorization(seed))
    while True:
        yield Ask(request)


def redeem_codes(seed: dict[str, str]) -> Talk:
    """A browser that is logged in fetches a code at `path`, and its app redeems it (PKCE, S256)."""
    verifier = "a-verifier-of-the-bench-that-is-long-enough"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    told = {name: seed[name] for name in ("client_id", "redirect_uri", "resource")}
    wanted = {
        **told,
        "response_type": "code",
        "scope": seed["scope"],
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    ask = _get(f"{seed['path']}?{urlencode(wanted)}", f"Cookie: {seed['cookie']}\r\n")
    while True:
        led_to = urlsplit((yield Ask(ask, last=False)).decode("ascii"))
        code = parse_qs(led_to.query).get("code")
        if code is None:
            raise Failed(led_to.geturl())
        form = {**told, "grant_type": "authorization_code", "code": code[0]}
        yield Ask(_post("/token", urlencode({**form, "code_verifier": verifier})))


def refresh(seed: dict[str, str]) -> Talk:
    """One session, refreshed with what the last refresh gave."""
    token = seed["refresh_token"]
    while True:
        form = {"grant_type": "refresh_token", "client_id": "demo-app", "refresh_token": token}
        token = json.loads((yield Ask(_post("/token", urlencode(form)))))["refresh_token"]


def log_in(seed: dict[str, str]) -> Talk:
    """The same user logs in again and again."""
    body = json.dumps({**seed, "client_id": "demo-app"})
    request = _post("/login", body, kind="application/json")
    while True:
        yield Ask(request)


SCENARIOS: dict[str, Callable[[dict[str, str]], Talk]] = {
    "client_credentials": client_credentials,
    "refresh_token": refresh,
    "login": log_in,
    "introspection": introspect,
    "code": redeem_codes,
}


def _authorization(seed: dict[str, str]) -> str:
    pair = base64.b64encode(f"{seed['client_id']}:{seed['client_secret']}".encode()).decode()
    return f"Authorization: Basic {pair}\r\n"


def _get(path: str, headers: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n".encode("ascii")


def _post(
    path: str, body: str, headers: str = "", *, kind: str = "application/x-www-form-urlencoded"
) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}Content-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode("ascii")


# --- driving ------------------------------------------------------------------------------------


async def drive(order: Order) -> Load:
    """Run all connections to the end; what was answered during the warm-up does not count."""
    begin = time.perf_counter() + order.warm_up_seconds
    end = begin + order.seconds
    make = SCENARIOS[order.scenario]
    used = asyncio.create_task(_watch_processors(order))
    lines = [await _connect(make(seed), order.port, begin, end) for seed in order.seeds]
    await asyncio.gather(*(line.ended for line in lines))
    took = sorted(value for line in lines for value in line.took)
    failed = sum(line.failed for line in lines)
    theirs, own = await used
    if not took:
        return Load(0, failed, order.seconds, 0, 0)
    return Load(
        requests=len(took),
        failed=failed,
        seconds=order.seconds,
        median_ms=statistics.median(took) * 1000,
        p99_ms=took[int(len(took) * 0.99)] * 1000,
        p95_ms=took[int(len(took) * 0.95)] * 1000,
        processor_seconds=theirs,
        generator_seconds=own,
    )


async def _watch_processors(order: Order) -> tuple[float, float]:
    """Processor seconds of the measured processes, and of this one, while answers count."""
    await asyncio.sleep(order.warm_up_seconds)
    theirs, own = read_processor_seconds(order.pids), time.process_time()
    await asyncio.sleep(order.seconds)
    return read_processor_seconds(order.pids) - theirs, time.process_time() - own


def read_processor_seconds(pids: Sequence[int]) -> float:
    """What processes have used with all of their threads, user and system (Linux)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # proc(5): utime and stime
    return ticks / os.sysconf("SC_CLK_TCK")


async def _connect(talk: Talk, port: int, begin: float, end: float) -> Line:
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(
        lambda: Line(talk, begin, end, loop.create_future()), HOST, port
    )
    return line


class Line(asyncio.Protocol):
    """One connection: seconds of each answer within the time, and the number of failures. There is
    never more than one answer on its way."""

    def __init__(self, talk: Talk, begin: float, end: float, ended: asyncio.Future[None]) -> None:
        self.took: list[float] = []
        self.failed = 0
        self.ended = ended
        self._talk, self._begin, self._end = talk, begin, end
        self._received = b""
        self._ask, self._sent = next(talk), 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sent = time.perf_counter()
        transport.write(self._ask.request)

    def data_received(self, data: bytes) -> None:
        """Ask the next once the answer is whole."""
        self._received += data
        try:
            body = read_answer(self._received)
            if body is None:
                return
            self._received = b""
            if self._ask.last and not self._count(time.perf_counter()):
                self._transport.close()
                return
            self._ask = self._talk.send(body)
        except Failed:
            self._transport.abort()
            return
        self._transport.write(self._ask.request)

    def connection_lost(self, _error: Exception | None) -> None:
        """The end; too early if the time is not over."""
        self.failed = int(self._sent < self._end)
        self.ended.set_result(None)

    def _count(self, now: float) -> bool:
        """Whether there is time for another."""
        if self._begin <= now <= self._end:
            self.took.append(now - self._sent)
        self._sent = now
        return now < self._end


def read_answer(received: bytes) -> bytes | None:
    """The body, or where a redirect leads; None if there is more to come. Knows bodies by their
    length, and in chunks. Raises Failed."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    announced = _LENGTH.search(head)
    if announced is not None:
        if len(body) < int(announced[1]):
            return None
    elif _CHUNKED.search(head) is not None:
        if not body.endswith(b"0\r\n\r\n"):
            return None
        body = _join_chunks(body)
    status = head[9:12]
    if status in {b"302", b"303"} and (location := _LOCATION.search(head)) is not None:
        return location[1]
    if status != b"200":
        raise Failed(head[:15] + b": " + body)
    return body


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: *([^\r]*)", re.IGNORECASE)


def _join_chunks(body: bytes) -> bytes:
    """RFC 9112 section 7.1, without trailers."""
    joined = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return joined
        joined, body = joined + rest[:length], rest[length + 2 :]


if __name__ == "__main__":
    found = asyncio.run(drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))
    sys.stdout.buffer.write(msgspec.json.encode(found))
