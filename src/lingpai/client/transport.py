"""The one place of the client that opens connections. Knows nothing of tokens.

No redirect is followed, no cookie kept, no proxy taken from the environment; size and time are
capped.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from lingpai._version import __version__
from lingpai.verifier.urls import parse_url

__all__ = ["HttpTransport", "Reply", "Request", "RequestFailed", "Transport"]

TIMEOUT_SECONDS = 10.0
MAX_BODY_BYTES = 1024 * 1024


class RequestFailed(Exception):
    """The issuer could not be asked, or its answer cannot be read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `form` makes it a form-encoded body."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """Whatever can send."""

    def send(self, request: Request) -> Reply:
        """The answer to one request. Raises RequestFailed. Used by several threads at once."""


class HttpTransport:
    """Sends with urllib3 and keeps connections open. `ssl_context` replaces the system's trust."""

    def __init__(
        self, *, timeout_seconds: float = TIMEOUT_SECONDS, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(total=timeout_seconds), retries=False, ssl_context=ssl_context
        )

    def send(self, request: Request) -> Reply:
        """Send once. Raises RequestFailed; nothing of the request is in its message but the URL."""
        headers = {"User-Agent": f"lingpai/{__version__}", **request.headers}
        body = None
        if request.form is not None:
            body = urlencode(request.form).encode("ascii")
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            parse_url(request.url)  # https, or http on loopback
            answer = self._pool.request(
                request.method,
                request.url,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            try:
                content = answer.read(MAX_BODY_BYTES + 1, decode_content=True)
            finally:
                answer.release_conn()
        except (HTTPError, OSError, ValueError) as error:
            raise RequestFailed(f"{request.url}: {type(error).__name__}: {error}") from error
        if len(content) > MAX_BODY_BYTES:
            raise RequestFailed(f"{request.url}: the answer is larger than {MAX_BODY_BYTES} bytes")
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, lower, content)
