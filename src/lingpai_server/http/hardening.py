"""What holds for every response, whoever made it: security headers, no HEAD body, no fault let out.

Around everything else that answers, so that no answer goes out without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai_server.app.clock import monotonic
from lingpai_server.http.answers import Answer, Streamed, error_answer

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("lingpai.http")
ACCESS_LOG = logging.getLogger("lingpai.access")

# no answer of an API is a page: whatever a browser makes of it may load and run nothing
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_DEFAULT_CACHING = (b"cache-control", b"no-store")


class Hardened:
    """Wraps an ASGI application. `https` says whether the issuer is, so that browsers are told."""

    __slots__ = ("_app", "_headers", "_log_access")

    def __init__(self, app: AsgiApp, *, https: bool, log_access: bool) -> None:
        self._app = app
        self._headers = (*_HEADERS, _STRICT_TRANSPORT) if https else _HEADERS
        self._log_access = log_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Response(self._headers, send, is_head=scope["method"] == "HEAD")
        started = monotonic()
        try:
            await self._app(scope, receive, response.send)
        except Exception:
            if response.status:  # half of an answer is out; the connection has to be cut
                raise
            await send_answer(log_fault(), response.send)
        if self._log_access:
            _log_access(scope, response.status, monotonic() - started)


class _Response:
    """One response on its way out."""

    __slots__ = ("_headers", "_is_head", "_send", "status")

    def __init__(
        self, headers: tuple[tuple[bytes, bytes], ...], send: Send, *, is_head: bool
    ) -> None:
        self._headers = headers
        self._send = send
        self._is_head = is_head
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._complete(list(message["headers"]))
        elif self._is_head and message["type"] == "http.response.body":
            message["body"] = b""  # RFC 9110 section 9.3.2
        await self._send(message)

    def _complete(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in headers}
        headers += [header for header in self._headers if header[0] not in names]
        if _DEFAULT_CACHING[0] not in names:
            headers.append(_DEFAULT_CACHING)
        return headers


def log_incident() -> str:
    """The number of a fault of ours, called while it is handled: the log gets the rest."""
    incident = base64url.encode(random_bytes(9))
    LOG.exception("incident %s", incident)
    return incident


def log_fault() -> Answer:
    """The answer to a fault of ours: the caller gets no more than its number."""
    incident = log_incident()
    return error_answer(500, "server_error", f"Something went wrong here. Incident {incident}.")


async def send_answer(answer: Answer, send: Send) -> None:
    """An answer as ASGI messages."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    if answer.status not in {204, 304}:  # RFC 9110 section 8.6
        headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def send_streamed(answer: Streamed, receive: Receive, send: Send) -> None:
    """Pieces of a body until they end, or until the peer has gone."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    gone.add_done_callback(lambda _: answer.stop())
    try:
        async for piece in answer.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        answer.stop()
        gone.cancel()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _log_access(scope: Scope, status: int, seconds: float) -> None:
    """Without the query, which callers put secrets into, and without any header."""
    peer = scope["client"][0] if scope.get("client") else "-"
    ACCESS_LOG.info(
        "%s %s %s %d %.1f ms", peer, scope["method"], scope["path"], status, seconds * 1000
    )
