"""Asked: all that an operation asks of a token, and the one place where it is asked. No framework.

To scopes, permissions and roles come how fresh the view of the token's status has to be, and how
well and how lately its user logged in (RFC 9470).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from lingpai.errors import InsufficientAuthentication, TokenError, quote
from lingpai.integrations.bearer import Bearer, Denial, Denied, parse_authorization
from lingpai.jwt.policy import check_status_age
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.requirement import NO_REQUIREMENT, Requirement, as_names

__all__ = ["NOTHING_MORE", "Asked", "admit", "admit_async", "ask_more"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a token must be beyond good. `acr_values` are several, one of which will do, the one
    that is preferred first."""

    requirement: Requirement = NO_REQUIREMENT
    max_status_age_seconds: float | None = None
    acr_values: tuple[str, ...] = ()
    max_auth_age_seconds: int | None = None
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @classmethod
    def of(
        cls,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        max_status_age_seconds: float | None = None,
        acr_values: Iterable[str] = (),
        max_auth_age_seconds: int | None = None,
    ) -> Asked:
        """Raises TypeError or ValueError for what no token can carry, and for times below zero."""
        requirement = Requirement.of(scopes=scopes, permissions=permissions, roles=roles)
        if max_status_age_seconds is not None:
            check_status_age(max_status_age_seconds)
        if max_auth_age_seconds is not None and max_auth_age_seconds < 0:
            raise ValueError("max_auth_age_seconds is below zero")
        several = list(acr_values) if not isinstance(acr_values, str) else as_names(acr_values)
        Requirement.of(scopes=several)  # a value is one word in a list, as a scope is
        return cls(requirement, max_status_age_seconds, tuple(several), max_auth_age_seconds)

    def check_login(self, token: VerifiedToken) -> None:
        """Raise InsufficientAuthentication unless the login was strong and late enough."""
        acr = token.claims.get("acr")
        if self.acr_values and acr not in self.acr_values:
            raise InsufficientAuthentication(f"acr is {quote(acr)}, which is not asked for")
        if self.max_auth_age_seconds is None:
            return
        if token.auth_time is None:
            raise InsufficientAuthentication("the token does not say when its user logged in")
        age = self.clock() - token.auth_time
        if age > self.max_auth_age_seconds:
            raise InsufficientAuthentication(f"the login was {age:.0f} s ago")

    def deny(self, bearer: Bearer, refusal: TokenError) -> Denial:
        """The response; for a login that does not suffice it says which would (RFC 9470)."""
        denial = bearer.deny(refusal, self.requirement)
        if not isinstance(refusal, InsufficientAuthentication) or denial.challenge is None:
            return denial
        challenge = denial.challenge
        if self.acr_values:
            challenge += f', acr_values="{" ".join(self.acr_values)}"'
        if self.max_auth_age_seconds is not None:
            challenge += f', max_age="{self.max_auth_age_seconds}"'
        return replace(denial, challenge=challenge)


NOTHING_MORE = Asked()


def admit(
    bearer: Bearer, authorization: Sequence[bytes], asked: Asked = NOTHING_MORE
) -> VerifiedToken:
    """The verified token of a request that is what is asked. Raises Denied."""
    raw = _read(bearer, authorization)
    try:
        token = bearer.verifier.verify(raw, max_status_age_seconds=asked.max_status_age_seconds)
    except TokenError as refusal:
        raise Denied(asked.deny(bearer, refusal)) from refusal
    return ask_more(bearer, token, asked)


async def admit_async(
    bearer: Bearer, authorization: Sequence[bytes], asked: Asked = NOTHING_MORE
) -> VerifiedToken:
    """The same for an event loop, which is never blocked by the network."""
    raw = _read(bearer, authorization)
    try:
        token = await bearer.verifier.verify_async(
            raw, max_status_age_seconds=asked.max_status_age_seconds
        )
    except TokenError as refusal:
        raise Denied(asked.deny(bearer, refusal)) from refusal
    return ask_more(bearer, token, asked)


def ask_more(bearer: Bearer, token: VerifiedToken, asked: Asked) -> VerifiedToken:
    """A token that was verified a moment ago, if it is what is asked. Raises Denied."""
    wanted = asked.requirement
    try:
        if wanted != NO_REQUIREMENT:
            bearer.verifier.require(
                token, scopes=wanted.scopes, permissions=wanted.permissions, roles=wanted.roles
            )
        asked.check_login(token)
    except TokenError as refusal:
        raise Denied(asked.deny(bearer, refusal)) from refusal
    return token


def _read(bearer: Bearer, authorization: Sequence[bytes]) -> bytes:
    try:
        raw = parse_authorization(authorization)
    except ValueError as error:
        raise Denied(bearer.deny_malformed(str(error))) from error
    if raw is None:
        raise Denied(bearer.deny_missing())
    return raw
