"""The userinfo endpoint (OpenID Connect Core section 5.3). No I/O, no clock, no randomness.

A token is presented in one way (RFC 6750 section 2): the Authorization header or a form, never the
URL. A token that is bound to a key is only good together with a proof of that key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lingpai_server.core.records import Client, Session, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.claims_request import read_claims_request, released_claims
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.openid_scopes import OPENID
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.requests import Sender
from lingpai_server.protocol.token_standing import TokenFacts, why_not_good


class TokenScheme(StrEnum):
    """The authentication scheme that a token came by, in lower case (RFC 9110 section 11.1)."""

    BEARER = "bearer"  # RFC 6750
    DPOP = "dpop"  # RFC 9449 section 7.1


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """An access token and how it was presented; nothing is checked yet."""

    raw: Secret[str]
    scheme: TokenScheme


@dataclass(frozen=True, slots=True)
class UserinfoReply:
    """What may be told, with the public `sub`, and the `client` that says in which form."""

    claims: Mapping[str, Any]
    client: Client


@dataclass(frozen=True, slots=True)
class UserinfoCase:
    """What the steps look at. `sender` is who proved to send the request."""

    presented: PresentedToken
    facts: TokenFacts
    sender: Sender
    now: float


def parse_presented_token(
    authorization: str | None, form: Mapping[str, str], query: Mapping[str, str]
) -> PresentedToken | Refusal | None:
    """The one token of a request; None without one."""
    in_header = _read_header(authorization)
    if isinstance(in_header, Refusal):
        return in_header
    in_form = form.get("access_token")
    if "access_token" in query:
        return _refuse_request("token_in_url", "An access token may not stand in a URL.")
    if in_header is not None and in_form is not None:
        return _refuse_request("two_tokens", "The access token was sent in more than one way.")
    if in_form is not None:
        return PresentedToken(Secret(in_form), TokenScheme.BEARER)
    return in_header


def decide_userinfo(
    presented: PresentedToken, facts: TokenFacts, sender: Sender, *, now: float
) -> UserinfoReply | Refusal:
    """The claims of the token's user, as far as its scope and its client's wishes go."""
    refusal = first_refusal(USERINFO_STEPS, UserinfoCase(presented, facts, sender, now))
    if refusal is not None:
        return refusal
    if facts.session is None or facts.client is None:  # a client's own token; `check_session` says
        return refuse_token("token_without_user")
    return _tell(facts.client, facts.session.user, facts.session.session, facts.scopes)


def check_standing(case: UserinfoCase) -> Refusal | None:
    """The token is good at all."""
    reason = why_not_good(case.facts, now=case.now)
    return None if reason is None else refuse_token(reason)


def check_session(case: UserinfoCase) -> Refusal | None:
    """It speaks for a user, to the client that the user logged in to: one that was exchanged says
    who somebody is to an API, and is nobody's to ask more with."""
    session = case.facts.session
    if session is None:
        return refuse_token("token_without_user")
    if case.facts.claims["client_id"] != session.session.client_id:
        return refuse_token("token_was_exchanged")
    return None


def check_possession(case: UserinfoCase) -> Refusal | None:
    """RFC 9449 section 7.1, RFC 8705 section 3: a bound token comes with its key, and a proof of a
    key is no use with a token that is bound to none."""
    bound = case.facts.claims.get("cnf", {})
    by_dpop = case.presented.scheme is TokenScheme.DPOP
    if ("jkt" in bound) is not by_dpop:
        return refuse_token("dpop_binding_and_scheme_differ")
    if by_dpop and bound["jkt"] != case.sender.jkt:
        return refuse_token("dpop_key_differs")
    if "x5t#S256" in bound and bound["x5t#S256"] != case.sender.x5t:
        return refuse_token("client_certificate_differs")
    return None


def check_scope(case: UserinfoCase) -> Refusal | None:
    """OpenID Connect Core section 5.3.1."""
    if OPENID in case.facts.scopes:
        return None
    return refuse(
        ErrorCode.INSUFFICIENT_SCOPE,
        reason="scope_openid_missing",
        description="The access token does not have the scope openid.",
    )


USERINFO_STEPS = (check_standing, check_session, check_possession, check_scope)


def refuse_token(reason: str) -> Refusal:
    """RFC 6750 section 3.1: what is wrong with a token is told to nobody who holds it."""
    return refuse(
        ErrorCode.INVALID_TOKEN, reason=reason, description="The access token is not valid here."
    )


def _tell(client: Client, user: User, session: Session, scopes: tuple[str, ...]) -> UserinfoReply:
    wishes = read_claims_request(session.claims).userinfo
    told = released_claims(user, client, scopes, wishes)
    return UserinfoReply({**told, "sub": user.user_id}, client)


def _read_header(authorization: str | None) -> PresentedToken | Refusal | None:
    """Another scheme brings no token (RFC 6750 section 2.1, RFC 9449 section 7.1)."""
    scheme, _, raw = (authorization or "").partition(" ")
    if scheme.lower() not in set(TokenScheme):
        return None
    token = raw.strip(" ")
    if not token or not token.isascii() or " " in token:
        return _refuse_request("authorization_malformed", "The Authorization header has no token.")
    return PresentedToken(Secret(token), TokenScheme(scheme.lower()))


def _refuse_request(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)
