"""An application that uses Authlib's client for Starlette. Its settings are JSON in APPLICATION."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "application-session"

View = Callable[[Request], Awaitable[Response]]


class Sessions:
    """What each browser's visit remembers, kept on this side; the cookie is only its number."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, dict[str, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = Request(scope).cookies.get(COOKIE) or secrets.token_urlsafe()
        scope["session"] = self._kept.setdefault(number, {})

        async def send_with_cookie(message: Any) -> None:
            if message["type"] == "http.response.start":
                cookie = f"{COOKIE}={number}; HttpOnly; Path=/; SameSite=Lax"
                message["headers"] = [*message["headers"], (b"set-cookie", cookie.encode())]
            await send(message)

        await self._app(scope, receive, send_with_cookie)


class Application:
    """Its pages."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._url = f"http://127.0.0.1:{settings['port']}"
        self._client = OAuth().register(
            name="lingpai",
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
            server_metadata_url=f"{settings['issuer']}/.well-known/openid-configuration",
            client_kwargs={"scope": settings["scope"], "code_challenge_method": "S256"},
        )

    def routes(self) -> list[Route]:
        """Every page, its errors told as JSON."""
        pages: dict[str, View] = {
            "/login": self.login,
            "/callback": self.callback,
            "/claims": self.claims,
            "/userinfo": self.userinfo,
            "/refresh": self.refresh,
            "/logout": self.logout,
            "/goodbye": self.goodbye,
        }
        return [Route(path, telling(view)) for path, view in pages.items()]

    async def login(self, request: Request) -> Response:
        """Off to the provider."""
        there: Response = await self._client.authorize_redirect(request, f"{self._url}/callback")
        return there

    async def callback(self, request: Request) -> Response:
        """Back from it."""
        request.session["token"] = await self._client.authorize_access_token(request)
        return RedirectResponse(f"{self._url}/claims", 303)

    async def claims(self, request: Request) -> Response:
        """What the ID token said."""
        return JSONResponse(request.session["token"]["userinfo"])

    async def userinfo(self, request: Request) -> Response:
        """What the provider says now."""
        return JSONResponse(await self._client.userinfo(token=request.session["token"]))

    async def refresh(self, request: Request) -> Response:
        """A new access token for the refresh token."""
        old = request.session["token"]
        metadata = await self._client.load_server_metadata()
        async with AsyncOAuth2Client(self._client.client_id, self._client.client_secret) as client:
            fresh = await client.refresh_token(
                metadata["token_endpoint"], refresh_token=old["refresh_token"]
            )
        request.session["token"] = {**old, **fresh}
        is_new = fresh["access_token"] != old["access_token"]
        return JSONResponse(
            {"access_token_is_new": is_new, "token_type": fresh["token_type"], "subject": None}
        )

    async def logout(self, request: Request) -> Response:
        """Out of the provider too."""
        there: Response = await self._client.logout_redirect(
            request,
            post_logout_redirect_uri=f"{self._url}/goodbye",
            id_token_hint=request.session["token"]["id_token"],
        )
        return there

    async def goodbye(self, request: Request) -> Response:
        """Where the provider sends the browser after that."""
        await self._client.validate_logout_response(request)
        return JSONResponse({"state": True})


def telling(view: View) -> View:
    """The same page; what the provider refused is JSON with status 400."""

    async def page(request: Request) -> Response:
        try:
            return await view(request)
        except OAuthError as refused:
            told = {"error": refused.error, "description": refused.description}
            return JSONResponse(told, 400)
        except httpx.HTTPStatusError as refused:
            return JSONResponse({"error": str(refused)}, 400)

    return page


def make_app() -> ASGIApp:
    """What the server process serves."""
    application = Application(json.loads(os.environ["APPLICATION"]))
    return Sessions(Starlette(routes=application.routes()))
