"""What clients are given, and how: bodies, cookies, waits."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from tests.support.house import (
    BACKEND_SECRET,
    FORM,
    JSON,
    PASSWORD,
    START,
    Headers,
    House,
    Reply,
    ask,
    basic,
)
from tests.support.stores import NOTES, ORDERS

from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.verify import verify
from lingpai_server.core.effects import SetAccountStatus
from lingpai_server.core.records import AccountStatus

COOKIE = "__Host-lingpai-refresh"
OWN_PAGE = ("origin", "https://id.example")


def given(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    assert reply.header("cache-control") == "no-store"
    assert reply.header("pragma") == "no-cache"
    members: dict[str, Any] = reply.json
    return members


def by_cookie(reply: Reply) -> Headers:
    value = str(reply.header("set-cookie")).partition("=")[2].partition(";")[0]
    return (("cookie", f"theme=dark; {COOKIE}={value}"), OWN_PAGE)


def test_login_answers_as_the_token_endpoint_does(house: House) -> None:  # RFC 6749 section 5.1
    members = given(house.login())
    assert members["token_type"] == "Bearer"
    assert members["expires_in"] == 300
    assert members["scope"] == "orders:read"
    assert members["refresh_token"].startswith("lp_rt_")


def test_access_token_is_of_the_profile(house: House) -> None:  # RFC 9068 section 2.2
    raw = given(house.login())["access_token"]
    policy = Policy(
        issuer="https://id.example", audience=ORDERS, typ="at+jwt", status=IGNORE_STATUS
    )
    token = verify(raw, house.keys.ring.key_for("ES256", ORDERS).public, policy, now=START + 1)
    assert token.subject == "id-of-mei"
    assert token.roles == {"clerk"}
    assert token.permissions == {"orders:read"}
    assert {"exp", "iat", "jti", "sid", "auth_time", "amr"} <= token.claims.keys()


def test_login_for_another_resource(house: House) -> None:  # RFC 8707
    members = given(house.login(resource=NOTES))
    assert members["scope"] == "notes:read"


@pytest.mark.parametrize(
    "headers",
    [(), (OWN_PAGE,), (("sec-fetch-site", "same-origin"),), (("sec-fetch-site", "none"),)],
)
def test_login_from_an_own_page_or_none(house: House, headers: Headers) -> None:
    assert house.login(headers=headers).status == 200


def test_username_is_one_however_it_is_typed(house: House) -> None:
    assert house.login(username=" MEI ").status == 200


def test_unknown_user_locked_user_and_wrong_password_look_alike(house: House) -> None:
    replies = [house.login("wrong password"), house.login(username="nobody")]
    asyncio.run(house.store.apply([SetAccountStatus("id-of-mei", AccountStatus.LOCKED)]))
    replies += [house.login(), house.login("wrong password")]
    assert {(reply.status, reply.headers, reply.body) for reply in replies} == {
        (replies[0].status, replies[0].headers, replies[0].body)
    }
    assert replies[0].error == "invalid_grant"


def test_unknown_user_locked_user_and_wrong_password_cost_alike(house: House) -> None:
    asyncio.run(house.store.apply([SetAccountStatus("id-of-mei", AccountStatus.LOCKED)]))
    costs = []
    for username, password in (("nobody", PASSWORD), ("mei", "wrong"), ("mei", PASSWORD)):
        before = house.hasher.computed
        house.login(password, username=username)
        costs.append(house.hasher.computed - before)
    assert costs == [1, 1, 1]


def test_refused_before_the_password_costs_no_hash(house: House) -> None:
    before = house.hasher.computed
    house.login(client_id="nobody")
    house.login(resource="https://nobody.example")
    house.login(headers=(("origin", "https://evil.example"),))
    assert house.hasher.computed == before


def test_too_many_attempts_are_told_to_wait(house: House) -> None:
    replies = [house.login("wrong password") for _ in range(8)]
    assert [reply.status for reply in replies[:5]] == [400] * 5
    late = replies[-1]
    assert late.status == 429
    assert late.error == "slow_down"
    assert int(str(late.header("retry-after"))) >= 1


def test_throttled_attempt_costs_no_hash_even_with_the_right_password(house: House) -> None:
    for _ in range(8):
        house.login("wrong password")
    before = house.hasher.computed
    assert house.login().status == 429
    assert house.hasher.computed == before


def test_wait_that_was_told_is_enough(house: House) -> None:
    while (reply := house.login("wrong password")).status != 429:
        pass
    house.now += int(str(reply.header("retry-after")))
    assert house.login().status == 200


def test_throttle_counts_an_ipv6_network_as_one_address(house: House) -> None:
    body = json.dumps({"username": "x", "password": "y", "client_id": "app"}).encode()
    peers = [f"2001:db8::{number:x}" for number in range(8)]
    replies = [house.ask("POST", "/login", (JSON,), body, peer=peer) for peer in peers]
    assert replies[-1].status == 429
    assert house.ask("POST", "/login", (JSON,), body, peer="2001:db8:1::1").status == 400


def test_refresh_slides_and_narrows(house: House) -> None:
    token = given(house.login())["refresh_token"]
    members = given(house.refresh(token, scope="orders:read"))
    assert members["refresh_token"] != token
    assert members["scope"] == "orders:read"


def test_cookie_login_keeps_the_refresh_token_from_scripts(house: House) -> None:
    reply = house.login(cookie=True)
    assert "refresh_token" not in given(reply)
    attributes = str(reply.header("set-cookie")).split("; ")
    assert attributes[0].startswith(f"{COOKIE}=lp_rt_")
    assert set(attributes[1:]) == {
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
        f"Max-Age={90 * 86400}",
    }


def test_cookie_is_refreshed_by_a_cookie_that_lives_no_longer(house: House) -> None:
    first = house.login(cookie=True)
    house.now += 1000
    second = house.post_form(
        "/token", by_cookie(first), grant_type="refresh_token", client_id="app"
    )
    assert "refresh_token" not in given(second)
    assert f"Max-Age={90 * 86400 - 1000}" in str(second.header("set-cookie"))


def test_parameter_beats_the_cookie_and_stays_in_the_body(house: House) -> None:
    cookie = by_cookie(house.login(cookie=True))
    token = given(house.login())["refresh_token"]
    reply = house.refresh(token, cookie)
    assert given(reply)["refresh_token"]
    assert reply.header("set-cookie") is None


def test_logout_by_cookie_ends_and_clears(house: House) -> None:
    cookie = by_cookie(house.login(cookie=True))
    reply = house.ask("POST", "/logout", cookie)
    assert reply.status == 204
    assert reply.body == b""
    assert str(reply.header("set-cookie")).startswith(f"{COOKIE}=; ")
    assert "Max-Age=0" in str(reply.header("set-cookie"))
    again = house.post_form("/token", cookie, grant_type="refresh_token", client_id="app")
    assert again.error == "invalid_grant"


def test_logout_with_the_token_in_the_form(house: House) -> None:
    token = given(house.login())["refresh_token"]
    reply = house.post_form("/logout", refresh_token=token)
    assert reply.status == 204
    assert reply.header("set-cookie") is None
    assert house.refresh(token).error == "invalid_grant"


def test_revoke_answers_200_and_revokes(house: House) -> None:  # RFC 7009 section 2.2
    token = given(house.login())["refresh_token"]
    assert house.post_form("/revoke", client_id="app", token=token).status == 200
    assert house.refresh(token).error == "invalid_grant"
    assert house.post_form("/revoke", client_id="app", token=token).status == 200


def test_revoking_an_access_token_leaves_its_session_be(house: House) -> None:
    """RFC 7009 section 2.1: the refresh token may be revoked with it, and here is not."""
    members = given(house.login())
    raw = members["access_token"]
    assert house.post_form("/revoke", client_id="app", token=raw).status == 200
    assert house.refresh(members["refresh_token"]).status == 200


@pytest.mark.parametrize("in_header", [True, False])
def test_client_credentials(house: House, in_header: bool) -> None:
    headers = (basic("backend", BACKEND_SECRET.replace(" ", "+")),) if in_header else ()
    secret = {} if in_header else {"client_id": "backend", "client_secret": BACKEND_SECRET}
    members = given(house.post_form("/token", headers, grant_type="client_credentials", **secret))
    assert "refresh_token" not in members  # RFC 6749 section 4.4.3


def test_content_type_may_say_utf8_in_capitals(house: House) -> None:
    kind = ("content-type", "Application/X-WWW-Form-Urlencoded ; Charset=UTF-8")
    reply = house.ask("POST", "/token", (kind,), b"grant_type=x&client_id=app")
    assert reply.error == "unsupported_grant_type"


def test_body_may_come_in_pieces(house: House) -> None:
    chunks = [b"grant_ty", b"", b"pe=x&client", b"_id=app"]
    assert house.ask("POST", "/token", (FORM,), chunks).error == "unsupported_grant_type"


def test_full_hashing_queue_is_503_and_nothing_else_waits() -> None:
    """A flood of logins: those beyond the queue come back later, everyone else is served now."""
    house, let_go = House(hash_threads=1, hash_queue=1), threading.Event()
    body = json.dumps({"username": "mei", "password": PASSWORD, "client_id": "app"}).encode()

    async def scenario() -> None:
        stuck = house.hasher._admit(let_go.wait)
        waiting = asyncio.ensure_future(ask(house.app, "POST", "/login", (JSON,), body))
        for _ in range(100):  # turns of the loop, until it stands in the queue
            await asyncio.sleep(0)
        assert house.hasher._in_flight == 2
        before = await house.store.data_version()
        refused = await ask(house.app, "POST", "/login", (JSON,), body)
        assert refused.status == 503
        assert refused.error == "temporarily_unavailable"
        assert int(str(refused.header("retry-after"))) >= 1
        assert await house.store.data_version() == before  # an attempt not made is not counted
        assert (await ask(house.app, "GET", "/jwks")).status == 200
        assert (await ask(house.app, "GET", "/readyz")).status == 200
        form = f"grant_type=client_credentials&client_id=backend&client_secret={BACKEND_SECRET}"
        machine = await ask(house.app, "POST", "/token", (FORM,), form.replace(" ", "+").encode())
        assert machine.status == 200
        assert not waiting.done()
        let_go.set()
        stuck.result(timeout=10)
        assert (await waiting).status == 200

    try:
        asyncio.run(scenario())
    finally:
        let_go.set()
        house.close()


def test_parallel_guesses_are_one_flood(house: House) -> None:
    """Counted before they are hashed: of twenty at once no more than the free ones are tried."""
    body = json.dumps({"username": "mei", "password": "wrong", "client_id": "app"}).encode()

    async def scenario() -> list[Reply]:
        return await asyncio.gather(
            *(ask(house.app, "POST", "/login", (JSON,), body) for _ in range(20))
        )

    before = house.hasher.computed
    statuses = [reply.status for reply in asyncio.run(scenario())]
    assert set(statuses) == {400, 429}
    assert house.hasher.computed - before == statuses.count(400) <= 6
