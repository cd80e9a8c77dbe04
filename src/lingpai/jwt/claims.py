"""The rules on claims (RFC 7519 section 4.1, RFC 8725 section 3). Values in, refusals out.

`check_claims` makes the checks that stay true for a token under a policy, `check_moment` those that
depend on when it is asked: a remembered token is asked the second again, and never the first.
"""

from __future__ import annotations

import math
from typing import Any

from lingpai.errors import (
    AudienceMismatch,
    InvalidClaim,
    IssuerMismatch,
    MissingClaim,
    TokenExpired,
    TokenIssuedInFuture,
    TokenNotYetValid,
    TokenTooOld,
    TypMismatch,
    quote,
)
from lingpai.jose.header import Header
from lingpai.jwt.policy import ANY_AUDIENCE, ANY_ISSUER, Policy
from lingpai.jwt.token import VerifiedToken

LATEST = 2**53  # beyond it a double skips seconds, and far beyond it arithmetic overflows
IAT_TOLERANCE_SECONDS = 60  # `iat` is no promise of validity; clocks differ, a minute is an error


def check_claims(header: Header, claims: dict[str, Any], policy: Policy) -> VerifiedToken:
    """All that does not depend on the time. The order is: kind, issuer, audience, the rest."""
    get = claims.get
    if header.typ not in policy.typs:
        raise TypMismatch(f"typ is {quote(header.typ)}, this policy accepts {_typs(policy)}")
    if get("iss") != policy.issuer:
        _check_issuer(claims, policy)
    aud = get("aud")
    if type(aud) is not str or aud not in policy.audiences:
        _check_audience(claims, policy)
    if policy.is_special:
        _check_special(claims, policy)
    if type(get("sub", "")) is not str or type(get("jti", "")) is not str:
        raise InvalidClaim("sub and jti are strings")
    exp = get("exp")
    if type(exp) is not int or not 0 <= exp <= LATEST:
        exp = _read_exp(claims, policy)
    valid_from: float = 0
    if "nbf" in claims:
        valid_from = numeric_date(claims, "nbf") or 0
    if "iat" in claims:
        iat = claims["iat"]
        if type(iat) is not int or not 0 <= iat <= LATEST:
            iat = numeric_date(claims, "iat") or 0
        if iat - IAT_TOLERANCE_SECONDS > valid_from:
            valid_from = iat - IAT_TOLERANCE_SECONDS
    return VerifiedToken(header, claims, exp, valid_from, policy.claim_names)


def check_moment(token: VerifiedToken, policy: Policy, now: float) -> None:
    """Whether the token is good at `now`: `exp`, `nbf`, `iat` and the policy's greatest age.

    Each asks what must hold, so that a clock that says NaN lets nothing pass.
    """
    if not now - policy.leeway_seconds < token.expires_at:  # on or after is too late, section 4.1.4
        raise TokenExpired(
            f"exp was {_number(token.expires_at)}, now is {_number(now)}{_leeway(policy)}"
        )
    if not now + policy.leeway_seconds >= token.valid_from:
        _refuse_early(token, policy, now)
    if policy.max_age_seconds is not None:
        check_age(token, policy.max_age_seconds, policy.leeway_seconds, now)


def check_age(token: VerifiedToken, max_age_seconds: int, leeway_seconds: int, now: float) -> None:
    """Raises TokenTooOld, or MissingClaim if there is no `iat` to tell the age by."""
    issued_at = token.issued_at
    if issued_at is None:
        raise MissingClaim("the claim 'iat' is missing, which the greatest age needs")
    if not now - issued_at <= max_age_seconds + leeway_seconds:
        raise TokenTooOld(
            f"issued {_number(now - issued_at)} s ago, accepted for {max_age_seconds} s"
        )


def numeric_date(claims: dict[str, Any], name: str) -> int | float | None:
    """A NumericDate (RFC 7519 section 2): a number within reason, no bool, no text.

    None if it is absent.
    """
    if name not in claims:
        return None
    value: int | float = claims[name]
    if type(value) is not int and type(value) is not float:
        raise InvalidClaim(f"{name} is not a number")
    if not -LATEST <= value <= LATEST:
        raise InvalidClaim(f"{name} is out of range")
    return value


def _read_exp(claims: dict[str, Any], policy: Policy) -> float:
    exp = numeric_date(claims, "exp")
    if exp is None and policy.profile.expires:
        raise MissingClaim("the claim 'exp' is missing")
    return math.inf if exp is None else exp


def _check_issuer(claims: dict[str, Any], policy: Policy) -> None:
    """Exactly the issuer, as text: nothing that merely contains or resembles it."""
    if policy.issuer is ANY_ISSUER:
        return
    iss = claims.get("iss")
    if iss is None:
        raise MissingClaim("the claim 'iss' is missing")
    raise IssuerMismatch(f"iss is {quote(iss)}, this policy accepts {quote(policy.issuer)}")


def _check_audience(claims: dict[str, Any], policy: Policy) -> None:
    """`aud` is a string or an array of strings; one of them must be meant (section 4.1.3)."""
    if not policy.profile.audience:
        return
    aud = claims.get("aud")
    if aud is None:
        if policy.audience is ANY_AUDIENCE:
            return
        raise MissingClaim("the claim 'aud' is missing")
    several = [aud] if isinstance(aud, str) else aud
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        raise InvalidClaim("aud is not a string or an array of strings")
    if policy.audience is not ANY_AUDIENCE and policy.audiences.isdisjoint(several):
        accepted = ", ".join(sorted(quote(one) for one in policy.audiences))
        named = ", ".join(quote(one) for one in several[:4])
        raise AudienceMismatch(f"aud is {named or 'empty'}, this policy accepts {accepted}")


def _check_special(claims: dict[str, Any], policy: Policy) -> None:
    """What a profile or a policy asks for beyond iss, aud and exp."""
    for name in policy.names:
        if claims.get(name) is None:
            raise MissingClaim(f"the claim {name!r} is missing")
    for name, value in policy.values:
        if name not in claims:
            raise MissingClaim(f"the claim {name!r} is missing")
        if claims[name] != value:
            raise InvalidClaim(f"{name} is {quote(claims[name])}, this policy accepts {value!r}")
    for name in policy.profile.forbidden:
        if name in claims:
            raise InvalidClaim(f"a {policy.profile.name} may not have the claim {name!r}")


def _refuse_early(token: VerifiedToken, policy: Policy, now: float) -> None:
    nbf = token.claims.get("nbf", 0)
    if now + policy.leeway_seconds < nbf:
        raise TokenNotYetValid(f"nbf is {_number(nbf)}, now is {_number(now)}{_leeway(policy)}")
    raise TokenIssuedInFuture(
        f"iat is {_number(token.issued_at or 0)}, now is {_number(now)}{_leeway(policy)}"
    )


def _typs(policy: Policy) -> str:
    return " or ".join(sorted(quote(t) if t else "none" for t in policy.typs))


def _number(value: float) -> str:
    return quote(int(value) if abs(value) < 1e15 else value)


def _leeway(policy: Policy) -> str:
    return f", the leeway {policy.leeway_seconds} s" if policy.leeway_seconds else ""
