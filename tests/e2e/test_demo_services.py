"""The two demo services beside a real issuer: they let in who may, and never ask per request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.support.client import IssuerClient
from tests.support.server import Server, command, free_port, serving
from tests.support.services import Service, demo_service

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
NOTES = "https://notes.demo.example"
PASSWORD = "correct horse battery staple"
SCOPES = "orders:read orders:write notes:read notes:write"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An issuer with a clerk, who may read orders, and a manager, who may refund them."""
    with serving(tmp_path_factory.mktemp("issuer")) as server:
        for user in ("clerk", "manager"):
            run(server, "user", "create", user, "--password-stdin", stdin=PASSWORD + "\n")
            run(server, "user", "grant", user, user, "--api", ORDERS)
        yield server


def run(server: Server, *arguments: str, stdin: str = "") -> None:
    done = command(*arguments, data=server.data, stdin=stdin)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def orders(issuer: Server) -> Iterator[Service]:
    with demo_service("orders", issuer.url) as service:
        yield service


@pytest.fixture(scope="module")
def notes(issuer: Server) -> Iterator[Service]:
    with demo_service("notes", issuer.url) as service:
        yield service


def token(issuer: Server, user: str, resource: str, scope: str) -> str:
    client = IssuerClient(issuer.url)
    answer = client.login(user, PASSWORD, resource=resource, scope=scope)
    client.close()
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def stats(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.ask("GET", "/_demo/stats").json()
    return found


def test_orders_are_read_with_the_scope(issuer: Server, orders: Service) -> None:
    raw = token(issuer, "clerk", ORDERS, "orders:read")
    answer = orders.ask("GET", "/orders", raw)
    assert answer.status_code == 200
    assert [order["order_id"] for order in answer.json()["orders"]] == ["1001", "1002"]


def test_orders_without_a_token_get_a_challenge(orders: Service) -> None:  # RFC 6750 section 3
    answer = orders.ask("GET", "/orders")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="orders"'


def test_a_token_for_one_api_is_refused_at_the_other(
    issuer: Server, orders: Service, notes: Service
) -> None:  # RFC 9068 section 4: aud
    raw = token(issuer, "manager", ORDERS, "orders:read")
    assert orders.ask("GET", "/orders", raw).status_code == 200
    refused = notes.ask("GET", "/notes", raw)
    assert (refused.status_code, "audience_mismatch" in refused.text) == (401, True)


def test_a_refund_needs_the_permission(issuer: Server, orders: Service) -> None:
    asked: dict[str, Any] = {"json": {"order_id": "1001"}}
    clerk = token(issuer, "clerk", ORDERS, "orders:read orders:write")
    refused = orders.ask("POST", "/orders/refund", clerk, **asked)
    assert (refused.status_code, "insufficient_permission" in refused.text) == (403, True)
    manager = token(issuer, "manager", ORDERS, "orders:read orders:write")
    assert orders.ask("POST", "/orders/refund", manager, **asked).json()["refunded"] is True


def test_a_refund_needs_the_scope_too(issuer: Server, orders: Service) -> None:
    raw = token(issuer, "manager", ORDERS, "orders:read")
    refused = orders.ask("POST", "/orders/refund", raw, json={"order_id": "1001"})
    assert refused.status_code == 403
    assert 'scope="orders:write"' in refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"order_id":1}', 400),
        (b'{"order_id":"1001","more":1}', 400),
        (b'{"order_id":"none"}', 404),
        (b'{"order_id":"' + b"x" * 5000 + b'"}', 413),
    ],
)
def test_a_refund_that_makes_no_sense_changes_nothing(
    issuer: Server, orders: Service, body: bytes, status: int
) -> None:
    raw = token(issuer, "manager", ORDERS, "orders:read orders:write")
    before = orders.ask("GET", "/orders", raw).json()
    assert orders.ask("POST", "/orders/refund", raw, content=body).status_code == status
    assert orders.ask("GET", "/orders", raw).json() == before


def test_unknown_paths_and_methods_are_told_apart(issuer: Server, orders: Service) -> None:
    raw = token(issuer, "clerk", ORDERS, "orders:read")
    assert orders.ask("GET", "/nothing", raw).status_code == 404
    assert orders.ask("DELETE", "/orders", raw).status_code == 405
    assert orders.ask("GET", "/nothing").status_code == 401


def test_a_note_bears_the_name_of_its_author(issuer: Server, notes: Service) -> None:
    raw = token(issuer, "clerk", NOTES, "notes:read notes:write")
    written = notes.ask("POST", "/notes", raw, json={"text": "hello"})
    assert written.status_code == 201
    assert written.json() in notes.ask("GET", "/notes", raw).json()["notes"]
    assert written.json()["author"]


def test_a_note_is_not_written_with_the_scope_to_read(issuer: Server, notes: Service) -> None:
    raw = token(issuer, "clerk", NOTES, "notes:read")
    assert notes.ask("POST", "/notes", raw, json={"text": "hello"}).status_code == 403


def test_a_note_is_removed_by_moderators_only(issuer: Server, notes: Service) -> None:
    raw = token(issuer, "clerk", NOTES, "notes:read notes:write")
    refused = notes.ask("DELETE", "/notes/1", raw)
    assert (refused.status_code, "insufficient_permission" in refused.text) == (403, True)


def test_requests_cause_no_call_to_the_issuer(issuer: Server, orders: Service) -> None:
    raw = token(issuer, "clerk", ORDERS, "orders:read")
    orders.ask("GET", "/orders", raw)
    before = stats(orders)
    for _ in range(50):
        assert orders.ask("GET", "/orders", raw).status_code == 200
    after = stats(orders)
    assert after["fetches"] == before["fetches"]
    assert after["cache_hits"] == before["cache_hits"] + 50


def test_the_services_go_on_when_the_issuer_is_gone(tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("gone")
    with serving(folder) as issuer:
        run(issuer, "user", "create", "mei", "--password-stdin", stdin=PASSWORD + "\n")
        first = token(issuer, "mei", NOTES, "notes:read")
        second = token(issuer, "mei", NOTES, "notes:read")
        with demo_service("notes", issuer.url) as notes:
            assert notes.ask("GET", "/notes", first).status_code == 200
            issuer.kill()
            for raw in (first, second):  # one that is remembered, and one never seen before
                assert notes.ask("GET", "/notes", raw).status_code == 200


def test_a_service_that_never_reached_its_issuer_says_so_in_time(issuer: Server) -> None:
    raw = token(issuer, "clerk", ORDERS, "orders:read")
    with demo_service("orders", f"http://127.0.0.1:{free_port()}") as lonely:
        answer = lonely.ask("GET", "/orders", raw)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_another_audience_can_be_named(issuer: Server) -> None:
    raw = token(issuer, "clerk", NOTES, "notes:read")
    with demo_service("orders", issuer.url, "--audience", NOTES) as service:
        assert service.ask("GET", "/orders", raw).status_code == 403  # it has no orders:read


@pytest.mark.parametrize("name", ["orders", "notes"])
def test_a_service_stops_when_it_is_asked_to(issuer: Server, name: str) -> None:
    with demo_service(name, issuer.url) as service:
        assert service.stop() == 0


@pytest.mark.parametrize("issuer_url", ["http://id.example", "nonsense", ""])
def test_an_issuer_that_may_not_be_trusted_is_named(issuer_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lingpai_server.demo.orders", "--issuer", issuer_url, "--port", "1"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("orders: ")
    assert "Traceback" not in done.stderr


def test_statistics_are_for_this_machine_and_need_no_token(orders: Service) -> None:
    answer = httpx2.get(f"{orders.url}/_demo/stats")
    assert set(answer.json()) >= {"verified", "cache_hits", "refused", "fetches"}
