"""A token request, from its parameters to a command (RFC 6749 section 3.2). Looks nothing up."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import parse_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
)
from lingpai_server.protocol.origin_check import check_ambient_request
from lingpai_server.protocol.requests import (
    Arrival,
    ClientCredentialsRequest,
    DeviceRequest,
    PresentedClient,
    RefreshRequest,
    TokenRequest,
)
from lingpai_server.protocol.resources import check_resource_syntax
from lingpai_server.protocol.scopes import parse_scope
from lingpai_server.protocol.token.code import parse_code_request
from lingpai_server.protocol.token.exchange import parse_exchange_request


def parse_token_request(
    parameters: Mapping[str, str], arrival: Arrival, *, issuer: str
) -> TokenRequest | Refusal:
    """The command that the parameters stand for. Those that are not known are ignored."""
    grant_type = parameters.get("grant_type")
    if grant_type is None:
        return _refuse_missing("grant_type")
    parse = _PARSERS.get(grant_type)
    if parse is None:
        return refuse(
            ErrorCode.UNSUPPORTED_GRANT_TYPE,
            reason="grant_type_unknown",
            description="The server does not support this grant type.",
        )
    client = parse_client(parameters, arrival.authorization)
    if isinstance(client, Refusal):
        return client
    return parse(parameters, client, arrival, issuer)


def _parse_refresh(
    parameters: Mapping[str, str], client: PresentedClient, arrival: Arrival, issuer: str
) -> RefreshRequest | Refusal:
    """The cookie counts only where the parameter is absent, and only for a page of our own."""
    asked = _parse_scope_and_resource(parameters)
    if isinstance(asked, Refusal):
        return asked
    sent = parameters.get("refresh_token")
    token = arrival.refresh_cookie if sent is None else Secret(sent)
    if token is None:
        return _refuse_missing("refresh_token")
    foreign = check_ambient_request(arrival, issuer) if sent is None else None
    return foreign or RefreshRequest(
        client=client,
        refresh_token=token,
        resource=asked[1],
        scopes=asked[0],
        in_cookie=sent is None,
        address=arrival.address,
    )


def _parse_client_credentials(
    parameters: Mapping[str, str], client: PresentedClient, arrival: Arrival, _issuer: str
) -> ClientCredentialsRequest | Refusal:
    asked = _parse_scope_and_resource(parameters)
    if isinstance(asked, Refusal):
        return asked
    return ClientCredentialsRequest(
        client=client, resource=asked[1], scopes=asked[0], address=arrival.address
    )


def _parse_device(
    parameters: Mapping[str, str], client: PresentedClient, arrival: Arrival, _issuer: str
) -> DeviceRequest | Refusal:
    """RFC 8628 section 3.4."""
    device_code = parameters.get("device_code")
    if device_code is None:
        return _refuse_missing("device_code")
    return DeviceRequest(client, Secret(device_code), arrival.address)


_Parser = Callable[
    [Mapping[str, str], PresentedClient, Arrival, str],
    TokenRequest | Refusal,
]
_PARSERS: Mapping[str, _Parser] = {
    AUTHORIZATION_CODE: lambda parameters, client, arrival, _issuer: parse_code_request(
        parameters, client, arrival
    ),
    REFRESH_TOKEN: _parse_refresh,
    CLIENT_CREDENTIALS: _parse_client_credentials,
    DEVICE_CODE: _parse_device,
    TOKEN_EXCHANGE: lambda parameters, client, arrival, _issuer: parse_exchange_request(
        parameters, client, arrival
    ),
}


def _parse_scope_and_resource(
    parameters: Mapping[str, str],
) -> tuple[tuple[str, ...] | None, str | None] | Refusal:
    resource = parameters.get("resource")
    malformed = check_resource_syntax(resource)
    if malformed is not None:
        return malformed
    scopes = parse_scope(parameters.get("scope"))
    return scopes if isinstance(scopes, Refusal) else (scopes, resource)


def _refuse_missing(name: str) -> Refusal:
    return refuse(
        ErrorCode.INVALID_REQUEST,
        reason=f"{name}_missing",
        description=f"The parameter {name} is missing.",
    )
