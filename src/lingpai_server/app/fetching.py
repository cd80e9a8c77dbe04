"""Fetcher: how the server asks others over HTTP, and the only place where it does.

The name is resolved once, its addresses are judged, and the connection goes to the very address
that was judged, under the name's certificate: a second look-up cannot answer otherwise (DNS
rebinding). httpcore2 is all there is between this and the socket: it knows no redirects, no
cookies, no proxies and no decompression. One request a connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlencode

import httpcore2

from lingpai._version import __version__
from lingpai_server.app.outgoing import (
    Address,
    FetchFailed,
    OutgoingPolicy,
    check_addresses,
    check_url,
)
from lingpai_server.protocol.web_url import WebUrl

Resolve: TypeAlias = Callable[[str, int], Awaitable[tuple[str, ...]]]
Headers: TypeAlias = list[tuple[str, str]]

_RESOLVER_THREADS = 8
_MAX_ADDRESSES = 4
_FORM = "application/x-www-form-urlencoded"
_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
    OSError,
    UnicodeError,  # a host name with a label that the resolver cannot spell
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, whatever its status. `content_type` is the media type alone, in lower case;
    `max_age_seconds` what Cache-Control allows to keep it for, 0 for not at all, None if it does
    not say (RFC 9111 section 5.2.2)."""

    status: int
    content_type: str
    body: bytes
    max_age_seconds: int | None


class Fetcher:
    """Asks others, as many at a time as its policy says. Those that wait, wait within their time.

    Make one for each kind of caller, so that the slow servers of strangers keep none of the others
    waiting. `resolve` stands in for the system's resolver. Raises OSError for a `ca_file` that
    cannot be read, or has no certificate in it.
    """

    def __init__(self, policy: OutgoingPolicy, *, resolve: Resolve | None = None) -> None:
        self._policy = policy
        self._resolver = ThreadPoolExecutor(_RESOLVER_THREADS, "lingpai-resolver")
        self._resolve = resolve or self._resolve_by_system
        self._room = asyncio.Semaphore(policy.parallel)
        # reading the system's certificates takes a while, which a server that never asks can spare
        self._trust = None if policy.ca_file is None else _load_trust(policy.ca_file)

    async def get(self, url: str, *, accept: str, max_bytes: int) -> Fetched:
        """The answer to one GET. Raises FetchRefused or FetchFailed, the latter also for an answer
        that is longer than `max_bytes`."""
        async with self._exchange("GET", url, [("Accept", accept)]) as answer:
            headers = _by_name(answer)
            if headers.get("content-encoding", "identity").lower() != "identity":
                raise FetchFailed("the answer is compressed, which was not asked for")
            body = await _read(answer, max_bytes)
        return Fetched(
            status=answer.status,
            content_type=headers.get("content-type", "").partition(";")[0].strip().lower(),
            body=body,
            max_age_seconds=_max_age(headers.get("cache-control", "")),
        )

    async def post_form(self, url: str, form: dict[str, str]) -> int:
        """The status that one POST is answered with; the answer's body is not read.

        Raises FetchRefused or FetchFailed.
        """
        body = urlencode(form).encode("ascii")
        headers = [("Content-Type", _FORM), ("Content-Length", str(len(body)))]
        async with self._exchange("POST", url, headers, body) as answer:
            return answer.status

    def close(self) -> None:
        """Let go of the resolver's threads; look-ups under way are not waited for."""
        self._resolver.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _exchange(
        self, method: str, text: str, headers: Headers, body: bytes = b""
    ) -> AsyncIterator[httpcore2.Response]:
        """One request, bounded as a whole: from waiting for room to the last byte of the answer."""
        url = check_url(text, self._policy)
        try:
            async with asyncio.timeout(self._policy.timeout_seconds), self._room:
                texts = await self._resolve(url.host, url.port)
                addresses = check_addresses(texts, url, self._policy)
                async with self._ask(method, url, addresses, headers, body) as answer:
                    yield answer
        except TimeoutError as error:
            raise FetchFailed(f"{url.host} gave no whole answer in time") from error
        except _FAILURES as error:
            raise FetchFailed(f"{url.host}: {type(error).__name__}: {error}") from error

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        url: WebUrl,
        addresses: tuple[Address, ...],
        headers: Headers,
        body: bytes,
    ) -> AsyncIterator[httpcore2.Response]:
        """Ask at the first address that can be connected to."""
        if self._trust is None and url.scheme == "https":
            self._trust = _load_trust(None)
        async with httpcore2.AsyncConnectionPool(
            ssl_context=self._trust, max_keepalive_connections=0
        ) as pool:
            answer = await _first_answer(
                pool,
                [_request(method, url, address, headers, body) for address in addresses],
                url.host,
            )
            try:
                yield answer
            finally:
                await answer.aclose()

    async def _resolve_by_system(self, host: str, port: int) -> tuple[str, ...]:
        def look_up() -> tuple[str, ...]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return tuple(str(sockaddr[0]) for *_, sockaddr in found)

        return await asyncio.get_running_loop().run_in_executor(self._resolver, look_up)


def _load_trust(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities, and those of the file beside them."""
    trust = ssl.create_default_context()
    if ca_file is not None:
        trust.load_verify_locations(ca_file)
    return trust


async def _first_answer(
    pool: httpcore2.AsyncConnectionPool, requests: list[httpcore2.Request], host: str
) -> httpcore2.Response:
    """Nothing was sent where no connection came about, so that trying the next repeats nothing."""
    failure: Exception = FetchFailed(f"{host} has no address")
    for request in requests[:_MAX_ADDRESSES]:
        try:
            return await pool.handle_async_request(request)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            failure = error
    raise failure


def _request(
    method: str, url: WebUrl, address: Address, headers: Headers, body: bytes
) -> httpcore2.Request:
    """A request to the address, in the name of the host."""
    return httpcore2.Request(
        method,
        httpcore2.URL(scheme=url.scheme, host=str(address), port=url.port, target=url.target),
        headers=[
            ("Host", url.authority),
            ("User-Agent", f"lingpai/{__version__}"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            *headers,
        ],
        content=body,
        extensions={"sni_hostname": url.host},
    )


def _by_name(answer: httpcore2.Response) -> dict[str, str]:
    """Header fields; one that comes several times is one list (RFC 9110 section 5.2)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in answer.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _read(answer: httpcore2.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_stream():
        body += chunk
        if len(body) > max_bytes:
            raise FetchFailed(f"the answer is longer than {max_bytes} bytes")
    return bytes(body)


def _max_age(cache_control: str) -> int | None:
    """RFC 9111 section 5.2.2. The shortest wins; nonsense counts as the shortest there is."""
    ages: list[int] = []
    for directive in cache_control.split(","):
        name, _, value = directive.strip().partition("=")
        if name.lower() in {"no-store", "no-cache"}:
            ages.append(0)
        elif name.lower() == "max-age":
            digits = value.strip().strip('"')
            ages.append(int(digits[:10]) if digits.isascii() and digits.isdigit() else 0)
    return min(ages, default=None)
