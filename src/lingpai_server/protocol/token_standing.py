"""Whether an access token of ours is good now: not only unexpired, but still wanted by everybody.

An API that verifies tokens itself learns of an end later; whoever asks us learns of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.records import AccountStatus, Client

_OPTIONAL = ("sid", "scope")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The claims of a token that this issuer made, the client that it was made for, the session
    that it belongs to, and whether it was denied alone; what is missing is None. A client's own
    token has no session."""

    claims: Mapping[str, Any]
    client: Client | None
    session: SessionFacts | None
    is_denied: bool = False

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the token is good for."""
        scope: str = self.claims.get("scope", "")
        return tuple(scope.split())


def has_our_shape(claims: Mapping[str, Any]) -> bool:
    """Whether the claims that are looked at are what we write. An API that chose HS256 may have
    signed anything."""
    texts = ("client_id", "sub", "aud", "jti", *(name for name in _OPTIONAL if name in claims))
    return type(claims.get("exp")) is int and all(type(claims.get(n)) is str for n in texts)


def why_not_good(facts: TokenFacts, *, now: float) -> str | None:
    """The private reason why the token is good for nothing any more; None if it is good."""
    if now >= facts.claims["exp"]:  # RFC 7519 section 4.1.4: on or after is too late
        return "token_expired"
    if facts.is_denied:
        return "token_denied"
    if facts.client is None or facts.client.disabled:
        return "client_disabled"
    if "sid" not in facts.claims:
        return None
    return "session_unknown" if facts.session is None else _why_session_over(facts.session, now)


def why_over_for_good(facts: TokenFacts, *, now: float) -> str | None:
    """Why the token can never be good again, but for a denial; None if it may be. A lock or a
    disabled client may be undone while the token lives."""
    if now >= facts.claims["exp"]:
        return "token_expired"
    has_ended = facts.session is not None and facts.session.session.ended_at is not None
    return "session_ended" if has_ended else None


def _why_session_over(facts: SessionFacts, now: float) -> str | None:
    session = facts.session
    if session.ended_at is not None:
        return "session_ended"
    if now >= min(session.idle_deadline, session.absolute_deadline):
        return "session_deadline_passed"
    if facts.user.status is not AccountStatus.ACTIVE:
        return "account_not_active"
    return "client_disabled" if facts.client.disabled else None
