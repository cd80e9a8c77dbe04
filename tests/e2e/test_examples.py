"""Every example runs as its own head says, in a process of its own, against a fake issuer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.support.services import Service, running

from lingpai.testing import LoopbackIssuer

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[2] / "examples"
AUDIENCE = "https://orders.demo.example"
TESTED = {"fastapi_app.py"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[LoopbackIssuer]:
    with LoopbackIssuer(AUDIENCE) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def fastapi_app(issuer: LoopbackIssuer) -> Iterator[Service]:
    def command(port: int) -> Sequence[str]:
        serve = (sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws")
        return (*serve, "--port", str(port), "--working-dir", str(EXAMPLES), "fastapi_app:app")

    with running(command, environ={"ISSUER": issuer.issuer}) as service:
        yield service


def test_no_example_is_without_a_test() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == TESTED


def test_the_example_challenges_who_has_no_token(fastapi_app: Service) -> None:
    answer = fastapi_app.ask("GET", "/orders")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer realm="{AUDIENCE}"'


def test_any_token_tells_who_one_is(fastapi_app: Service, issuer: LoopbackIssuer) -> None:
    answer = fastapi_app.ask("GET", "/me", issuer.token(sub="mei"))
    assert answer.json() == {"subject": "mei", "client_id": "test-client"}


def test_scopes_and_permissions_guard_the_routes(
    fastapi_app: Service, issuer: LoopbackIssuer
) -> None:
    reader = issuer.token(scopes=["orders:read"])
    manager = issuer.token(scopes=["orders:write"], permissions=["orders:refund"])
    assert fastapi_app.ask("GET", "/orders", reader).status_code == 200
    assert fastapi_app.ask("GET", "/orders", manager).status_code == 403
    assert fastapi_app.ask("POST", "/orders/1001/refund", reader).status_code == 403
    assert fastapi_app.ask("POST", "/orders/1001/refund", manager).json()["refunded"] is True
    assert fastapi_app.ask("POST", "/orders/none/refund", manager).status_code == 404


def test_the_document_shows_what_each_route_needs(fastapi_app: Service) -> None:
    paths = fastapi_app.ask("GET", "/openapi.json").json()["paths"]
    assert paths["/orders"]["get"]["security"] == [{"bearer": ["orders:read"]}]
    assert paths["/me"]["get"]["security"] == [{"bearer": []}]


def test_requests_cause_no_call_to_the_issuer(fastapi_app: Service, issuer: LoopbackIssuer) -> None:
    raw = issuer.token(scopes=["orders:read"])
    fastapi_app.ask("GET", "/orders", raw)
    before = len(issuer.requests)
    for _ in range(50):
        assert fastapi_app.ask("GET", "/orders", raw).status_code == 200
    assert len(issuer.requests) == before
