"""Client authentication (RFC 6749 section 2.3): what was presented, and whether it is true.

Knows the Basic scheme and the form's parameters; refuses to know which endpoint asks. A secret is
checked here; for an assertion or a certificate `app.proofs` has looked up what that takes, and its
`ClientProof` is asked for here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from lingpai.jose.crypto import constant_time_equal
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_assertion import ASSERTION_TYPE, read_assertion_subject
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.parameters import decode_form_text
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.requests import (
    SECRET_METHODS,
    ClientAuthMethod,
    ClientProof,
    PresentedClient,
)

# compared with when there is nothing to compare with, so that both take the same time
_NO_DIGEST = bytes(32)


def parse_client(
    parameters: Mapping[str, str], authorization: str | None
) -> PresentedClient | Refusal:
    """Who the request says it comes from. One method a request: two are refused (section 2.3).

    A certificate is no second one: it may be there for the tokens alone (RFC 8705 section 3).
    """
    client_id, secret = parameters.get("client_id"), parameters.get("client_secret")
    asserts = "client_assertion" in parameters or "client_assertion_type" in parameters
    if [authorization is not None, secret is not None, asserts].count(True) > 1:
        return _refuse_request(
            "two_client_auth_methods", "The client authenticates in more than one way."
        )
    if authorization is not None:
        return _parse_with_header(authorization, client_id)
    if asserts:
        return _parse_assertion(parameters, client_id)
    if client_id is None:
        return _refuse("client_missing", "The request does not say which client it comes from.")
    if secret is None:
        return PresentedClient(client_id, ClientAuthMethod.NONE)
    return PresentedClient(client_id, ClientAuthMethod.CLIENT_SECRET_POST, Secret(secret))


def identify_client(presented: PresentedClient, client: Client | None) -> Client | Refusal:
    """The client that the request comes from, proven as far as its kind allows.

    Refuses alike an unknown client, a method that is not the client's, a wrong credential, a
    missing one and one too many. A public client has none: naming itself is all it can do (section
    2.1).
    """
    if client is None or client.client_id != presented.client_id:
        return refuse_unknown_client(presented)
    matches = _matches(presented, client.secret_sha256)
    reason = _why_not_this_method(presented, client) or _why_not_proven(presented, client, matches)
    return client if reason is None else _refuse(reason)


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


def _why_not_this_method(presented: PresentedClient, client: Client) -> str | None:
    """A client that registered a method uses that one; of those its profile allows."""
    registered, method = client.settings.auth_method, presented.method
    if client.is_public and presented.secret is not None:
        return "client_is_public"
    if registered is not None and method != registered:
        return "client_auth_method_not_registered"
    if registered is None and method not in {ClientAuthMethod.NONE, *SECRET_METHODS}:
        return "client_auth_method_not_registered"
    used = ClientAuthMethod.NONE if client.is_public else method
    if used not in rules_of(client).auth_methods:
        return "client_auth_method_not_in_profile"
    return None


def _why_not_proven(presented: PresentedClient, client: Client, matches: bool) -> str | None:
    if client.is_public:
        return None
    if presented.method in {ClientAuthMethod.NONE, *SECRET_METHODS}:
        if presented.secret is None:
            return "client_secret_missing"
        return None if matches else "client_secret_wrong"
    if presented.proof != ClientProof(client.client_id, client.access_version):
        return "client_proof_missing"
    return None


def _matches(presented: PresentedClient, digest: bytes | None) -> bool:
    offered = client_secret_sha256(presented.secret or Secret(""))
    return constant_time_equal(offered, _NO_DIGEST if digest is None else digest)


def _parse_with_header(authorization: str, client_id: str | None) -> PresentedClient | Refusal:
    presented = _parse_basic(authorization)
    if presented is None:
        return _refuse("authorization_header_malformed")
    if client_id is not None and client_id != presented.client_id:
        return _refuse_two_ids()
    return presented


def _parse_assertion(
    parameters: Mapping[str, str], client_id: str | None
) -> PresentedClient | Refusal:
    """RFC 7521 section 4.2: the assertion itself may be all that names the client."""
    assertion = parameters.get("client_assertion")
    if assertion is None or parameters.get("client_assertion_type") != ASSERTION_TYPE:
        return _refuse("client_assertion_type_unknown")
    subject = read_assertion_subject(assertion)
    if subject is None:
        return _refuse("client_assertion_malformed")
    if client_id is not None and client_id != subject:
        return _refuse_two_ids()
    method = ClientAuthMethod.PRIVATE_KEY_JWT
    return PresentedClient(subject, method, assertion=Secret(assertion))


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


def _refuse_two_ids() -> Refusal:
    return _refuse_request("two_client_ids", "The request names two clients.")


def _refuse_request(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)


def _refuse(reason: str, description: str = "The client is not authenticated.") -> Refusal:
    return refuse(ErrorCode.INVALID_CLIENT, reason=reason, description=description)
