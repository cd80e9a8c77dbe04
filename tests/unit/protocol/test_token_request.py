"""Token requests, from parameters to commands: RFC 6749 section 3.2, and the cookie mode."""

from __future__ import annotations

import pytest
from tests.support.samples import ISSUER, ORDERS

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import DEVICE_CODE, GRANT_TYPES, TOKEN_EXCHANGE
from lingpai_server.protocol.requests import (
    Arrival,
    ClientAuthMethod,
    ClientCredentialsRequest,
    DeviceRequest,
    ExchangeRequest,
    PresentedClient,
    RefreshRequest,
)
from lingpai_server.protocol.token.request import parse_token_request

REFRESH = {"grant_type": "refresh_token", "client_id": "app"}
COOKIE = Secret("from-the-cookie")
OWN_PAGE = Arrival(refresh_cookie=COOKIE, sec_fetch_site="same-origin", address="192.0.2.7")


def _parse(parameters: dict[str, str], arrival: Arrival | None = None) -> object:
    return parse_token_request(parameters, arrival or Arrival(), issuer=ISSUER)


def _refused(result: object) -> tuple[ErrorCode, str]:
    assert isinstance(result, Refusal)
    return result.code, result.reason


def test_a_refresh_by_parameter() -> None:
    parameters = {**REFRESH, "refresh_token": "t", "scope": "a b", "resource": ORDERS}
    assert _parse(parameters, Arrival(address="192.0.2.7")) == RefreshRequest(
        client=PresentedClient("app", ClientAuthMethod.NONE),
        refresh_token=Secret("t"),
        resource=ORDERS,
        scopes=("a", "b"),
        in_cookie=False,
        address="192.0.2.7",
    )


def test_a_refresh_by_cookie_answers_by_cookie() -> None:
    command = _parse(REFRESH, OWN_PAGE)
    assert isinstance(command, RefreshRequest)
    assert command.refresh_token == COOKIE
    assert command.in_cookie


def test_the_parameter_wins_over_the_cookie() -> None:
    command = _parse({**REFRESH, "refresh_token": "t"}, OWN_PAGE)
    assert isinstance(command, RefreshRequest)
    assert command.refresh_token == Secret("t")
    assert not command.in_cookie


@pytest.mark.parametrize(
    "arrival",
    [
        Arrival(refresh_cookie=COOKIE, sec_fetch_site="cross-site"),
        Arrival(refresh_cookie=COOKIE, sec_fetch_site="same-site"),
        Arrival(refresh_cookie=COOKIE, origin="https://evil.example"),
        Arrival(refresh_cookie=COOKIE),
    ],
)
def test_a_foreign_page_cannot_spend_the_cookie(arrival: Arrival) -> None:
    assert _refused(_parse(REFRESH, arrival))[0] is ErrorCode.ACCESS_DENIED


def test_a_parameter_needs_no_origin() -> None:
    arrival = Arrival(sec_fetch_site="cross-site", origin="https://spa.example")
    assert isinstance(_parse({**REFRESH, "refresh_token": "t"}, arrival), RefreshRequest)


def test_a_refresh_without_any_token_is_refused() -> None:
    expected = (ErrorCode.INVALID_REQUEST, "refresh_token_missing")
    assert _refused(_parse(REFRESH)) == expected


def test_client_credentials() -> None:
    parameters = {"grant_type": "client_credentials", "client_id": "b", "client_secret": "s"}
    client = PresentedClient("b", ClientAuthMethod.CLIENT_SECRET_POST, Secret("s"))
    assert _parse(parameters) == ClientCredentialsRequest(client)


def test_no_grant_type_is_refused() -> None:
    expected = (ErrorCode.INVALID_REQUEST, "grant_type_missing")
    assert _refused(_parse({"client_id": "app"})) == expected


@pytest.mark.parametrize(
    "grant_type", ["password", "Authorization_Code", "implicit", "Refresh_Token", "令牌"]
)
def test_an_unknown_grant_type_is_refused(grant_type: str) -> None:  # RFC 6749 section 5.2
    result = _parse({"grant_type": grant_type, "client_id": "app"})
    assert _refused(result)[0] is ErrorCode.UNSUPPORTED_GRANT_TYPE


def test_an_unknown_parameter_is_ignored() -> None:  # RFC 6749 section 3.2
    assert isinstance(_parse({**REFRESH, "refresh_token": "t", "x": "y"}), RefreshRequest)


@pytest.mark.parametrize("grant_type", ["refresh_token", "client_credentials"])
@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("scope", "a  b", ErrorCode.INVALID_SCOPE),
        ("resource", "not a uri", ErrorCode.INVALID_TARGET),
        ("resource", "https://api.example/#x", ErrorCode.INVALID_TARGET),
    ],
)
def test_scope_and_resource_are_read_strictly(
    grant_type: str, name: str, value: str, code: ErrorCode
) -> None:
    parameters = {"grant_type": grant_type, "client_id": "app", "refresh_token": "t", name: value}
    assert _refused(_parse(parameters))[0] is code


@pytest.mark.parametrize("grant_type", ["refresh_token", "client_credentials"])
def test_a_request_of_nobody_is_refused(grant_type: str) -> None:
    result = _parse({"grant_type": grant_type, "refresh_token": "t"})
    assert _refused(result)[0] is ErrorCode.INVALID_CLIENT


def test_a_command_never_shows_its_token() -> None:
    assert "hush" not in repr(_parse({**REFRESH, "refresh_token": "hush"}))


def test_a_device_is_parsed() -> None:  # RFC 8628 section 3.4
    parameters = {"grant_type": DEVICE_CODE, "device_code": "d", "client_id": "app"}
    client = PresentedClient("app", ClientAuthMethod.NONE)
    assert _parse(parameters) == DeviceRequest(client, Secret("d"))


def test_a_device_without_its_code_is_refused() -> None:
    refused = _refused(_parse({"grant_type": DEVICE_CODE, "client_id": "app"}))
    assert refused == (ErrorCode.INVALID_REQUEST, "device_code_missing")


def test_an_exchange_is_parsed() -> None:  # RFC 8693 section 2.1
    parameters = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": "t",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "client_id": "app",
    }
    client = PresentedClient("app", ClientAuthMethod.NONE)
    assert _parse(parameters) == ExchangeRequest(client, Secret("t"))


def test_every_grant_that_is_advertised_is_parsed() -> None:  # RFC 8414 section 2
    for grant_type in GRANT_TYPES:
        result = _parse({"grant_type": grant_type, "client_id": "app"})
        code = result.code if isinstance(result, Refusal) else None
        assert code is not ErrorCode.UNSUPPORTED_GRANT_TYPE
