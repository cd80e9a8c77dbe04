"""Requests carry a good token; one that an API calls stale is renewed, and sent again once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from lingpai.client import ClientCredential, DpopKey, TokenSource
from lingpai.client.challenge import wants_new_token
from lingpai.client.httpx2_auth import TokenAuth
from lingpai.client.transport import Reply, Request
from lingpai.jose import strict_json

ISSUER = "https://id.example"
STALE = 'Bearer realm="orders", error="invalid_token", error_description="token_stale"'
REVOKED = STALE.replace("token_stale", "token_revoked")


class Issuer:
    """Answers each token request with the next token."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, request: Request) -> Reply:
        if request.method == "GET":
            document = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
            return Reply(200, {}, strict_json.encode(document))
        self.asked += 1
        members: dict[str, Any] = {
            "access_token": f"token-{self.asked}",
            "token_type": "Bearer",
            "expires_in": 300,
        }
        return Reply(200, {}, strict_json.encode(members))


def a_source(**options: Any) -> TokenSource:
    return TokenSource(
        issuer=ISSUER, client=ClientCredential("app", secret="s"), transport=Issuer(), **options
    )


class Api:
    """An API that refuses with `challenge` whatever is not in `good`."""

    def __init__(self, good: set[str], challenge: str, **headers: str) -> None:
        self.good, self.challenge, self.headers = good, challenge, headers
        self.seen: list[httpx2.Headers] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request.headers.copy())  # the request is sent again, changed
        token = request.headers["authorization"].split()[1]
        if token in self.good:
            return httpx2.Response(200, content=request.content)
        return httpx2.Response(401, headers={"www-authenticate": self.challenge, **self.headers})


def call(api: Api, source: TokenSource) -> httpx2.Response:
    with httpx2.Client(transport=httpx2.MockTransport(api), auth=TokenAuth(source)) as client:
        return client.post("https://orders.example/orders?x=1", json={"id": 1})


def call_async(api: Api, source: TokenSource) -> httpx2.Response:
    async def send() -> httpx2.Response:
        transport = httpx2.MockTransport(api)
        async with httpx2.AsyncClient(transport=transport, auth=TokenAuth(source)) as client:
            return await client.post("https://orders.example/orders?x=1", json={"id": 1})

    return asyncio.run(send())


both = pytest.mark.parametrize("send", [call, call_async])
Call = Callable[[Api, TokenSource], httpx2.Response]


@both
def test_a_request_carries_the_token(send: Call) -> None:
    api = Api({"token-1"}, STALE)
    assert send(api, a_source()).status_code == 200
    assert len(api.seen) == 1


@both
def test_a_stale_token_is_renewed_and_the_user_notices_nothing(send: Call) -> None:
    api = Api({"token-2"}, STALE)
    answer = send(api, a_source())
    assert (answer.status_code, answer.content) == (200, b'{"id":1}')


@both
def test_the_second_refusal_is_the_callers(send: Call) -> None:
    api = Api(set(), STALE)
    assert send(api, a_source()).status_code == 401
    assert len(api.seen) == 2


@both
def test_a_revoked_token_is_not_renewed_behind_the_users_back(send: Call) -> None:
    api = Api({"token-2"}, REVOKED)
    assert send(api, a_source()).status_code == 401
    assert len(api.seen) == 1


@both
def test_a_nonce_that_the_api_wants_is_taken_up(send: Call) -> None:
    """RFC 9449 section 9."""
    api = Api(set(), 'DPoP error="use_dpop_nonce"', **{"dpop-nonce": "n-1"})
    source = a_source(dpop=DpopKey())
    send(api, source)
    first, second = api.seen
    assert first["authorization"] == "DPoP token-1"
    assert first["dpop"] != second["dpop"]


def test_another_origin_that_a_redirect_leads_to_gets_no_token_and_has_no_say() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.url.host == "orders.example":
            return httpx2.Response(307, headers={"location": "https://evil.example/"})
        return httpx2.Response(401, headers={"www-authenticate": STALE})

    source = a_source()
    transport = httpx2.MockTransport(answer)
    with httpx2.Client(transport=transport, auth=TokenAuth(source)) as client:
        client.post("https://orders.example/", json={}, follow_redirects=True)
    assert [request.headers.get("authorization") for request in seen] == ["Bearer token-1", None]
    assert source.token() == "token-1"


@pytest.mark.parametrize(
    ("status", "challenge", "expected"),
    [
        (401, STALE, True),
        (401, 'Bearer error="invalid_token"', True),
        (401, STALE.replace("token_stale", "status_unknown"), True),  # a list of the last epoch
        (401, REVOKED, False),
        (401, 'Bearer realm="x"', False),
        (401, 'Bearer error="insufficient_user_authentication"', False),
        (403, STALE, False),
        (200, STALE, False),
    ],
)
def test_what_a_new_token_would_help(status: int, challenge: str, expected: bool) -> None:
    assert wants_new_token(status, {"www-authenticate": challenge}) is expected
