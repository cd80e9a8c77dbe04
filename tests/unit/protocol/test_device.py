"""Device authorization: the first request and the page; RFC 8628 sections 3.1 to 3.3, 5.1, 6.1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import (
    ACCESS,
    API,
    CONFIDENTIAL_CLIENT,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    USER,
)

from lingpai_server.accounts.throttle import refund_attempt
from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Record, RequireVersion
from lingpai_server.core.flow_effects import MoveDevice, StoreDevice
from lingpai_server.core.flow_records import (
    AuthorizeFacts,
    BrowserFacts,
    BrowserSession,
    DeviceGrant,
    DeviceState,
)
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.device import (
    USER_CODE_ALPHABET,
    DeviceAuthorization,
    DeviceDecided,
    DeviceFindings,
    DevicePrompt,
    FreshDevice,
    decide_answer,
    decide_device_authorization,
    decide_prompt,
    guess_names,
    parse_device_authorization,
    parse_user_code,
    show_user_code,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import DEVICE_CODE
from lingpai_server.protocol.opaque import opaque_sha256
from lingpai_server.protocol.requests import Arrival, DeviceAuthorizationRequest, Sender

TV = replace(PUBLIC_CLIENT, grant_types=(DEVICE_CODE,), scopes=("openid", "orders:read"))
FRESH = FreshDevice(Secret("lp_dc_x"), "WDJBMJHT")
REQUEST = DeviceAuthorizationRequest(PUBLIC, address="192.0.2.7")
ADDRESS = "192.0.2.9"
BROWSER = BrowserSession(
    browser_id=b"b" * 32,
    user_id=USER.user_id,
    auth_time=NOW - 100,
    amr=("pwd",),
    acr="urn:acr",
    idle_deadline=NOW + 500,
    absolute_deadline=NOW + 900,
)
FOUND = BrowserFacts(BROWSER, USER)


def _ask(
    cmd: DeviceAuthorizationRequest = REQUEST, client: Client | None = TV, api: Any = API
) -> Decision[DeviceAuthorization | Refusal]:
    facts = AuthorizeFacts(client, api, None, None, ACCESS, None)
    return decide_device_authorization(cmd, facts, POLICY, now=NOW + 0.5, fresh=FRESH)


def _device(**changes: Any) -> DeviceGrant:
    decision = _ask()
    [stored] = [e for e in decision.effects if isinstance(e, StoreDevice)]
    return replace(stored.device, **changes)


def _refused(reply: object) -> tuple[ErrorCode, str]:
    assert isinstance(reply, Refusal), reply
    return reply.code, reply.reason


# the first request


def test_a_device_gets_a_code_to_poll_with_and_one_to_show() -> None:  # section 3.2
    assert _ask().reply == DeviceAuthorization(
        device_code=Secret("lp_dc_x"),
        user_code="WDJB-MJHT",
        verification_uri="https://id.example/device",
        verification_uri_complete="https://id.example/device?user_code=WDJB-MJHT",
        expires_in_seconds=600,
        interval_seconds=5,
    )


def test_the_store_never_holds_the_device_code() -> None:
    assert _device() == DeviceGrant(
        device_sha256=opaque_sha256(Secret("lp_dc_x")),
        user_code="WDJBMJHT",
        client_id="app",
        audience=ORDERS,
        scopes=("orders:read",),
        authorization_details=None,
        jkt=None,
        state=DeviceState.PENDING,
        interval_seconds=5,
        polled_at=0.0,
        expires_at=NOW + 600,
    )


def test_openid_is_had_by_asking_for_it() -> None:  # OpenID Connect Core section 3.1.2.1
    decision = _ask(replace(REQUEST, scopes=("openid", "orders:read")))
    [stored] = [e for e in decision.effects if isinstance(e, StoreDevice)]
    assert stored.device.scopes == ("openid", "orders:read")


def test_the_key_of_a_proof_is_remembered() -> None:
    decision = _ask(replace(REQUEST, sender=Sender(jkt="j")))
    [stored] = [e for e in decision.effects if isinstance(e, StoreDevice)]
    assert stored.device.jkt == "j"


def test_a_client_that_did_not_register_for_it_is_refused() -> None:
    assert _refused(_ask(client=PUBLIC_CLIENT).reply)[0] is ErrorCode.UNAUTHORIZED_CLIENT


def test_a_client_that_is_not_authenticated_is_refused() -> None:  # section 3.1
    secretive = replace(CONFIDENTIAL_CLIENT, client_id="app", grant_types=(DEVICE_CODE,))
    assert _refused(_ask(client=secretive).reply)[0] is ErrorCode.INVALID_CLIENT


def test_a_scope_beyond_the_client_is_refused() -> None:
    refused = _ask(replace(REQUEST, scopes=("orders:admin",)))
    assert _refused(refused.reply)[0] is ErrorCode.INVALID_SCOPE


def test_an_api_that_is_not_the_clients_is_refused() -> None:
    assert _refused(_ask(api=None).reply)[0] is ErrorCode.INVALID_TARGET


def test_details_of_a_type_that_the_api_does_not_know_are_refused() -> None:  # RFC 9396 section 5
    asking = replace(REQUEST, authorization_details='[{"type":"payment"}]')
    code = ErrorCode.INVALID_AUTHORIZATION_DETAILS
    assert _refused(_ask(asking).reply)[0] is code
    knowing = replace(API, settings=ApiSettings(details_types=("payment",)))
    assert isinstance(_ask(asking, api=knowing).reply, DeviceAuthorization)


def test_the_request_is_parsed() -> None:
    parameters = {"client_id": "app", "scope": "a b", "resource": ORDERS}
    cmd = parse_device_authorization(parameters, Arrival(address="192.0.2.7"))
    assert cmd == DeviceAuthorizationRequest(PUBLIC, ORDERS, ("a", "b"), None, "192.0.2.7")


@pytest.mark.parametrize(
    "parameters", [{}, {"client_id": "a", "resource": "x"}, {"client_id": "a", "scope": "a  b"}]
)
def test_a_request_that_cannot_be_read_is_refused(parameters: dict[str, str]) -> None:
    assert isinstance(parse_device_authorization(parameters, Arrival()), Refusal)


# the user code


@pytest.mark.parametrize(
    "typed",
    ["WDJB-MJHT", "wdjbmjht", " wdjb mjht ", "W-D-J-B-M-J-H-T", "wdjb\u2013mjht", "WDJB\u00a0MJHT"],
)
def test_case_spaces_and_dashes_do_not_matter(typed: str) -> None:  # section 6.1
    assert parse_user_code(typed) == "WDJBMJHT"


@pytest.mark.parametrize("typed", ["", "WDJBMJH", "WDJBMJHTT", "WDJB_MJHT", "ADJBMJHT", "令牌" * 4])
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert parse_user_code(typed) is None


def test_the_alphabet_spells_no_words_and_confuses_nobody() -> None:  # section 6.1
    assert len(USER_CODE_ALPHABET) == 20
    assert set("AEIOUY0123456789").isdisjoint(USER_CODE_ALPHABET)


def test_what_is_shown_is_what_is_typed() -> None:
    assert parse_user_code(show_user_code("WDJBMJHT")) == "WDJBMJHT"


# the page


def _findings(**changes: Any) -> DeviceFindings:
    values: dict[str, Any] = {"device": _device(), "client": TV, "api": API, "found": FOUND}
    return DeviceFindings(**(values | changes))


def _answer(allow: bool = True, **changes: Any) -> Decision[DeviceDecided | Refusal]:
    return decide_answer(_findings(**changes), allow=allow, address=ADDRESS, now=NOW + 9)


def test_the_person_is_asked_about_this_client_and_these_scopes() -> None:
    decision = decide_prompt(_findings(), address=ADDRESS, now=NOW + 9)
    assert decision.reply == DevicePrompt(_device(), TV, API, USER, BROWSER)


def test_a_right_code_gives_its_try_back() -> None:
    decision = decide_prompt(_findings(), address=ADDRESS, now=NOW + 9)
    assert decision.effects == refund_attempt(guess_names(USER.user_id, ADDRESS))


def test_an_approval_is_in_the_name_of_who_is_logged_in() -> None:
    moves = [e for e in _answer().effects if isinstance(e, MoveDevice)]
    approved = _device(
        state=DeviceState.APPROVED,
        user_id=USER.user_id,
        browser_id=BROWSER.browser_id,
        auth_time=NOW - 100,
        amr=("pwd",),
        acr="urn:acr",
    )
    assert moves == [MoveDevice(_device(), approved)]
    assert RequireVersion("user", USER.user_id, USER.access_version) in _answer().effects


def test_a_denial_names_nobody_in_the_grant() -> None:
    decision = _answer(allow=False)
    moves = [e for e in decision.effects if isinstance(e, MoveDevice)]
    assert moves == [MoveDevice(_device(), _device(state=DeviceState.DENIED))]
    assert decision.reply == DeviceDecided(TV, allowed=False)


@pytest.mark.parametrize(("allow", "kind"), [(True, "device.approved"), (False, "device.denied")])
def test_an_answer_is_an_event(allow: bool, kind: str) -> None:
    [event] = [e.event for e in _answer(allow).effects if isinstance(e, Record)]
    assert (event.kind, event.user_id, event.client_id) == (kind, USER.user_id, "app")
    assert event.address == ADDRESS


@pytest.mark.parametrize(
    "found",
    [
        None,
        BrowserFacts(replace(BROWSER, ended_at=NOW), USER),
        BrowserFacts(replace(BROWSER, idle_deadline=NOW + 9), USER),
        BrowserFacts(replace(BROWSER, absolute_deadline=NOW + 9), USER),
        BrowserFacts(BROWSER, replace(USER, status=AccountStatus.LOCKED)),
    ],
)
@pytest.mark.parametrize("allow", [True, False])
def test_nobody_answers_without_a_live_browser_session(
    allow: bool, found: BrowserFacts | None
) -> None:
    decision = _answer(allow, found=found)
    assert _refused(decision.reply)[0] is ErrorCode.LOGIN_REQUIRED
    assert decision.effects == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": None}, "user_code_unknown"),
        ({"client": replace(TV, disabled=True)}, "user_code_unknown"),
        ({"device": _device(expires_at=NOW + 9)}, "user_code_expired"),
        ({"device": _device(state=DeviceState.APPROVED)}, "user_code_answered"),
        ({"device": _device(state=DeviceState.DENIED)}, "user_code_answered"),
        ({"device": _device(state=DeviceState.REDEEMED)}, "user_code_answered"),
    ],
)
def test_a_code_that_is_no_good_looks_like_any_other(changes: dict[str, Any], reason: str) -> None:
    decision = _answer(**changes)
    assert _refused(decision.reply) == (ErrorCode.INVALID_GRANT, reason)
    assert isinstance(decision.reply, Refusal)
    assert decision.reply.description == "The code is not known, or not any more."
    assert decision.effects == ()  # the try stays counted
