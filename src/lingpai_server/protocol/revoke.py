"""POST /revoke (RFC 7009). Refuses to say whether a token that it does not know ever existed.

A refresh token takes its family and its session with it. An access token is denied alone, by its
`jti` until its `exp`, if it can be told that we made it; for the others section 2.2.1 has a code.
Text that is no token at all is revoked as well as can be.
"""

from __future__ import annotations

from collections.abc import Mapping

from lingpai.jose import base64url, strict_json
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import Client, Event
from lingpai_server.core.secret import Secret
from lingpai_server.core.status_effects import DenyToken
from lingpai_server.protocol.access_token import OPAQUE_PREFIX
from lingpai_server.protocol.client_auth import authenticate_client, parse_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.family_end import REVOCATION, end_family, record
from lingpai_server.protocol.replies import Revoked
from lingpai_server.protocol.requests import Arrival, RevokeRequest
from lingpai_server.protocol.token_standing import TokenFacts, why_over_for_good
from lingpai_server.sessions.families import is_issued
from lingpai_server.sessions.refresh_token import PresentedRefreshToken, RefreshTokenProblem

_MAX_HEADER_CHARS = 4096


def parse_revoke_request(
    parameters: Mapping[str, str], arrival: Arrival
) -> RevokeRequest | Refusal:
    """Section 2.1. A `token_type_hint` may be wrong, or unknown, and then is ignored."""
    client = parse_client(parameters, arrival.authorization)
    if isinstance(client, Refusal):
        return client
    token = parameters.get("token")
    if token is None:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="token_missing",
            description="The parameter token is missing.",
        )
    hint = parameters.get("token_type_hint")
    return RevokeRequest(client, Secret(token), hint, arrival.address)


def decide_revoke(
    cmd: RevokeRequest, facts: RefreshTokenFacts, *, access: TokenFacts | None = None, now: float
) -> Decision[Revoked | Refusal]:
    """Ends what the token stands for, if it stands for anything that is this client's.

    `access` is what is known of it if it is an access token that nobody but us can have made.
    """
    client = authenticate_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return Decision(client)
    if access is not None:
        return _deny(cmd, client, access, now=now)
    if isinstance(facts.presented, RefreshTokenProblem):
        return Decision(_refuse_access_token(cmd.token) or Revoked())
    if facts.family is None:
        return Decision(Revoked())
    return _revoke_family(cmd, client, facts.presented, facts.family, now=now)


def _revoke_family(
    cmd: RevokeRequest,
    client: Client,
    presented: PresentedRefreshToken,
    facts: FamilyFacts,
    *,
    now: float,
) -> Decision[Revoked | Refusal]:
    """Any generation that was issued will do: a client with an old copy wants the same end."""
    family = facts.family
    if family.client_id != client.client_id:
        return Decision(_refuse_foreign("refresh_token_of_another_client"))
    if not is_issued(presented, family):
        kind = EventKind.REFRESH_NEVER_ISSUED
        return Decision(Revoked(), (record(kind, family, presented, address=cmd.address, now=now),))
    ended = end_family(facts, reason=REVOCATION, now=now)
    if not ended:
        return Decision(Revoked())
    event = record(EventKind.TOKEN_REVOKED, family, presented, address=cmd.address, now=now)
    return Decision(Revoked(), (*ended, event))


def _deny(
    cmd: RevokeRequest, client: Client, access: TokenFacts, *, now: float
) -> Decision[Revoked | Refusal]:
    """One token until it expires. What is over for good takes no place in the list, of which every
    verifier holds a copy."""
    if access.claims["client_id"] != client.client_id:
        return Decision(_refuse_foreign("access_token_of_another_client"))
    if access.is_denied or why_over_for_good(access, now=now) is not None:
        return Decision(Revoked())
    return Decision(Revoked(), deny_token(access, address=cmd.address, now=now))


def deny_token(
    access: TokenFacts, *, address: str | None = None, now: float
) -> tuple[DenyToken, Record]:
    """The effects that deny one access token. A `jti` is no secret: it opens nothing."""
    claims, session = access.claims, access.session
    event = Event(
        EventKind.TOKEN_DENIED,
        now,
        user_id=None if session is None else session.user.user_id,
        client_id=claims["client_id"],
        session_id=claims.get("sid"),
        address=address,
        detail={"token": claims["jti"], "audience": claims["aud"], "until": claims["exp"]},
    )
    return DenyToken(claims["jti"], claims["exp"], int(now)), Record(event)


def _refuse_access_token(token: Secret[str]) -> Refusal | None:
    """Section 2.2.1, for what has the shape of an access token of ours in any of its formats: one
    that its API can read or make itself (encrypted, HS256), or that we never made."""
    text = token.reveal()
    if not text.startswith(OPAQUE_PREFIX) and not _has_jose_shape(text):
        return None
    return refuse(
        ErrorCode.UNSUPPORTED_TOKEN_TYPE,
        reason="access_token_presented",
        description="This access token cannot be revoked alone: revoke its refresh token.",
    )


def _has_jose_shape(text: str) -> bool:
    """A compact JWS or JWE (RFC 7515 section 7.1, RFC 7516 section 7.1): three or five segments,
    the first a JSON object that names an algorithm."""
    header, *rest = text.split(".", maxsplit=5)
    if len(rest) not in {2, 4} or len(header) > _MAX_HEADER_CHARS:
        return False
    try:
        members = strict_json.decode_object(base64url.decode(header))
    except ValueError:
        return False
    return "alg" in members


def _refuse_foreign(reason: str) -> Refusal:
    """Section 2.1 has the client informed; RFC 6749 section 5.2 has the code for it."""
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The token was issued to another client.",
    )
