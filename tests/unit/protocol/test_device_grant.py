"""device_code grant: polling and redemption; RFC 8628 sections 3.4 and 3.5."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import (
    ACCESS,
    API,
    FRESH,
    KEYS,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    USER,
)

from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effect, Record, RequireVersion, StartFamily, StartSession
from lingpai_server.core.flow_effects import MoveDevice
from lingpai_server.core.flow_records import (
    BrowserSession,
    DeviceFacts,
    DeviceGrant,
    DeviceState,
)
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import DEVICE_CODE, REFRESH_TOKEN
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import DeviceRequest, Sender
from lingpai_server.protocol.token.device import decide_device

TV = replace(
    PUBLIC_CLIENT,
    grant_types=(DEVICE_CODE, REFRESH_TOKEN),
    scopes=("openid", "offline_access", "orders:read"),
)
PENDING = DeviceGrant(
    device_sha256=b"d" * 32,
    user_code="WDJBMJHT",
    client_id="app",
    audience=ORDERS,
    scopes=("openid", "orders:read"),
    authorization_details=None,
    jkt=None,
    state=DeviceState.PENDING,
    interval_seconds=5,
    polled_at=NOW - 5.0,
    expires_at=NOW + 600,
)
BROWSER = BrowserSession(
    browser_id=b"b" * 32,
    user_id=USER.user_id,
    auth_time=NOW - 100,
    amr=("pwd",),
    acr="urn:acr",
    idle_deadline=NOW + 500,
    absolute_deadline=NOW + 900,
)
APPROVED = replace(
    PENDING,
    state=DeviceState.APPROVED,
    user_id=USER.user_id,
    browser_id=BROWSER.browser_id,
    auth_time=NOW - 100,
    amr=("pwd",),
    acr="urn:acr",
)
REQUEST = DeviceRequest(PUBLIC, Secret("lp_dc_x"), "192.0.2.7")


def _facts(device: DeviceGrant = APPROVED, **changes: Any) -> DeviceFacts:
    return replace(DeviceFacts(device, TV, API, USER, ACCESS, BROWSER), **changes)


def _poll(
    facts: DeviceFacts | None,
    *,
    cmd: DeviceRequest = REQUEST,
    client: Client | None = TV,
    now: float = NOW,
) -> Decision[TokenReply | Refusal]:
    return decide_device(cmd, client, facts, POLICY, refresh_keys=KEYS, now=now, fresh=FRESH)


def _code(decision: Decision[TokenReply | Refusal]) -> ErrorCode:
    assert isinstance(decision.reply, Refusal), decision.reply
    return decision.reply.code


def _answered(decision: Decision[TokenReply | Refusal]) -> TokenReply:
    assert isinstance(decision.reply, TokenReply), decision.reply
    return decision.reply


def _one(effects: tuple[Effect, ...], kind: type[Any]) -> Any:
    [found] = [effect for effect in effects if isinstance(effect, kind)]
    return found


# before anybody answered


def test_a_poll_in_time_is_told_to_wait() -> None:
    decision = _poll(_facts(PENDING))
    assert _code(decision) is ErrorCode.AUTHORIZATION_PENDING
    assert decision.effects == (MoveDevice(PENDING, replace(PENDING, polled_at=NOW)),)


def test_the_first_poll_is_in_time() -> None:
    decision = _poll(_facts(replace(PENDING, polled_at=0.0)))
    assert _code(decision) is ErrorCode.AUTHORIZATION_PENDING


def test_a_poll_too_soon_slows_all_later_ones_down() -> None:  # section 3.5
    decision = _poll(_facts(PENDING), now=NOW - 0.1)
    assert _code(decision) is ErrorCode.SLOW_DOWN
    slower = replace(PENDING, polled_at=NOW - 0.1, interval_seconds=10)
    assert decision.effects == (MoveDevice(PENDING, slower),)


def test_the_slower_interval_holds() -> None:
    slower = replace(PENDING, interval_seconds=10)
    assert _code(_poll(_facts(slower), now=NOW + 4.9)) is ErrorCode.SLOW_DOWN
    assert _code(_poll(_facts(slower), now=NOW + 5)) is ErrorCode.AUTHORIZATION_PENDING


@pytest.mark.parametrize("state", [DeviceState.PENDING, DeviceState.APPROVED, DeviceState.DENIED])
def test_a_code_that_is_too_old_is_expired(state: DeviceState) -> None:
    decision = _poll(_facts(replace(APPROVED, state=state)), now=NOW + 600)
    assert _code(decision) is ErrorCode.EXPIRED_TOKEN
    assert decision.effects == ()


def test_a_denial_is_told() -> None:
    decision = _poll(_facts(replace(PENDING, state=DeviceState.DENIED)))
    assert _code(decision) is ErrorCode.ACCESS_DENIED


# who asks


def test_an_unknown_code_is_refused() -> None:
    assert _code(_poll(None)) is ErrorCode.INVALID_GRANT


def test_a_code_of_another_client_is_refused_alike() -> None:
    foreign = _poll(_facts(replace(APPROVED, client_id="another")))
    unknown = _poll(None)
    assert foreign == unknown


def test_an_unknown_client_is_refused() -> None:
    assert _code(_poll(_facts(), client=None)) is ErrorCode.INVALID_CLIENT


def test_a_client_that_did_not_register_for_it_is_refused() -> None:
    decision = _poll(_facts(), client=PUBLIC_CLIENT)
    assert _code(decision) is ErrorCode.UNAUTHORIZED_CLIENT


def test_a_code_bound_to_a_key_needs_that_key() -> None:
    bound = _facts(replace(APPROVED, jkt="j"))
    assert _code(_poll(bound)) is ErrorCode.INVALID_GRANT
    other = replace(REQUEST, sender=Sender(jkt="other"))
    assert _code(_poll(bound, cmd=other)) is ErrorCode.INVALID_GRANT
    _answered(_poll(bound, cmd=replace(REQUEST, sender=Sender(jkt="j"))))


def test_a_client_registered_for_dpop_needs_a_proof() -> None:  # RFC 9449 section 5.2
    client = replace(TV, settings=ClientSettings(dpop_bound=True))
    assert _code(_poll(_facts(), client=client)) is ErrorCode.INVALID_DPOP_PROOF


# redemption


def test_an_approved_device_gets_tokens() -> None:
    reply = _answered(_poll(_facts()))
    claims = reply.access.claims
    assert (claims["sub"], claims["sid"], claims["scope"]) == (
        "u-alice",
        "new-session",
        "openid orders:read",
    )
    assert (claims["auth_time"], claims["acr"]) == (NOW - 100, "urn:acr")
    assert reply.refresh_token is not None
    assert reply.id_token is not None


def test_a_redemption_is_one_compare_and_set() -> None:
    redeemed = replace(APPROVED, state=DeviceState.REDEEMED, session_id="new-session")
    effects = _poll(_facts()).effects
    assert _one(effects, MoveDevice) == MoveDevice(APPROVED, redeemed)
    versions = [effect for effect in effects if isinstance(effect, RequireVersion)]
    assert {version.kind for version in versions} == {"user", "client", "api"}


def test_a_code_is_redeemed_once() -> None:
    decision = _poll(_facts(replace(APPROVED, state=DeviceState.REDEEMED)))
    assert _code(decision) is ErrorCode.INVALID_GRANT
    assert decision.effects == ()


def test_a_device_has_a_session_that_no_browser_ends() -> None:
    session = _one(_poll(_facts()).effects, StartSession).session
    assert session.browser_id is None
    assert session.absolute_deadline == NOW + 5000  # of the policy, from now


def test_a_redemption_is_an_event() -> None:
    event = _one(_poll(_facts()).effects, Record).event
    assert (event.kind, event.user_id, event.session_id) == (
        "device.redeemed",
        "u-alice",
        "new-session",
    )


def test_a_public_devices_refresh_tokens_are_bound_to_its_key() -> None:  # RFC 9449 section 5
    cmd = replace(REQUEST, sender=Sender(jkt="j"))
    decision = _poll(_facts(), cmd=cmd)
    assert _one(decision.effects, StartFamily).family.jkt == "j"
    assert _answered(decision).access.claims["cnf"] == {"jkt": "j"}


@pytest.mark.parametrize(
    "changes",
    [
        {"user": replace(USER, status=AccountStatus.LOCKED)},
        {"user": None},
        {"browser": None},
        {"browser": replace(BROWSER, ended_at=NOW)},
    ],
)
def test_who_was_stopped_after_approving_lets_nobody_in(changes: dict[str, Any]) -> None:
    decision = _poll(_facts(**changes))
    assert _code(decision) is ErrorCode.ACCESS_DENIED
    assert decision.effects == ()


def test_a_scope_withdrawn_meanwhile_falls_away() -> None:
    client = replace(TV, scopes=("orders:read",))
    reply = _answered(_poll(_facts(), client=client))
    assert reply.scopes == ("orders:read",)
    assert reply.id_token is None


def test_an_api_withdrawn_meanwhile_is_refused() -> None:
    client = replace(TV, audiences=())
    assert _code(_poll(_facts(), client=client)) is ErrorCode.ACCESS_DENIED


def test_without_the_grant_there_is_no_refresh_token() -> None:
    client = replace(TV, grant_types=(DEVICE_CODE,))
    decision = _poll(_facts(), client=client)
    assert _answered(decision).refresh_token is None
    assert _one(decision.effects, StartFamily)  # so that what was granted can be ended
