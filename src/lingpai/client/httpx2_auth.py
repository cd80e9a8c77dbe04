"""`auth=` for httpx2: each request carries a good token, and one that is stale is renewed once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

import httpx2

from lingpai.client.challenge import wants_new_token, wants_nonce
from lingpai.client.source import TokenSource

__all__ = ["TokenAuth"]


class TokenAuth(httpx2.Auth):
    """For `httpx2.Client(auth=TokenAuth(source))` and for the asynchronous client.

    A request is sent again at most once, with a new token or the nonce that was asked for; its body
    has to be one that can be sent twice (bytes, form or JSON, not a stream).
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def sync_auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """One request, and perhaps another."""
        token = self._source.token()
        response = yield self._dress(request, token)
        if response.history:
            return  # it was redirected: whoever answered may be somebody else
        if self._learn(request, response):
            yield self._dress(request, token)
        elif wants_new_token(response.status_code, _lower(response)):
            yield self._dress(request, self._source.renew(token))

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """The same for an event loop."""
        token = await self._source.token_async()
        response = yield self._dress(request, token)
        if response.history:
            return
        if self._learn(request, response):
            yield self._dress(request, token)
        elif wants_new_token(response.status_code, _lower(response)):
            yield self._dress(request, await self._source.renew_async(token))

    def _dress(self, request: httpx2.Request, token: str) -> httpx2.Request:
        dpop = self._source.dpop
        if dpop is None:
            request.headers["Authorization"] = f"Bearer {token}"
            return request
        proof = dpop.prove(request.method, str(request.url), now=time.time(), access_token=token)
        request.headers["Authorization"] = f"DPoP {token}"
        request.headers["DPoP"] = proof
        return request

    def _learn(self, request: httpx2.Request, response: httpx2.Response) -> bool:
        """Take up a nonce; whether the request failed for the want of it."""
        dpop, headers = self._source.dpop, _lower(response)
        if dpop is None:
            return False
        dpop.learn(str(request.url), headers)  # another thread may have learnt it a moment ago
        return wants_nonce(response.status_code, headers)


def _lower(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
