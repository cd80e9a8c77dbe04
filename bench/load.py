"""A small load generator: connections that each ask, wait and ask again. For loopback only.

`python -m bench.load` reads one order as JSON from standard input and prints what came of it; it
runs in a process of its own, so that it shares no interpreter with what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Generator
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
    """What to do: one connection for each of `seeds`, all of one scenario, for so long."""

    scenario: str
    port: int
    seeds: list[dict[str, str]]
    seconds: float
    warm_up_seconds: float


class Load(msgspec.Struct, frozen=True):
    """What came of it. `failed` counts answers that were neither 200 nor a redirect."""

    requests: int
    failed: int
    seconds: float
    median_ms: float
    p99_ms: float
    p95_ms: float = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


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
        p95_ms=took[int(len(took) * 0.95)] * 1000,
    )


async def _converse(talk: Talk, port: int, begin: float, end: float) -> tuple[list[float], int]:
    """One connection: seconds of each answer within the time, and the number of failures."""
    reader, writer = await asyncio.open_connection(HOST, port)
    took: list[float] = []
    try:
        ask, sent = next(talk), time.perf_counter()
        while sent < end:
            writer.write(ask.request)
            body = await _read_answer(reader)
            if ask.last:
                now = time.perf_counter()
                if begin <= now <= end:
                    took.append(now - sent)
                sent = now
            ask = talk.send(body)
    except Failed:
        return took, 1
    finally:
        writer.close()
    return took, 0


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    """The body, or where a redirect leads. Knows bodies by their length, and in chunks."""
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in map(_split, lines)}
    if headers.get(b"transfer-encoding") == b"chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get(b"content-length", 0)))
    if status[9:12] in {b"302", b"303"}:
        return headers[b"location"]
    if status[9:12] != b"200":
        raise Failed(status + b": " + body)
    return body


def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """RFC 9112 section 7.1, without trailers."""
    body = b""
    while True:
        length = int(await reader.readuntil(b"\r\n"), 16)
        body += (await reader.readexactly(length + 2))[:-2]
        if not length:
            return body


if __name__ == "__main__":
    found = asyncio.run(drive(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))
    sys.stdout.buffer.write(msgspec.json.encode(found))
