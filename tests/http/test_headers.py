"""What holds for every response, whoever made it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.house import FORM, JSON, House, ask, with_server

from lingpai_server.http.answers import Answer
from lingpai_server.http.app import create_app
from lingpai_server.http.exchange import Exchange, ReadingLimits
from lingpai_server.http.hardening import AsgiApp, Hardened
from lingpai_server.http.routes import Route

OAUTH = "oauth-authorization-server"

REQUESTS = [
    ("GET", "/jwks", ()),
    ("GET", "/healthz", ()),
    ("HEAD", "/jwks", ()),
    ("GET", "/nowhere", ()),
    ("PUT", "/token", ()),
    ("OPTIONS", "/token", ()),
    ("POST", "/token", (FORM,)),
    ("POST", "/login", (JSON,)),
    ("POST", "/login", ()),
]


@pytest.mark.parametrize(("method", "path", "headers"), REQUESTS)
def test_security_headers_are_on_everything(
    house: House, method: str, path: str, headers: Any
) -> None:
    reply = house.ask(method, path, headers, b"x")
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("referrer-policy") == "no-referrer"
    policy = str(reply.header("content-security-policy"))
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.header("cache-control") is not None


def test_browsers_are_told_to_stay_on_https_only_where_it_is(house: House) -> None:
    assert house.ask("GET", "/healthz").header("strict-transport-security") is not None
    house.config = with_server(house.config, issuer="http://127.0.0.1:8000")
    house.app = house.open()
    assert house.ask("GET", "/healthz").header("strict-transport-security") is None


@pytest.mark.parametrize("path", ["/jwks", "/healthz", "/.well-known/openid-configuration"])
def test_head_is_get_without_its_body(house: House, path: str) -> None:  # RFC 9110 section 9.3.2
    get, head = house.ask("GET", path), house.ask("HEAD", path)
    assert head.status == get.status == 200
    assert head.body == b""
    assert head.header("content-length") == str(len(get.body))
    assert set(head.headers) == set(get.headers)


def test_options_names_the_methods(house: House) -> None:
    reply = house.ask("OPTIONS", "/token")
    assert reply.status == 204
    assert "POST" in str(reply.header("allow"))


async def fail(_exchange: Exchange) -> Answer:
    raise RuntimeError("a detail that is nobody's business")


async def fail_outside_the_endpoints(_scope: Any, _receive: Any, _send: Any) -> None:
    raise RuntimeError("a detail that is nobody's business")


FAULTY: list[AsgiApp] = [
    create_app([Route("GET", "/fault", fail)], ReadingLimits(1024), https=False),
    Hardened(fail_outside_the_endpoints, https=False, log_access=False),
]


@pytest.mark.parametrize("app", FAULTY, ids=["in an endpoint", "outside the endpoints"])
def test_fault_of_ours_is_logged_under_a_number_and_tells_nothing(
    app: AsgiApp, caplog: pytest.LogCaptureFixture
) -> None:
    reply = asyncio.run(ask(app, "GET", "/fault"))
    assert reply.status == 500
    assert reply.error == "server_error"
    assert b"detail" not in reply.body
    incident = reply.json["error_description"].split()[-1].rstrip(".")
    assert incident in caplog.text
    assert "a detail" in caplog.text


def test_fault_in_the_middle_of_an_answer_cuts_it_off() -> None:
    async def begin_and_fail(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    app = Hardened(begin_and_fail, https=False, log_access=False)
    with pytest.raises(RuntimeError):
        asyncio.run(ask(app, "GET", "/"))


def test_store_that_is_away_is_503_with_a_time_to_come_back(house: House) -> None:
    asyncio.run(house.store.close())
    for reply in (house.login(), house.refresh("x"), house.ask("GET", "/.well-known/" + OAUTH)):
        assert reply.status == 503
        assert reply.error == "temporarily_unavailable"
        assert reply.header("retry-after") == "1"


def test_access_log_holds_no_query_and_no_header(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house.config = with_server(house.config, access_log=True)
    house.app = house.open()
    house.ask("GET", "/jwks?token=hidden", (("authorization", "Bearer hidden"),))
    (record,) = [entry for entry in caplog.records if entry.name == "lingpai.access"]
    assert "GET /jwks 200" in record.getMessage()
    assert "hidden" not in record.getMessage()


def run_router(scope: dict[str, Any], *received: str) -> list[str]:
    """The types of what an application without routes sends, when it is sent these."""
    app = create_app([], ReadingLimits(1024), https=False)
    coming, sent = iter(received), list[str]()

    async def receive() -> dict[str, Any]:
        return {"type": next(coming)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return sent


def test_a_server_that_starts_and_stops_the_application_is_answered() -> None:
    sent = run_router({"type": "lifespan"}, "lifespan.startup", "lifespan.shutdown")
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_websocket_is_closed_before_it_is_open() -> None:
    assert run_router({"type": "websocket", "path": "/token"}) == ["websocket.close"]
