"""The whole path over a real server: log in, refresh, revoke, log out; commands beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.support.client import IssuerClient, cookie_of
from tests.support.server import Server, command, serving

from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key
from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("issuer")) as running:
        made = command(
            "user", "create", "mei", "--password-stdin", data=running.data, stdin=PASSWORD + "\n"
        )
        assert made.returncode == 0, made.stderr
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[IssuerClient]:
    made = IssuerClient(server.url)
    yield made
    made.close()


def verified(server: Server, raw: str, audience: str = ORDERS) -> VerifiedToken:
    """The token, checked as any service would check it."""
    keys = KeySet.from_jwks(httpx2.get(f"{server.url}/jwks").content)
    policy = Policy(issuer=server.url, audience=audience, typ="at+jwt", status=IGNORE_STATUS)

    return verify(raw, keys, policy, now=time.time())


def tokens(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    members: dict[str, Any] = response.json()
    return members


def test_login_gives_tokens_that_verify(server: Server, client: IssuerClient) -> None:
    given = tokens(client.login("mei", PASSWORD))
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 300
    token = verified(server, given["access_token"])
    assert token.client_id == "demo-app"
    assert token.claims["amr"] == ["pwd"]


def test_refresh_gives_new_tokens_of_the_same_session(server: Server, client: IssuerClient) -> None:
    first = tokens(client.login("mei", PASSWORD))
    second = tokens(client.refresh(first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    one, two = (verified(server, given["access_token"]) for given in (first, second))
    assert one.session_id == two.session_id
    assert one.claims["jti"] != two.claims["jti"]


def test_two_tabs_get_the_same_successor(client: IssuerClient) -> None:
    first = tokens(client.login("mei", PASSWORD))["refresh_token"]
    successors = {tokens(client.refresh(first))["refresh_token"] for _ in range(3)}
    assert len(successors) == 1


def test_old_token_ends_the_session(client: IssuerClient) -> None:  # RFC 9700 section 4.14.2
    first = tokens(client.login("mei", PASSWORD))["refresh_token"]
    second = tokens(client.refresh(first))["refresh_token"]
    third = tokens(client.refresh(second))["refresh_token"]
    assert client.refresh(first).json()["error"] == "invalid_grant"
    assert client.refresh(third).json()["error"] == "invalid_grant"


def test_revoked_token_gives_nothing(client: IssuerClient) -> None:
    token = tokens(client.login("mei", PASSWORD))["refresh_token"]
    assert client.revoke(token).status_code == 200
    assert client.refresh(token).json()["error"] == "invalid_grant"


def test_cookie_mode_never_shows_the_refresh_token(client: IssuerClient) -> None:
    login = client.login("mei", PASSWORD, cookie=True)
    assert "refresh_token" not in tokens(login)
    header = login.headers["set-cookie"]
    for attribute in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age="):
        assert attribute in header
    refreshed = client.refresh_by_cookie(cookie_of(login))
    assert "refresh_token" not in tokens(refreshed)
    assert cookie_of(refreshed) != cookie_of(login)


def test_logout_ends_the_session_and_clears_the_cookie(client: IssuerClient) -> None:
    cookie = cookie_of(client.login("mei", PASSWORD, cookie=True))
    ended = client.logout_by_cookie(cookie)
    assert ended.status_code == 204
    assert "Max-Age=0" in ended.headers["set-cookie"]
    assert client.refresh_by_cookie(cookie).json()["error"] == "invalid_grant"


def test_foreign_page_can_use_no_cookie(client: IssuerClient) -> None:
    cookie = cookie_of(client.login("mei", PASSWORD, cookie=True))
    for headers in (
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ):
        assert client.refresh_by_cookie(cookie, **headers).status_code == 403
        assert client.logout_by_cookie(cookie, **headers).status_code == 403
    assert client.refresh_by_cookie(cookie).status_code == 200


def test_role_granted_while_it_runs_is_in_the_next_token(
    server: Server, client: IssuerClient
) -> None:
    first = tokens(client.login("mei", PASSWORD))
    granted = command("user", "grant", "mei", "clerk", "--api", ORDERS, data=server.data)
    assert granted.returncode == 0, granted.stderr
    second = tokens(client.refresh(first["refresh_token"]))
    token = verified(server, second["access_token"])
    assert token.roles == {"clerk"}
    assert token.permissions == {"orders:read"}


def test_api_and_client_made_while_it_runs_work_at_once(
    server: Server, client: IssuerClient
) -> None:
    audience = "https://legacy.example"
    made = command(
        "api", "create", audience, "--algorithm", "HS256", "--scope", "x", "--json",
        data=server.data,
    )  # fmt: skip
    jwk = json.loads(made.stdout)["jwk"]
    worker = command(
        "client", "create", "worker", "--api", audience, "--confidential", "--scope", "x", "--json",
        data=server.data,
    )  # fmt: skip
    secret = json.loads(worker.stdout)["client_secret"]
    given = tokens(
        httpx2.post(
            f"{server.url}/token",
            data={"grant_type": "client_credentials"},
            auth=("worker", secret),
        )
    )

    policy = Policy(issuer=server.url, audience=audience, typ="at+jwt", status=IGNORE_STATUS)
    token = verify(given["access_token"], Key.from_jwk(jwk), policy, now=time.time())
    assert token.subject == token.client_id == "worker"
    assert given["scope"] == "x"


def test_locked_user_gets_nothing_and_unlocking_mends_it(
    server: Server, client: IssuerClient
) -> None:
    token = tokens(client.login("mei", PASSWORD))["refresh_token"]
    assert command("user", "lock", "mei", data=server.data).returncode == 0
    assert client.refresh(token).json()["error"] == "invalid_grant"
    assert client.login("mei", PASSWORD).json()["error"] == "invalid_grant"
    assert command("user", "unlock", "mei", data=server.data).returncode == 0
    assert client.refresh(token).status_code == 200


def test_disabled_client_gets_nothing(server: Server, client: IssuerClient) -> None:
    token = tokens(client.login("mei", PASSWORD))["refresh_token"]
    assert command("client", "disable", "demo-app", data=server.data).returncode == 0
    assert client.refresh(token).status_code in {400, 401}
    assert client.login("mei", PASSWORD).json()["error"] == "invalid_client"
    assert command("client", "enable", "demo-app", data=server.data).returncode == 0
    assert client.refresh(token).status_code == 200


def test_password_reset_ends_every_session(server: Server, client: IssuerClient) -> None:
    made = command("user", "create", "kai", "--json", data=server.data)
    password = json.loads(made.stdout)["password"]
    token = tokens(client.login("kai", password))["refresh_token"]
    reset = command("user", "reset-password", "kai", "--json", data=server.data)
    assert client.refresh(token).json()["error"] == "invalid_grant"
    assert client.login("kai", password).json()["error"] == "invalid_grant"
    assert client.login("kai", json.loads(reset.stdout)["password"]).status_code == 200


def test_sessions_that_the_operator_ended_are_over(server: Server, client: IssuerClient) -> None:
    token = tokens(client.login("mei", PASSWORD))["refresh_token"]
    assert command("session", "end", "--user", "mei", data=server.data).returncode == 0
    assert client.refresh(token).json()["error"] == "invalid_grant"


def test_no_secret_is_ever_logged(server: Server, client: IssuerClient) -> None:
    given = tokens(client.login("mei", PASSWORD))
    client.login("mei", "wrong " + PASSWORD)
    for secret in (PASSWORD, given["access_token"], given["refresh_token"]):
        assert secret not in server.log
        assert secret not in server.output
