"""Back-Channel Logout 1.0: what a client is told of a session's end, and how often it is tried.

No I/O, no clock, no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, TypeAlias, assert_never

from lingpai_server.core.effects import Effects, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import MoveNotice
from lingpai_server.core.flow_records import LogoutNotice
from lingpai_server.core.records import Client, Event, Session

LOGOUT_TOKEN_TYP = "logout+jwt"  # section 2.4
LOGOUT_TOKEN_SECONDS = 120  # section 4 advises two minutes at most
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
RETRY_SECONDS = (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""How long after each attempt the next one is due: the last is made about 22 hours after the
session's end."""


@dataclass(frozen=True, slots=True)
class Told:
    """The client said that it has logged the user out."""


@dataclass(frozen=True, slots=True)
class NotTold:
    """It did not. `final` says that asking again would change nothing."""

    reason: str
    final: bool = False


Telling: TypeAlias = Told | NotTold


def build_logout_token(
    issuer: str, client: Client, session: Session, *, now: float, jti: str
) -> Mapping[str, Any]:
    """The claims of section 2.4. `sub` is the public one: it becomes pairwise when it is signed."""
    issued_at = int(now)
    return {
        "iss": issuer,
        "sub": session.user_id,
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + LOGOUT_TOKEN_SECONDS,
        "jti": jti,
        "events": {LOGOUT_EVENT: {}},
        "sid": session.session_id,
    }


def where_to_tell(client: Client) -> str | NotTold:
    """Where the client wants to hear of it; a client that is disabled hears nothing more."""
    if client.disabled:
        return NotTold("client_disabled", final=True)
    if client.settings.backchannel_logout_uri is None:
        return NotTold("no_backchannel_logout_uri", final=True)
    return client.settings.backchannel_logout_uri


def read_status(status: int) -> Telling:
    """Section 2.8: 200, or 204 from frameworks that insist; 400 is the client's own no."""
    if status in {200, 204}:
        return Told()
    return NotTold(f"status_{status}", final=status == 400)


def claim_notice(notice: LogoutNotice, *, now: float) -> MoveNotice:
    """Makes the notice this process's own until the next attempt is due."""
    wait_seconds = RETRY_SECONDS[min(notice.attempts, len(RETRY_SECONDS) - 1)]
    return MoveNotice(notice.session.session_id, notice.attempts, ceil(now) + wait_seconds)


def conclude_notice(notice: LogoutNotice, telling: Telling, *, now: float) -> Effects:
    """What becomes of a notice that was claimed: done with, given up, or left until it is due."""
    match telling:
        case Told():
            return _close(notice, EventKind.LOGOUT_TOLD, None, now=now)
        case NotTold(reason, final):
            if final or notice.attempts >= len(RETRY_SECONDS):
                return _close(notice, EventKind.LOGOUT_NOT_TOLD, reason, now=now)
            return ()
        case _:
            assert_never(telling)


def _close(notice: LogoutNotice, kind: EventKind, reason: str | None, *, now: float) -> Effects:
    session, attempts = notice.session, notice.attempts + 1
    detail: dict[str, str | int | bool | None] = {"attempts": attempts}
    if reason is not None:
        detail["reason"] = reason
    event = Event(
        kind,
        now,
        user_id=session.user_id,
        client_id=session.client_id,
        session_id=session.session_id,
        detail=detail,
    )
    return (MoveNotice(session.session_id, attempts, None), Record(event))
