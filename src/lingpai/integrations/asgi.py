"""Plain ASGI: a middleware that lets in only requests with a good token. Needs no framework.

    app = BearerMiddleware(app, verifier)

    async def app(scope, receive, send):
        token = require(scope, scopes=["orders:read"])

Every request needs a token, but for the paths in `public_paths`. What a route asks beyond that it
says with `require`, whose refusal the middleware turns into the response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any, TypeAlias

from lingpai.integrations.bearer import (
    POLICY_VIOLATION,
    Bearer,
    Denial,
    Denied,
    authorization_values,
)
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import Requirement
from lingpai.verifier.verifier import Verifier

__all__ = ["BearerMiddleware", "current_token", "require"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN = "lingpai.token"
BEARER = "lingpai.bearer"


class BearerMiddleware:
    """Verifies the token of every HTTP and WebSocket request before `app` sees it.

    The token is in `scope["lingpai.token"]`; on a public path, compared exactly, that is None and
    no token is looked at. A CORS middleware belongs outside this one: a preflight has no token.
    `resource_metadata` is the URL that `protected_resource` publishes, for those who are refused.
    """

    def __init__(
        self,
        app: App,
        verifier: Verifier,
        *,
        realm: str | None = None,
        resource_metadata: str | None = None,
        public_paths: Collection[str] = (),
    ) -> None:
        if isinstance(public_paths, str):
            raise TypeError("public_paths is a collection of paths, not one string")
        self._app = app
        self._bearer = Bearer(verifier, realm=realm, resource_metadata=resource_metadata)
        self._public_paths = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer in the place of `app`."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        opening = _Opening(send)
        try:
            token = await self._authenticate(scope)
            inner = {**scope, TOKEN: token, BEARER: self._bearer}
            await self._app(inner, receive, opening.send)
        except Denied as denied:
            if opening.is_over:  # too late for another answer: the server cuts the connection
                raise
            await _answer(scope, receive, send, denied.denial)

    async def _authenticate(self, scope: Scope) -> VerifiedToken | None:
        if scope["path"] in self._public_paths:
            return None
        return await self._bearer.authenticate(authorization_values(scope["headers"]))


def current_token(scope: Scope) -> VerifiedToken | None:
    """The token that the middleware verified; None on a public path."""
    token: VerifiedToken | None = scope[TOKEN]
    return token


def require(
    scope: Scope,
    *,
    scopes: Iterable[str] = (),
    permissions: Iterable[str] = (),
    roles: Iterable[str] = (),
) -> VerifiedToken:
    """The request's token, if it carries all of these. Raises Denied, which the middleware answers.

    Raises KeyError where no `BearerMiddleware` stands before the app: a guard that is not there
    must not be mistaken for one that let the request in.
    """
    bearer: Bearer = scope[BEARER]
    requirement = Requirement.of(scopes=scopes, permissions=permissions, roles=roles)
    return bearer.authorize(scope[TOKEN], requirement)


class _Opening:
    """Knows whether the response has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_over = False

    async def send(self, message: Message) -> None:
        self.is_over = True
        await self._send(message)


async def _answer(scope: Scope, receive: Receive, send: Send, denial: Denial) -> None:
    if scope["type"] == "http":
        await _respond(send, "http.response", denial)
        return
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        await _respond(send, "websocket.http.response", denial)
    else:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": denial.reason})


async def _respond(send: Send, kind: str, denial: Denial) -> None:
    headers = [(n.lower().encode("ascii"), v.encode("ascii")) for n, v in denial.headers().items()]
    body = denial.body()
    headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", str(len(body)).encode("ascii")))
    await send({"type": f"{kind}.start", "status": denial.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
