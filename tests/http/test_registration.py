"""POST /register and what follows, over HTTP (RFC 7591, RFC 7592)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.house import JSON, Reply, ask
from tests.support.signed_in import ISSUER, SignedIn

from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.app.registration import RegisterClients
from lingpai_server.http.app import create_app
from lingpai_server.http.exchange import ReadingLimits
from lingpai_server.http.hardening import AsgiApp
from lingpai_server.http.registration import RegistrationEndpoint
from lingpai_server.http.routes import Route
from lingpai_server.protocol.registration import RegistrationMode, RegistrationPolicy

OPEN = RegistrationPolicy(mode=RegistrationMode.OPEN)
WISH = {
    "redirect_uris": ["https://app.example/cb"],
    "client_name": "计划",
    "scope": "openid profile",
    "backchannel_logout_uri": "https://app.example/logged-out",
}


def make(policy: RegistrationPolicy = OPEN) -> AsgiApp:
    scene = SignedIn()
    fetcher = Fetcher(OutgoingPolicy())
    clients = RegisterClients(scene.store, scene.keys, fetcher, policy, scene.clock)
    endpoint = RegistrationEndpoint(ISSUER, clients)
    routes = (
        Route("POST", "/register", endpoint.post),
        Route("GET", "/register", endpoint.get),
        Route("PUT", "/register", endpoint.put),
        Route("DELETE", "/register", endpoint.delete),
    )
    return create_app(routes, ReadingLimits(65536), https=True)


def send(
    app: AsgiApp,
    method: str,
    path: str,
    members: dict[str, Any] | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Reply:
    body = b"" if members is None else json.dumps(members).encode()
    sent = headers if members is None else (JSON, *headers)
    return asyncio.run(ask(app, method, path, sent, body))


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def test_registration_answers_all_that_was_registered() -> None:  # RFC 7591 section 3.2.1
    reply = send(make(), "POST", "/register", WISH)
    assert reply.status == 201
    assert reply.header("cache-control") == "no-store"
    answer = reply.json
    client_id = answer["client_id"]
    assert answer["registration_client_uri"] == f"{ISSUER}/register?client_id={client_id}"
    assert answer["client_secret"].startswith("lp_cs_")
    assert answer["client_secret_expires_at"] == 0
    assert answer["registration_access_token"].startswith("lp_ra_")
    assert answer.items() >= WISH.items()
    assert answer["token_endpoint_auth_method"] == "client_secret_basic"
    assert answer["grant_types"] == ["authorization_code"]
    assert answer["response_types"] == ["code"]
    assert answer["backchannel_logout_session_required"] is True
    assert isinstance(answer["client_id_issued_at"], int)


def test_registration_lives_and_ends() -> None:  # RFC 7592 section 2
    app = make()
    first = send(app, "POST", "/register", WISH).json
    path = first["registration_client_uri"].removeprefix(ISSUER)
    token = bearer(first["registration_access_token"])

    read = send(app, "GET", path, headers=[token])
    assert read.status == 200
    assert "client_secret" not in read.json
    assert "registration_access_token" not in read.json
    assert read.json.items() <= first.items()

    wish = WISH | {"client_id": first["client_id"], "client_name": "Two"}
    changed = send(app, "PUT", path, wish, [token])
    assert (changed.status, changed.json["client_name"]) == (200, "Two")
    assert send(app, "GET", path, headers=[token]).status == 401

    token = bearer(changed.json["registration_access_token"])
    deleted = send(app, "DELETE", path, headers=[token])
    assert (deleted.status, deleted.body) == (204, b"")
    assert send(app, "GET", path, headers=[token]).status == 401


@pytest.mark.parametrize(
    ("members", "error"),
    [
        (WISH | {"redirect_uris": ["http://app.example/cb"]}, "invalid_redirect_uri"),
        (WISH | {"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
    ],
)
def test_refusal_says_what_is_wrong(members: dict[str, Any], error: str) -> None:
    reply = send(make(), "POST", "/register", members)
    assert (reply.status, reply.error) == (400, error)
    assert reply.json["error_description"]


def test_closed_registration_is_forbidden() -> None:
    reply = send(make(RegistrationPolicy()), "POST", "/register", WISH)
    assert (reply.status, reply.error) == (403, "access_denied")


def test_who_brings_no_token_is_told_how() -> None:  # RFC 6750 section 3.1
    app = make(RegistrationPolicy(mode=RegistrationMode.TOKEN))
    without = send(app, "POST", "/register", WISH)
    assert without.status == 401
    assert without.header("www-authenticate") == 'Bearer realm="lingpai"'
    wrong = send(app, "POST", "/register", WISH, [bearer("lp_ia_wrong")])
    assert wrong.status == 401
    assert wrong.header("www-authenticate") == 'Bearer realm="lingpai", error="invalid_token"'


@pytest.mark.parametrize(
    "path", ["/register", "/register?client_id=", "/register?client_id=nobody"]
)
def test_registration_of_nobody_is_refused(path: str) -> None:
    assert send(make(), "GET", path, headers=[bearer("lp_ra_x")]).status == 401


def test_other_schemes_are_no_token() -> None:
    app = make(RegistrationPolicy(mode=RegistrationMode.TOKEN))
    for value in ("Basic YTpi", "Bearer", "Bearer ", "lp_ia_x"):
        reply = send(app, "POST", "/register", WISH, [("authorization", value)])
        assert reply.header("www-authenticate") == 'Bearer realm="lingpai"'


def test_body_is_one_json_object() -> None:
    app = make()
    for body in (b"[]", b'{"a":1,"a":2}', b"{"):
        reply = asyncio.run(ask(app, "POST", "/register", (JSON,), body))
        assert (reply.status, reply.error) == (400, "invalid_request")
