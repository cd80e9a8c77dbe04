"""One little API, guarded by each integration: the same routes, the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import httpx2
from fastapi import Depends, FastAPI
from litestar import Litestar, get
from tests.support.django_site import guarded_site

from lingpai.integrations.asgi import (
    App,
    BearerMiddleware,
    Receive,
    Scope,
    Send,
    current_token,
    require,
)
from lingpai.integrations.fastapi import FastAPIAuth
from lingpai.integrations.litestar import CurrentToken, LitestarAuth
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier import Verifier

REALM = "the API"

# What each route asks of a token.
ROUTES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "/any": {},
    "/read": {"scopes": ["notes:read"]},
    "/write": {"scopes": ["notes:write", "notes:read"], "permissions": ["publish"]},
    "/admin": {"roles": ["admin"]},
}


def plain_asgi(verifier: Verifier) -> App:
    """Guarded by the middleware."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/open":
            subject = "nobody" if current_token(scope) is None else "somebody"
        else:
            subject = require(scope, **ROUTES[scope["path"]]).subject or ""
        body = json.dumps({"subject": subject}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return BearerMiddleware(app, verifier, realm=REALM, public_paths=["/open"])


def fastapi(verifier: Verifier) -> App:
    """Guarded by dependencies."""
    auth, app = FastAPIAuth(verifier, realm=REALM), FastAPI()

    @app.get("/open")
    async def open_route() -> dict[str, str]:
        return {"subject": "nobody"}

    def add(path: str, asked: Mapping[str, Sequence[str]]) -> None:
        allowed = Depends(auth.requires(**asked))

        @app.get(path)
        async def route(token: VerifiedToken = allowed) -> dict[str, str | None]:
            return {"subject": token.subject}

    for path, asked in ROUTES.items():
        add(path, asked)
    return app


def litestar(verifier: Verifier) -> App:
    """Guarded by guards."""
    auth = LitestarAuth(verifier, realm=REALM)

    @get("/open")
    async def open_route() -> dict[str, str]:
        return {"subject": "nobody"}

    def guarded(path: str, asked: Mapping[str, Sequence[str]]) -> Any:
        @get(path, guards=[auth.requires(**asked)])
        async def route(token: CurrentToken) -> dict[str, str | None]:
            return {"subject": token.subject}

        return route

    routes = [guarded(path, asked) for path, asked in ROUTES.items()]
    return cast("App", Litestar([open_route, *routes], plugins=[auth]))


def django(verifier: Verifier) -> App:
    """Guarded by decorators of plain functions."""
    return guarded_site(verifier, ROUTES, realm=REALM, is_async=False)


def async_django(verifier: Verifier) -> App:
    """Guarded by decorators of coroutine functions."""
    return guarded_site(verifier, ROUTES, realm=REALM, is_async=True)


APPS: Mapping[str, Callable[[Verifier], App]] = {
    "plain ASGI": plain_asgi,
    "FastAPI": fastapi,
    "Litestar": litestar,
    "Django": django,
    "Django, async": async_django,
}


def ask(
    app: App, path: str, *authorization: str | bytes, method: str = "GET", **options: Any
) -> httpx2.Response:
    """One request with these Authorization headers."""

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=cast("Any", app))
        async with httpx2.AsyncClient(transport=transport, base_url="https://api.test") as client:
            headers = [
                (b"authorization", value.encode() if isinstance(value, str) else value)
                for value in authorization
            ]
            return await client.request(method, path, headers=headers, **options)

    return asyncio.run(send())
