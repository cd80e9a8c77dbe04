"""`auth=` for requests, and the headers for whoever uses urllib3: the same token, the same care."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lingpai.client.challenge import wants_new_token, wants_nonce
from lingpai.client.source import TokenSource

if TYPE_CHECKING:
    import urllib3

__all__ = ["TokenAuth", "send"]


def send(
    pool: urllib3.PoolManager, source: TokenSource, method: str, url: str, **options: Any
) -> urllib3.BaseHTTPResponse:
    """One request with urllib3, sent again at most once with a new token or nonce. `options` are
    those of `PoolManager.request`; its `headers` are kept."""
    token = source.token()
    given: Mapping[str, str] = options.pop("headers", None) or {}
    response = pool.request(
        method, url, headers={**given, **make_headers(source, method, url, token)}, **options
    )
    again = _next_token(source, url, response.status, dict(response.headers), token)
    if again is None:
        return response
    response.drain_conn()
    return pool.request(
        method, url, headers={**given, **make_headers(source, method, url, again)}, **options
    )


class TokenAuth:
    """For `requests.get(url, auth=TokenAuth(source))`. A body is sent again only if it can be."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __call__(self, request: Any) -> Any:
        """Called by requests with each prepared request."""
        token = self._source.token()
        request.headers.update(make_headers(self._source, request.method, request.url, token))
        request.register_hook("response", lambda response, **kw: self._again(response, token, kw))
        return request

    def _again(self, response: Any, token: str, options: Mapping[str, Any]) -> Any:
        request = response.request
        headers = {name.lower(): value for name, value in response.headers.items()}
        again = _next_token(self._source, request.url, response.status_code, headers, token)
        if again is None or getattr(request, "_lingpai_again", False):
            return response
        response.content  # noqa: B018 - reads the answer, so that its connection can serve again
        response.close()
        second = request.copy()
        second._lingpai_again = True
        second.headers.update(make_headers(self._source, second.method, second.url, again))
        answer = response.connection.send(second, **options)
        answer.history.append(response)
        answer.request = second
        return answer


def make_headers(source: TokenSource, method: str, url: str, token: str) -> dict[str, str]:
    """`Authorization`, and `DPoP` where the tokens are bound to a key (RFC 9449 section 7.1)."""
    if source.dpop is None:
        return {"Authorization": f"Bearer {token}"}
    proof = source.dpop.prove(method, url, now=time.time(), access_token=token)
    return {"Authorization": f"DPoP {token}", "DPoP": proof}


def _next_token(
    source: TokenSource, url: str, status: int, headers: Mapping[str, str], token: str
) -> str | None:
    """The token to try again with; None if that would change nothing."""
    lower = {name.lower(): value for name, value in headers.items()}
    if source.dpop is not None and source.dpop.learn(url, lower) and wants_nonce(status, lower):
        return token
    return source.renew(token) if wants_new_token(status, lower) else None
