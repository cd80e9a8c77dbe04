"""What scripts of other origins may ask (CORS, the Fetch Standard), each time as nobody."""

from __future__ import annotations

import pytest
from tests.support.house import FORM, JSON, Headers, House, Reply

SCRIPT = ("origin", "https://app.example")
OPEN = [
    ("POST", "/token"),
    ("POST", "/par"),
    ("POST", "/revoke"),
    ("GET", "/userinfo"),
    ("POST", "/userinfo"),
    ("GET", "/jwks"),
    ("GET", "/status-lists"),
    ("GET", "/status-lists/of-any-name"),  # Token Status List section 8.1
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/openid-configuration"),
]
CLOSED = [
    ("POST", "/login"),
    ("POST", "/logout"),
    ("POST", "/introspect"),
    ("GET", "/healthz"),
    ("GET", "/nowhere"),
]


def preflight(house: House, method: str, path: str) -> Reply:
    asked: Headers = (SCRIPT, ("access-control-request-method", method))
    return house.ask("OPTIONS", path, asked)


def cors_headers(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers if name.startswith("access-control-")}


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_script_of_any_origin_may_read_the_answer(house: House, method: str, path: str) -> None:
    reply = house.ask(method, path, (SCRIPT, FORM))
    assert reply.header("access-control-allow-origin") == "*"
    assert "WWW-Authenticate" in str(reply.header("access-control-expose-headers"))


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_preflight_is_answered(house: House, method: str, path: str) -> None:
    reply = preflight(house, method, path)
    assert reply.status == 204
    assert reply.header("access-control-allow-origin") == "*"
    assert method in str(reply.header("access-control-allow-methods"))
    allowed = str(reply.header("access-control-allow-headers")).lower().split(", ")
    assert {"authorization", "content-type", "dpop"} <= set(allowed)


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_no_script_may_send_cookies(house: House, method: str, path: str) -> None:
    for reply in (preflight(house, method, path), house.ask(method, path, (SCRIPT, FORM))):
        assert reply.header("access-control-allow-credentials") is None


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_all_else_is_shared_with_no_other_origin(house: House, method: str, path: str) -> None:
    for reply in (preflight(house, method, path), house.ask(method, path, (SCRIPT, JSON), b"{}")):
        assert cors_headers(reply) == {}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_script_may_read_why_it_is_refused(house: House, method: str) -> None:
    reply = house.ask(method, "/token", (SCRIPT,))
    assert reply.status == 405
    assert reply.header("access-control-allow-origin") == "*"


def test_preflight_asks_no_endpoint(house: House) -> None:
    before = house.version()
    preflight(house, "POST", "/token")
    assert house.version() == before
