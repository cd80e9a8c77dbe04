"""How a presented refresh token stands to its family, and when a family is over.

Knows generations and deadlines; refuses to know clients, grants and HTTP. A deadline is the first
second at which the thing is over: on it or after it is too late.
"""

from __future__ import annotations

from enum import Enum, auto

from lingpai_server.core.records import Family, Session
from lingpai_server.sessions.policy import SessionPolicy
from lingpai_server.sessions.refresh_token import PresentedRefreshToken

FIRST_GENERATION = 0


class Standing(Enum):
    """What an authentic refresh token is to its family now."""

    CURRENT = auto()
    PREVIOUS_IN_GRACE = auto()
    REUSED = auto()
    NEVER_ISSUED = auto()


def decide_standing(
    presented: PresentedRefreshToken,
    family: Family,
    policy: SessionPolicy,
    *,
    now: float,
    grace_has_limit: bool,
) -> Standing:
    """Where `presented` stands (RFC 9700 section 4.14.2: rotation detects replay).

    Without a limit the previous token is answered however late it comes: its sender proved who it
    is, so a lost answer must not log it out (FAPI 2.0 Security Profile section 5.3.2.1).
    """
    if not is_issued(presented, family):
        return Standing.NEVER_ISSUED
    if presented.generation == family.generation:
        return Standing.CURRENT
    if presented.generation < family.generation - 1:
        return Standing.REUSED
    # a clock that stands before the rotation, in another process or a second try, is inside too
    if grace_has_limit and now - family.rotated_at >= policy.grace_seconds:
        return Standing.REUSED
    return Standing.PREVIOUS_IN_GRACE


def is_issued(presented: PresentedRefreshToken, family: Family) -> bool:
    """Whether this token was ever given out. Its MAC alone does not say so: keys can leak."""
    issued = presented.generation <= family.generation
    return issued and presented.key_version == family.key_version


def why_over(family: Family, session: Session, *, now: float) -> str | None:
    """The private reason why no token of this family may be answered any more; None if it lives."""
    if family.revoked_at is not None:
        return "family_revoked"
    if session.ended_at is not None:
        return "session_ended"
    if now >= min(family.absolute_deadline, session.absolute_deadline):
        return "absolute_deadline_passed"
    if now >= family.idle_deadline:
        return "idle_deadline_passed"
    return None


def absolute_deadline(policy: SessionPolicy, *, auth_time: int) -> int:
    """The second that no refresh moves (OWASP ASVS 5.0 requirement 7.3.2)."""
    return auth_time + policy.absolute_seconds


def idle_deadline(policy: SessionPolicy, absolute: int, *, now: float) -> int:
    """The second that a refresh slides to: never past `absolute`, the absolute deadline."""
    return min(int(now) + policy.idle_seconds, absolute)
