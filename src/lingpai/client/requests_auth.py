"""`auth=` for requests, and `send` for whoever uses urllib3: the same token, the same care."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPHeaderDict, Retry

from lingpai.client.challenge import wants_new_token, wants_nonce
from lingpai.client.source import TokenSource

if TYPE_CHECKING:
    import requests
    import urllib3

__all__ = ["TokenAuth", "send"]


def send(
    pool: urllib3.PoolManager, source: TokenSource, method: str, url: str, **options: Any
) -> urllib3.BaseHTTPResponse:
    """One request with urllib3, sent again at most once, with a new token or the nonce that was
    asked for. A body that cannot be read again is not sent again.

    `options` are those of `PoolManager.request`; its `headers` are kept. A redirect is followed
    only if `redirect` asks for it, and the answer to that one is given back as it comes.
    """
    given = options.pop("headers", None)
    body = Body(options.get("body"))
    is_following = options.setdefault("redirect", False)
    options["retries"] = _guard_redirects(options.get("retries"), is_following)

    def ask(token: str) -> urllib3.BaseHTTPResponse:
        headers = HTTPHeaderDict(pool.headers if given is None else given)
        headers.update(make_headers(source, method, url, token))
        return pool.request(method, url, headers=headers, **options)

    token = source.token()
    response = ask(token)
    if _was_redirected(response):
        return response
    again = _next_token(source, url, response.status, response.headers, token)
    if again is None or not body.rewind():
        return response
    response.drain_conn()
    return ask(again)


class TokenAuth:
    """For `requests.get(url, auth=TokenAuth(source))`.

    A request is sent again at most once, with a new token or the nonce that was asked for. A body
    that cannot be read again is not sent again; the next request has the new token. Requests takes
    the token off where it follows a redirect to another origin, and nothing puts it on again.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests with each request that it prepares."""
        token = self._source.token()
        request.headers.update(self._headers(request, token))
        body = Body(request.body)
        request.register_hook(
            "response", lambda response, **options: self._answer(response, token, body, options)
        )
        return request

    def _answer(
        self, response: requests.Response, token: str, body: Body, options: Mapping[str, Any]
    ) -> requests.Response:
        """The response, or that to a second request. Redirects come here one by one."""
        request = response.request
        answer, second = response, self._second(response, token)
        if second is not None and (second.body is None or body.rewind()):
            _ = response.content  # read, so that its connection can serve again
            response.close()
            answer = response.connection.send(second, **options)
            answer.history.append(response)
            answer.request = second
        if answer.is_redirect:  # a proof is for one URL (RFC 9449 section 4.2)
            request.headers.pop("DPoP", None)
        return answer

    def _second(self, response: requests.Response, token: str) -> requests.PreparedRequest | None:
        """The request to make after a refusal, if another one may help."""
        request = response.request
        if not _carries(request, token):
            return None  # it was redirected to another origin, which has no say and gets no token
        url, status = request.url or "", response.status_code
        again = _next_token(self._source, url, status, response.headers, token)
        if again is None and status == 401 and self._lacks_proof(request):
            again = token
        if again is None:
            return None
        second = request.copy()
        second.headers.update(self._headers(second, again))
        return second

    def _lacks_proof(self, request: requests.PreparedRequest) -> bool:
        """After a redirect within the origin there is none, and the new URL wants its own."""
        return self._source.dpop is not None and "DPoP" not in request.headers

    def _headers(self, request: requests.PreparedRequest, token: str) -> dict[str, str]:
        return make_headers(self._source, request.method or "", request.url or "", token)


class Body:
    """A request's body, and where it began."""

    def __init__(self, body: object) -> None:
        self._body = body
        self._start = _position(body)

    def rewind(self) -> bool:
        """Make it ready to be sent again; False for one that can be read only once."""
        if self._body is None or isinstance(self._body, (str, bytes, bytearray, memoryview)):
            return True
        seek = getattr(self._body, "seek", None)
        if self._start is None or seek is None:
            return False
        try:
            seek(self._start)
        except (OSError, ValueError):  # a pipe, or closed
            return False
        return True


def make_headers(source: TokenSource, method: str, url: str, token: str) -> dict[str, str]:
    """`Authorization`, and `DPoP` where the tokens are bound to a key (RFC 9449 section 7.1)."""
    if source.dpop is None:
        return {"Authorization": f"Bearer {token}"}
    proof = source.dpop.prove(method, url, now=time.time(), access_token=token)
    return {"Authorization": f"DPoP {token}", "DPoP": proof}


def _guard_redirects(retries: Any, is_following: bool) -> urllib3.Retry:
    """The caller's rules; beside the token, its proof is not brought to another origin either."""
    rules = Retry.from_int(retries, redirect=is_following)
    guarded = rules.remove_headers_on_redirect | {"authorization", "dpop"}
    return rules.new(remove_headers_on_redirect=guarded)


def _was_redirected(response: urllib3.BaseHTTPResponse) -> bool:
    rules = response.retries
    return rules is not None and any(each.redirect_location for each in rules.history)


def _carries(request: requests.PreparedRequest, token: str) -> bool:
    return request.headers.get("Authorization") in (f"Bearer {token}", f"DPoP {token}")


def _position(body: object) -> int | None:
    tell = getattr(body, "tell", None)
    try:
        return None if tell is None else int(tell())
    except (OSError, ValueError):
        return None


def _next_token(
    source: TokenSource, url: str, status: int, headers: Mapping[str, str], token: str
) -> str | None:
    """The token to try again with; None if that would change nothing."""
    lower = {name.lower(): value for name, value in headers.items()}
    if source.dpop is not None:
        source.dpop.learn(url, lower)  # another thread may have learnt it a moment ago
        if wants_nonce(status, lower):
            return token
    return source.renew(token) if wants_new_token(status, lower) else None
