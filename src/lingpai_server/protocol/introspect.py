"""POST /introspect (RFC 7662, RFC 9701). Refuses to say why a token is not good, or whose it is.

A client sees its own tokens, and an API those that are for it; to anybody else every token is one
that never was. Who somebody is beyond a subject is not told here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import authenticate_client, parse_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import Arrival, PresentedClient
from lingpai_server.protocol.subjects import sector_of
from lingpai_server.protocol.token_standing import TokenFacts, why_not_good
from lingpai_server.sessions.families import Standing, decide_standing, why_over
from lingpai_server.sessions.refresh_token import PresentedRefreshToken, RefreshTokenProblem

INTROSPECTION_TYP = "token-introspection+jwt"  # RFC 9701 section 5
DEFAULT_ALGORITHM = "RS256"  # RFC 9701 section 6

# What is told of an access token: RFC 7662 section 2.2, RFC 9068 section 2.2, RFC 9470 section 6.2.
_TOLD = (
    *("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time", "acr"),
    *("amr", "roles", "permissions", "cnf", "authorization_details"),
)


@dataclass(frozen=True, slots=True)
class IntrospectRequest:
    """RFC 7662 section 2.1. The hint may be wrong, so nothing here needs it."""

    client: PresentedClient
    token: Secret[str]


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the caller is told. `members` is `{"active": false}` and nothing more for what it may
    not see. With a `sector` the `sub` is to become that sector's."""

    caller: Client
    members: Mapping[str, Any]
    sector: str | None = None


def parse_introspect_request(
    parameters: Mapping[str, str], arrival: Arrival
) -> IntrospectRequest | Refusal:
    """RFC 7662 section 2.1."""
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
    return IntrospectRequest(client, Secret(token))


def identify_caller(presented: PresentedClient, client: Client | None) -> Client | Refusal:
    """An enabled client that can prove who it is (RFC 7662 section 2.1): guessing costs it."""
    caller = authenticate_client(presented, client)
    if isinstance(caller, Client) and caller.is_public:
        return refuse(
            ErrorCode.INVALID_CLIENT,
            reason="client_is_public",
            description="Only a client that can prove who it is may ask.",
        )
    return caller


def decide_access_token(caller: Client, facts: TokenFacts | None, *, now: float) -> Introspection:
    """What the caller may know of an access token; None stands for one that is not ours."""
    if facts is None or not _may_see(caller, facts) or why_not_good(facts, now=now) is not None:
        return inactive(caller)
    told = {name: facts.claims[name] for name in _TOLD if name in facts.claims}
    is_bound = "jkt" in facts.claims.get("cnf", {})
    token_type = "DPoP" if is_bound else "Bearer"  # RFC 9449 section 6.2
    return Introspection(caller, {"active": True, "token_type": token_type, **told})


def decide_refresh_token(
    caller: Client, facts: RefreshTokenFacts, policy: IssuePolicy, *, now: float
) -> Introspection:
    """What a client may know of a refresh token of its own."""
    family, presented = facts.family, facts.presented
    if family is None or isinstance(presented, RefreshTokenProblem):
        return inactive(caller)
    if family.family.client_id != caller.client_id or not _is_good(
        presented, family, policy, now=now
    ):
        return inactive(caller)
    return Introspection(caller, _tell_family(family, policy), sector_of(caller))


def inactive(caller: Client) -> Introspection:
    """RFC 7662 section 2.2: nothing else is told."""
    return Introspection(caller, {"active": False})


def _may_see(caller: Client, facts: TokenFacts) -> bool:
    claims = facts.claims
    is_own: bool = claims["client_id"] == caller.client_id
    return is_own or claims["aud"] in caller.settings.introspects


def _is_good(
    presented: PresentedRefreshToken, facts: FamilyFacts, policy: IssuePolicy, *, now: float
) -> bool:
    """Whether the token endpoint would answer it: to a client that proves who it is, so that there
    is no limit to the grace."""
    if facts.client.disabled or facts.user.status is not AccountStatus.ACTIVE:
        return False
    if why_over(facts.family, facts.session, now=now) is not None:
        return False
    standing = decide_standing(
        presented, facts.family, policy.sessions, now=now, grace_has_limit=False
    )
    return standing in {Standing.CURRENT, Standing.PREVIOUS_IN_GRACE}


def _tell_family(facts: FamilyFacts, policy: IssuePolicy) -> Mapping[str, Any]:
    """The grant behind a refresh token; `exp` is when it ends if nobody uses it."""
    family, session = facts.family, facts.session
    bound = {"jkt": family.jkt, "x5t#S256": family.x5t}
    details = family.authorization_details
    told = {
        "scope": " ".join(family.scopes),
        "acr": session.acr,
        "cnf": {method: key for method, key in bound.items() if key is not None},
        "authorization_details": [] if details is None else strict_json.decode(details.encode()),
    }
    return {
        "active": True,
        "iss": policy.issuer,
        "sub": family.user_id,
        "aud": family.audience,
        "exp": min(family.idle_deadline, family.absolute_deadline),
        "client_id": family.client_id,
        "sid": family.session_id,
        "auth_time": session.auth_time,
        **{name: value for name, value in told.items() if value},
    }
