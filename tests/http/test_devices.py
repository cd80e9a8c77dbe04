"""Devices on the wire: RFC 8628, from the first request to the tokens, and the page's decisions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from tests.support.house import FORM, PEER, House, Reply, ask
from tests.support.stores import a_client

from lingpai_server.app.device import DecideDevice
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import CreateClient, SetAccountStatus
from lingpai_server.core.flow_effects import EndBrowser, StartBrowser
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.records import AccountStatus
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.device import DeviceDecided, DevicePrompt
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.sessions.browsers import browser_id_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
COOKIE = Secret("the cookie of a browser")


@dataclass
class Room:
    """A house with a television, and somebody at a browser."""

    house: House

    def __post_init__(self) -> None:
        now = int(self.house.now)
        television = a_client(
            "tv",
            first_party=False,
            grant_types=(GRANT, "refresh_token"),
            scopes=("openid", "orders:read"),
            settings=ClientSettings(id_token_alg="ES256"),
        )
        browser = BrowserSession(
            browser_id_of(COOKIE), "id-of-mei", now - 5, ("pwd",), "acr", now + 900, now + 900
        )
        self.apply(CreateClient(television), StartBrowser(browser))
        self.page = DecideDevice(self.house.store, lambda: self.house.now)

    def apply(self, *effects: Any) -> None:
        asyncio.run(self.house.store.apply(effects))

    def ask(self, **parameters: str) -> Reply:
        return self.house.post_form("/device_authorization", (), client_id="tv", **parameters)

    def poll(self, device_code: str, **parameters: str) -> Reply:
        sent = {"grant_type": GRANT, "device_code": device_code, "client_id": "tv"}
        return self.house.post_form("/token", (), **(sent | parameters))

    def load(self, code: str, cookie: Secret[str] | None = COOKIE) -> DevicePrompt | Refusal:
        return asyncio.run(self.page.load(code, browser_secret=cookie, address=PEER))

    def approve(self, code: str) -> DeviceDecided | Refusal:
        return asyncio.run(self.page.approve(code, browser_secret=COOKIE, address=PEER))

    def deny(self, code: str) -> DeviceDecided | Refusal:
        return asyncio.run(self.page.deny(code, browser_secret=COOKIE, address=PEER))


@pytest.fixture
def room(house: House) -> Room:
    return Room(house)


def _code(outcome: object) -> ErrorCode:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


def test_a_device_is_told_what_to_show(room: Room) -> None:  # section 3.2
    reply = room.ask()
    assert reply.status == 200
    assert reply.json.keys() == {
        *("device_code", "user_code", "verification_uri", "verification_uri_complete"),
        *("expires_in", "interval"),
    }
    shown = reply.json["user_code"]
    assert reply.json["verification_uri"] == "https://id.example/device"
    assert reply.json["verification_uri_complete"].endswith(f"?user_code={shown}")
    assert (reply.json["expires_in"], reply.json["interval"]) == (600, 5)
    assert reply.json["device_code"].startswith("lp_dc_")
    assert reply.header("cache-control") == "no-store"


def test_a_device_waits_and_is_let_in(room: Room) -> None:
    asked = room.ask(scope="openid orders:read").json
    device_code, user_code = asked["device_code"], asked["user_code"]
    pending = room.poll(device_code)
    assert (pending.status, pending.error) == (400, "authorization_pending")
    prompt = room.load(user_code.lower())
    assert isinstance(prompt, DevicePrompt)
    assert (prompt.client.client_id, prompt.device.scopes) == ("tv", ("openid", "orders:read"))
    assert isinstance(room.approve(user_code), DeviceDecided)
    room.house.now += 5
    tokens = room.poll(device_code)
    assert tokens.status == 200
    assert {"access_token", "refresh_token", "id_token"} <= tokens.json.keys()
    again = room.poll(device_code)
    assert (again.status, again.error) == (400, "invalid_grant")


def test_a_device_that_asks_too_often_is_slowed_down(room: Room) -> None:  # section 3.5
    device_code = room.ask().json["device_code"]
    room.poll(device_code)
    too_soon = room.poll(device_code)
    assert (too_soon.status, too_soon.error) == (400, "slow_down")
    room.house.now += 9
    assert room.poll(device_code).error == "slow_down"  # ten seconds by now
    room.house.now += 15
    assert room.poll(device_code).error == "authorization_pending"


def test_a_device_is_told_of_a_denial(room: Room) -> None:
    asked = room.ask().json
    room.deny(asked["user_code"])
    denied = room.poll(asked["device_code"])
    assert (denied.status, denied.error) == (400, "access_denied")


def test_a_code_expires(room: Room) -> None:
    asked = room.ask().json
    room.house.now += 600
    expired = room.poll(asked["device_code"])
    assert (expired.status, expired.error) == (400, "expired_token")
    assert _code(room.load(asked["user_code"])) is ErrorCode.INVALID_GRANT


def test_one_approval_polled_fifty_times_at_once_gives_one_session(room: Room) -> None:
    asked = room.ask().json
    room.approve(asked["user_code"])
    room.house.now += 5

    async def at_once() -> list[Reply]:
        body = f"grant_type={GRANT}&device_code={asked['device_code']}&client_id=tv".encode()
        polls = (ask(room.house.app, "POST", "/token", (FORM,), body) for _ in range(50))
        return await asyncio.gather(*polls)

    statuses = [reply.status for reply in asyncio.run(at_once())]
    assert statuses.count(200) == 1
    assert set(statuses) == {200, 400}


def test_who_was_locked_after_approving_lets_nobody_in(room: Room) -> None:
    asked = room.ask().json
    room.approve(asked["user_code"])
    room.apply(SetAccountStatus("id-of-mei", AccountStatus.LOCKED))
    assert room.poll(asked["device_code"]).error == "access_denied"


def test_the_end_of_the_browser_session_takes_the_approval_back(room: Room) -> None:
    asked = room.ask().json
    room.approve(asked["user_code"])
    room.apply(EndBrowser(browser_id_of(COOKIE), int(room.house.now), "revoked"))
    assert room.poll(asked["device_code"]).error == "access_denied"


def test_a_devices_session_outlives_the_browser_that_let_it_in(room: Room) -> None:
    asked = room.ask().json
    room.approve(asked["user_code"])
    tokens = room.poll(asked["device_code"]).json
    room.apply(EndBrowser(browser_id_of(COOKIE), int(room.house.now), "logout"))
    assert room.house.refresh(tokens["refresh_token"], client_id="tv").status == 200


# the page


@pytest.mark.parametrize("cookie", [None, Secret("of nobody")])
def test_nobody_types_codes_without_being_logged_in(room: Room, cookie: Secret[str] | None) -> None:
    user_code = room.ask().json["user_code"]
    assert _code(room.load(user_code, cookie)) is ErrorCode.LOGIN_REQUIRED


def test_guesses_are_slowed_down(room: Room) -> None:  # section 5.1
    outcomes = [_code(room.load("BBBB-BBBB")) for _ in range(6)]
    assert outcomes == [*[ErrorCode.INVALID_GRANT] * 5, ErrorCode.SLOW_DOWN]


def test_a_guesser_is_slowed_down_even_with_a_right_code(room: Room) -> None:
    user_code = room.ask().json["user_code"]
    for _ in range(6):
        room.load("BBBB-BBBB")
    assert _code(room.load(user_code)) is ErrorCode.SLOW_DOWN


def test_right_codes_cost_nothing(room: Room) -> None:
    user_code = room.ask().json["user_code"]
    assert all(isinstance(room.load(user_code), DevicePrompt) for _ in range(20))


def test_what_cannot_be_a_code_is_no_guess(room: Room) -> None:
    for _ in range(20):
        assert _code(room.load("hello")) is ErrorCode.INVALID_GRANT


def test_an_answer_is_given_once(room: Room) -> None:
    user_code = room.ask().json["user_code"]
    assert isinstance(room.approve(user_code), DeviceDecided)
    assert _code(room.deny(user_code)) is ErrorCode.INVALID_GRANT


def test_a_device_can_refuse_to_be_read(room: Room) -> None:
    assert room.house.post_form("/device_authorization").error == "invalid_client"
    assert room.house.post_form("/device_authorization", client_id="app").error == (
        "unauthorized_client"
    )
    assert room.ask(scope="orders:write").error == "invalid_scope"
