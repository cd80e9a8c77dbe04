"""Client authentication (RFC 6749 section 2.3): what was presented, and whether it is true.

Knows the Basic scheme and the two form parameters; refuses to know which endpoint asks.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from lingpai.jose.crypto import constant_time_equal
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.parameters import decode_form_text
from lingpai_server.protocol.requests import ClientAuthMethod, PresentedClient

# compared with when there is nothing to compare with, so that both take the same time
_NO_DIGEST = bytes(32)


def parse_client(
    parameters: Mapping[str, str], authorization: str | None
) -> PresentedClient | Refusal:
    """Who the request says it comes from. One method a request: two are refused (section 2.3)."""
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    if authorization is not None:
        return _parse_with_header(authorization, client_id, secret)
    if client_id is None:
        return _refuse("client_missing", "The request does not say which client it comes from.")
    if secret is None:
        return PresentedClient(client_id, ClientAuthMethod.NONE)
    return PresentedClient(client_id, ClientAuthMethod.CLIENT_SECRET_POST, Secret(secret))


def identify_client(presented: PresentedClient, client: Client | None) -> Client | Refusal:
    """The client that the request comes from, proven as far as its kind allows.

    Refuses alike an unknown client, a wrong secret, a missing one and one too many. A client
    without a secret is public: naming itself is all it can do (section 2.1).
    """
    if client is None or client.client_id != presented.client_id:
        return refuse_unknown_client(presented)
    matches = _matches(presented, client.secret_sha256)
    if client.is_public:
        return client if presented.secret is None else _refuse("client_is_public")
    if presented.secret is None:
        return _refuse("client_secret_missing")
    return client if matches else _refuse("client_secret_wrong")


def refuse_unknown_client(presented: PresentedClient) -> Refusal:
    """What a wrong secret gets, after the same work."""
    _matches(presented, None)
    return _refuse("client_unknown")


def authenticate_client(presented: PresentedClient, client: Client | None) -> Client | Refusal:
    """The same for an enabled client; a disabled one is refused like one that never was."""
    identified = identify_client(presented, client)
    if isinstance(identified, Client) and identified.disabled:
        return _refuse("client_disabled")
    return identified


def check_grant_type(client: Client, grant_type: str) -> Refusal | None:
    """Refuses a grant that the client was not registered for (RFC 6749 section 5.2)."""
    if grant_type in client.grant_types:
        return None
    return refuse(
        ErrorCode.UNAUTHORIZED_CLIENT,
        reason="grant_type_not_registered",
        description="The client may not use this grant.",
    )


def _matches(presented: PresentedClient, digest: bytes | None) -> bool:
    offered = client_secret_sha256(presented.secret or Secret(""))
    return constant_time_equal(offered, _NO_DIGEST if digest is None else digest)


def _parse_with_header(
    authorization: str, client_id: str | None, secret: str | None
) -> PresentedClient | Refusal:
    if secret is not None:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="two_client_auth_methods",
            description="The client authenticates in more than one way.",
        )
    presented = _parse_basic(authorization)
    if presented is None:
        return _refuse("authorization_header_malformed")
    if client_id is not None and client_id != presented.client_id:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="two_client_ids",
            description="The request names two clients.",
        )
    return presented


def _parse_basic(authorization: str) -> PresentedClient | None:
    """RFC 7617 section 2, with id and secret form-encoded first (RFC 6749 section 2.3.1)."""
    scheme, _, credentials = authorization.partition(" ")
    decoded = _decode_base64(credentials.strip(" "))
    if scheme.lower() != "basic" or decoded is None:
        return None
    raw_id, colon, raw_secret = decoded.partition(b":")
    try:
        client_id, secret = decode_form_text(raw_id), decode_form_text(raw_secret)
    except ValueError:
        return None
    if not colon or not client_id:
        return None
    method = ClientAuthMethod.CLIENT_SECRET_BASIC
    return PresentedClient(client_id, method, Secret(secret) if secret else None)


def _decode_base64(text: str) -> bytes | None:
    """RFC 4648 section 4 in its one spelling; the standard library alone would allow several."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def _refuse(reason: str, description: str = "The client is not authenticated.") -> Refusal:
    return refuse(ErrorCode.INVALID_CLIENT, reason=reason, description=description)
