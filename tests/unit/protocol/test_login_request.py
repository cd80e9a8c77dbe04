"""Login requests, from JSON members to a command."""

from __future__ import annotations

import base64

import pytest
from tests.support.samples import ISSUER, ORDERS

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.login_request import parse_login_request
from lingpai_server.protocol.requests import (
    Arrival,
    ClientAuthMethod,
    LoginRequest,
    PresentedClient,
)

MEMBERS = {"username": " Alice ", "password": "e\u0301t\u00e9", "client_id": "app"}


def _parse(members: dict[str, object], arrival: Arrival | None = None) -> object:
    return parse_login_request(members, arrival or Arrival(), issuer=ISSUER)


def _refused(result: object) -> tuple[ErrorCode, str]:
    assert isinstance(result, Refusal)
    return result.code, result.reason


def test_a_login_holds_the_canonical_name_and_the_normal_password() -> None:
    members = {**MEMBERS, "resource": ORDERS, "scope": "a b", "cookie": True}
    assert _parse(members, Arrival(address="192.0.2.7")) == LoginRequest(
        client=PresentedClient("app", ClientAuthMethod.NONE),
        username="alice",
        password=Secret("\u00e9t\u00e9"),
        resource=ORDERS,
        scopes=("a", "b"),
        in_cookie=True,
        address="192.0.2.7",
    )


def test_what_is_not_sent_is_none_and_no_cookie_is_asked_for() -> None:
    command = _parse(dict(MEMBERS))
    assert isinstance(command, LoginRequest)
    assert (command.resource, command.scopes, command.in_cookie) == (None, None, False)


@pytest.mark.parametrize("name", ["resource", "scope", "cookie", "client_secret"])
def test_null_is_not_sent(name: str) -> None:
    assert _parse({**MEMBERS, name: None}) == _parse(dict(MEMBERS))


def test_an_unknown_member_is_ignored() -> None:
    assert _parse({**MEMBERS, "remember": [1]}) == _parse(dict(MEMBERS))


@pytest.mark.parametrize("name", ["username", "password", "client_id"])
@pytest.mark.parametrize("empty", ["", None])
def test_a_missing_member_is_refused(name: str, empty: str | None) -> None:
    expected = (ErrorCode.INVALID_REQUEST, f"{name}_missing")
    assert _refused(_parse({**MEMBERS, name: empty})) == expected


@pytest.mark.parametrize(
    "name", ["username", "password", "client_id", "client_secret", "resource", "scope", "cookie"]
)
@pytest.mark.parametrize("value", [1, 1.5, [], {}, ["x"]])
def test_a_member_of_another_type_is_refused(name: str, value: object) -> None:
    expected = (ErrorCode.INVALID_REQUEST, "member_type_wrong")
    assert _refused(_parse({**MEMBERS, name: value})) == expected


@pytest.mark.parametrize("value", ["true", 1, 0])
def test_cookie_is_a_boolean_and_nothing_like_one(value: object) -> None:
    assert _refused(_parse({**MEMBERS, "cookie": value}))[0] is ErrorCode.INVALID_REQUEST


def test_true_is_no_username() -> None:
    assert _refused(_parse({**MEMBERS, "username": True}))[1] == "member_type_wrong"


@pytest.mark.parametrize("name", ["a\x00b", "a" * 129, "   "])
def test_a_name_that_cannot_exist_is_refused(name: str) -> None:
    assert _refused(_parse({**MEMBERS, "username": name}))[0] is ErrorCode.INVALID_REQUEST


def test_a_password_that_is_no_text_is_refused() -> None:
    assert _refused(_parse({**MEMBERS, "password": "x\ud800"}))[1] == "password_not_text"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("scope", "a  b", ErrorCode.INVALID_SCOPE),
        ("resource", "relative", ErrorCode.INVALID_TARGET),
    ],
)
def test_scope_and_resource_are_read_strictly(name: str, value: str, code: ErrorCode) -> None:
    assert _refused(_parse({**MEMBERS, name: value}))[0] is code


def test_a_confidential_client_may_use_the_basic_header() -> None:
    header = "Basic " + base64.b64encode(b"app:s").decode()
    members: dict[str, object] = {"username": "alice", "password": "p"}
    command = _parse(members, Arrival(authorization=header))
    assert isinstance(command, LoginRequest)
    method = ClientAuthMethod.CLIENT_SECRET_BASIC
    assert command.client == PresentedClient("app", method, Secret("s"))


def test_a_broken_basic_header_is_refused() -> None:
    result = _parse(dict(MEMBERS), Arrival(authorization="Basic !"))
    assert _refused(result)[0] is ErrorCode.INVALID_CLIENT


@pytest.mark.parametrize(
    "arrival", [Arrival(sec_fetch_site="cross-site"), Arrival(origin="https://evil.example")]
)
def test_a_foreign_page_cannot_log_anyone_in(arrival: Arrival) -> None:
    assert _refused(_parse(dict(MEMBERS), arrival))[0] is ErrorCode.ACCESS_DENIED


def test_a_program_that_sends_neither_header_may_log_in_even_for_a_cookie() -> None:
    assert isinstance(_parse({**MEMBERS, "cookie": True}), LoginRequest)


def test_a_command_never_shows_its_password() -> None:
    assert "hush" not in repr(_parse({**MEMBERS, "password": "hush"}))
