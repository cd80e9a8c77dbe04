"""A small load generator: connections that each ask, wait and ask again. For loopback only.

`python -m bench.load` reads one order as JSON from standard input and prints what came of it; it
runs in a process of its own, so that it shares no interpreter with what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import Callable, Generator
from urllib.parse import urlencode

import msgspec

HOST = "127.0.0.1"

Talk = Generator[bytes, bytes, None]
"""Yields requests, is sent the bodies of their answers."""


class Order(msgspec.Struct, frozen=True):
    """What to do: one connection for each of `seeds`, all of one scenario, for so long."""

    scenario: str
    port: int
    seeds: list[dict[str, str]]
    seconds: float
    warm_up_seconds: float


class Load(msgspec.Struct, frozen=True):
    """What came of it. `failed` counts answers that were not 200."""

    requests: int
    failed: int
    seconds: float
    median_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


class Failed(Exception):
    """An answer that was not 200."""


# --- scenarios ----------------------------------------------------------------------------------


def client_credentials(seed: dict[str, str]) -> Talk:
    """The same client asks for a token again and again."""
    pair = base64.b64encode(f"{seed['client_id']}:{seed['client_secret']}".encode()).decode()
    form = {"grant_type": "client_credentials", "resource": seed["resource"]}
    request = _post("/token", urlencode(form), f"Authorization: Basic {pair}\r\n")
    while True:
        yield request


def refresh(seed: dict[str, str]) -> Talk:
    """One session, refreshed with what the last refresh gave."""
    token = seed["refresh_token"]
    while True:
        form = {"grant_type": "refresh_token", "client_id": "demo-app", "refresh_token": token}
        token = json.loads((yield _post("/token", urlencode(form))))["refresh_token"]


def log_in(seed: dict[str, str]) -> Talk:
    """The same user logs in again and again."""
    body = json.dumps({**seed, "client_id": "demo-app"})
    request = _post("/login", body, kind="application/json")
    while True:
        yield request


SCENARIOS: dict[str, Callable[[dict[str, str]], Talk]] = {
    "client_credentials": client_credentials,
    "refresh_token": refresh,
    "login": log_in,
}


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
    talks = [_converse(make(seed), order.port, begin, end) for seed in order.seeds]
    outcomes = await asyncio.gather(*talks)
    took = sorted(value for latencies, _ in outcomes for value in latencies)
    failed = sum(failures for _, failures in outcomes)
    if not took:
        return Load(0, failed, order.seconds, 0, 0)
    return Load(
        requests=len(took),
        failed=failed,
        seconds=order.seconds,
        median_ms=statistics.median(took) * 1000,
        p99_ms=took[int(len(took) * 0.99)] * 1000,
    )


async def _converse(talk: Talk, port: int, begin: float, end: float) -> tuple[list[float], int]:
    """One connection: seconds of each answer within the time, and the number of failures."""
    reader, writer = await asyncio.open_connection(HOST, port)
    took: list[float] = []
    try:
        request = next(talk)
        while (sent := time.perf_counter()) < end:
            writer.write(request)
            body = await _read_answer(reader)
            now = time.perf_counter()
            if begin <= now <= end:
                took.append(now - sent)
            request = talk.send(body)
    except Failed:
        return took, 1
    finally:
        writer.close()
    return took, 0


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    body = await reader.readexactly(length)
    if not head.startswith(b"HTTP/1.1 200"):
        raise Failed(head.partition(b"\r\n")[0])
    return body


if __name__ == "__main__":
    found = asyncio.run(drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))
    sys.stdout.buffer.write(msgspec.json.encode(found))
