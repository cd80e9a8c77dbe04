"""FastAPI: the OpenAPI document, FastAPI's own way to ask for scopes, WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Security, WebSocket
from tests.support.guarded_apps import ask

from lingpai.integrations.fastapi import FastAPIAuth
from lingpai.jwt.token import VerifiedToken
from lingpai.testing import FakeIssuer


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def auth(issuer: FakeIssuer) -> FastAPIAuth:
    return FastAPIAuth(issuer.verifier())


def test_the_document_names_the_scheme_and_each_routes_scopes(auth: FastAPIAuth) -> None:
    app = FastAPI()
    allowed = Depends(auth.requires(scopes=["write", "read"], permissions=["publish"]))

    @app.get("/notes")
    async def route(_: VerifiedToken = allowed) -> None: ...

    document = app.openapi()
    assert document["components"]["securitySchemes"]["bearer"] == {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of https://issuer.test.",
    }
    assert document["paths"]["/notes"]["get"]["security"] == [{"bearer": ["read", "write"]}]


def test_the_dependencies_add_no_parameter_to_the_document(auth: FastAPIAuth) -> None:
    app = FastAPI(dependencies=[Depends(auth.requires())])

    @app.get("/notes")
    async def route() -> None: ...

    assert "parameters" not in app.openapi()["paths"]["/notes"]["get"]


def test_fastapis_own_way_to_ask_for_scopes_works_too(
    issuer: FakeIssuer, auth: FastAPIAuth
) -> None:
    app = FastAPI()
    allowed = Security(auth, scopes=["read"])

    @app.get("/notes")
    async def route(token: VerifiedToken = allowed) -> str | None:
        return token.subject

    assert ask(app, "/notes", f"Bearer {issuer.token()}").status_code == 403
    assert ask(app, "/notes", f"Bearer {issuer.token(scopes=['read'])}").json() == "user-1"


def test_what_router_and_route_ask_adds_up(issuer: FakeIssuer, auth: FastAPIAuth) -> None:
    router = APIRouter(dependencies=[Depends(auth.requires(scopes=["a"]))])

    @router.get("/notes", dependencies=[Depends(auth.requires(scopes=["b"]))])
    async def route() -> None: ...

    app = FastAPI()
    app.include_router(router)
    statuses = [
        ask(app, "/notes", f"Bearer {issuer.token(scopes=scopes)}").status_code
        for scopes in (["a"], ["b"], ["a", "b"])
    ]
    assert statuses == [403, 403, 200]


def websocket(app: FastAPI, *authorization: str) -> list[Any]:
    """What the app sends to one who connects and says nothing."""
    sent: list[Any] = []
    events = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}])
    scope = {
        "type": "websocket",
        "path": "/live",
        "query_string": b"",
        "headers": [(b"authorization", value.encode()) for value in authorization],
        "subprotocols": [],
    }

    async def receive() -> Any:
        return next(events)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_a_websocket_is_accepted_with_a_token_and_closed_without(
    issuer: FakeIssuer, auth: FastAPIAuth
) -> None:
    app = FastAPI()
    allowed = Depends(auth.requires(scopes=["read"]))

    @app.websocket("/live")
    async def live(websocket: WebSocket, _: VerifiedToken = allowed) -> None:
        await websocket.accept()

    accepted = websocket(app, f"Bearer {issuer.token(scopes=['read'])}")
    assert accepted[0]["type"] == "websocket.accept"
    assert websocket(app) == [{"type": "websocket.close", "code": 1008, "reason": "token_missing"}]
    assert websocket(app, f"Bearer {issuer.token()}")[0]["reason"] == "insufficient_scope"
