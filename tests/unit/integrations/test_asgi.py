"""Plain ASGI: what the middleware does with scopes, WebSockets and late refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from lingpai.integrations.asgi import BearerMiddleware, Message, Receive, Scope, Send, require
from lingpai.integrations.bearer import Denied
from lingpai.testing import FakeIssuer


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


async def accepting(scope: Scope, _: Receive, send: Send) -> None:
    await send({"type": f"{scope['type']}.reached"})


def run(app: Any, scope: Scope) -> list[Message]:
    """What the app sends for one scope."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{scope['type']}.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def scope_of(kind: str, *values: str, **members: Any) -> Scope:
    headers = [(b"authorization", value.encode()) for value in values]
    return {"type": kind, "path": "/", "headers": headers, **members}


def test_the_lifespan_passes_untouched(issuer: FakeIssuer) -> None:
    app = BearerMiddleware(accepting, issuer.verifier(lazy=True))
    assert run(app, {"type": "lifespan"}) == [{"type": "lifespan.reached"}]


def test_a_websocket_with_a_good_token_is_let_in(issuer: FakeIssuer) -> None:
    app = BearerMiddleware(accepting, issuer.verifier())
    scope = scope_of("websocket", f"Bearer {issuer.token()}")
    assert run(app, scope) == [{"type": "websocket.reached"}]


def test_a_websocket_without_token_is_closed_before_it_opens(issuer: FakeIssuer) -> None:
    app = BearerMiddleware(accepting, issuer.verifier(lazy=True))
    assert run(app, scope_of("websocket")) == [
        {"type": "websocket.close", "code": 1008, "reason": "token_missing"}
    ]


def test_a_websocket_is_told_the_challenge_where_the_server_can(issuer: FakeIssuer) -> None:
    app = BearerMiddleware(accepting, issuer.verifier(lazy=True))
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    start, body = run(app, scope_of("websocket", extensions=extensions))
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert b"www-authenticate" in dict(start["headers"])
    assert body["type"] == "websocket.http.response.body"


def test_the_servers_scope_is_not_changed(issuer: FakeIssuer) -> None:
    scope = scope_of("http", f"Bearer {issuer.token()}")
    before = dict(scope)
    run(BearerMiddleware(accepting, issuer.verifier()), scope)
    assert scope == before


@pytest.mark.parametrize("path", ["/open/", "/Open", "/open/x", "//open", "/%6fpen", "open"])
def test_public_paths_are_compared_exactly(issuer: FakeIssuer, path: str) -> None:
    app = BearerMiddleware(accepting, issuer.verifier(lazy=True), public_paths=["/open"])
    assert run(app, scope_of("http", path="/open")) == [{"type": "http.reached"}]
    assert run(app, scope_of("http", path=path))[0]["status"] == 401


def test_one_string_for_public_paths_is_a_mistake_of_the_caller(issuer: FakeIssuer) -> None:
    with pytest.raises(TypeError):
        BearerMiddleware(accepting, issuer.verifier(lazy=True), public_paths="/open")


def test_an_open_path_that_requires_something_still_asks_for_a_token(issuer: FakeIssuer) -> None:
    async def app(scope: Scope, _: Receive, __: Send) -> None:
        require(scope)

    guarded = BearerMiddleware(app, issuer.verifier(lazy=True), public_paths=["/"])
    assert run(guarded, scope_of("http"))[0]["status"] == 401


def test_require_without_the_middleware_lets_nobody_in() -> None:
    with pytest.raises(KeyError):
        require(scope_of("http"))


def test_a_refusal_after_the_response_began_reaches_the_server(issuer: FakeIssuer) -> None:
    async def app(scope: Scope, _: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        require(scope, scopes=["x"])

    guarded = BearerMiddleware(app, issuer.verifier())
    with pytest.raises(Denied):
        run(guarded, scope_of("http", f"Bearer {issuer.token()}"))


def test_the_apps_own_errors_are_not_hidden(issuer: FakeIssuer) -> None:
    async def app(_: Scope, __: Receive, ___: Send) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(BearerMiddleware(app, issuer.verifier()), scope_of("http", f"Bearer {issuer.token()}"))
