"""The claims of an access token (RFC 9068 section 2.2). Refuses to know how they are signed.

It holds no personal data: whoever asks who somebody is asks the userinfo endpoint.
"""

from __future__ import annotations

from typing import Any

from lingpai.jose import strict_json
from lingpai_server.core.records import Access, Api, Client, Session
from lingpai_server.core.slots import SlotRef
from lingpai_server.protocol.replies import AccessToken
from lingpai_server.protocol.requests import NO_SENDER, Sender
from lingpai_server.protocol.status_uri import status_claim
from lingpai_server.protocol.subjects import sector_of

OPAQUE_PREFIX = "lp_at_"  # what an opaque access token begins with, so that scanners find leaks
UNBOUND = Sender()


def build_access_token(
    issuer: str,
    client: Client,
    api: Api,
    access: Access,
    session: Session | None,
    scopes: tuple[str, ...],
    slot: SlotRef,
    *,
    now: float,
    jti: str,
    sender: Sender = NO_SENDER,
    authorization_details: str | None = None,
) -> AccessToken:
    """A token for a user's `session`, or for the client itself when there is none.

    It never outlives the session's absolute deadline, and is bound to the keys that the `sender`
    proved to hold. `slot` is where verifiers see whether it still counts; `authorization_details`
    is JSON text that was accepted before. What would be empty is left out, since every character
    travels with every request.
    """
    issued_at = int(now)
    expires_at = issued_at + api.access_ttl_seconds
    if session is not None:
        expires_at = min(expires_at, session.absolute_deadline)
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": client.client_id if session is None else session.user_id,
        "aud": api.audience,
        "exp": expires_at,
        "iat": issued_at,
        "jti": jti,
        "client_id": client.client_id,
        **_session_claims(session),
        **_access_claims(access, scopes),
        **_grant_claims(sender, authorization_details),
        "status": status_claim(issuer, slot),
    }
    sector = None if session is None else sector_of(client)
    return AccessToken(claims, api.algorithm, api.audience, api.settings, sector)


def lifetime_seconds(token: AccessToken) -> int:
    """`expires_in` of RFC 6749 section 5.1."""
    return int(token.claims["exp"]) - int(token.claims["iat"])


def _session_claims(session: Session | None) -> dict[str, Any]:
    """RFC 9068 section 2.2.1; `sid` is that of OpenID Connect."""
    if session is None:
        return {}
    claims: dict[str, Any] = {
        "sid": session.session_id,
        "auth_time": session.auth_time,
        "amr": list(session.amr),
    }
    return claims | ({"acr": session.acr} if session.acr else {})


def _access_claims(access: Access, scopes: tuple[str, ...]) -> dict[str, Any]:
    """RFC 9068 sections 2.2.3 and 2.2.3.1; `permissions` are what the roles mean at this API."""
    claims: dict[str, Any] = {
        "scope": " ".join(scopes),
        "roles": list(access.roles),
        "permissions": list(access.permissions),
    }
    return {name: value for name, value in claims.items() if value}


def _grant_claims(sender: Sender, authorization_details: str | None) -> dict[str, Any]:
    """RFC 9449 section 6.1, RFC 8705 section 3.1, RFC 9396 section 9.1."""
    confirmation = {"jkt": sender.jkt, "x5t#S256": sender.x5t}
    bound = {method: key for method, key in confirmation.items() if key is not None}
    claims: dict[str, Any] = {"cnf": bound} if bound else {}
    if authorization_details is not None:
        claims["authorization_details"] = strict_json.decode(authorization_details.encode("utf-8"))
    return claims
