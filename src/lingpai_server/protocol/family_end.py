"""What a family's end looks like: the effects that end it and the events that tell of its tokens.

A first-party login has one session with one family, so the end of either is the end of both.
"""

from __future__ import annotations

from lingpai.jose import base64url
from lingpai_server.core.effects import Effects, EndSession, Record, RevokeFamily
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import Event, Family
from lingpai_server.sessions.refresh_token import PresentedRefreshToken

REUSE = "refresh_reused"
LOGOUT = "logout"
REVOCATION = "revoked_by_client"


def end_family(facts: FamilyFacts, *, reason: str, now: float) -> Effects:
    """Revokes the family and ends its session; nothing when both are over already."""
    family, session = facts.family, facts.session
    if family.revoked_at is not None and session.ended_at is not None:
        return ()
    return (
        RevokeFamily(family.family_id, int(now), reason),
        EndSession(session.session_id, int(now), reason),
    )


def record(
    kind: EventKind,
    family: Family,
    presented: PresentedRefreshToken,
    *,
    address: str | None,
    now: float,
) -> Record:
    """The event of one presented token. A family_id is no secret: it opens nothing alone."""
    return Record(
        Event(
            kind,
            now,
            user_id=family.user_id,
            client_id=family.client_id,
            session_id=family.session_id,
            address=address,
            detail={
                "family": base64url.encode(family.family_id),
                "presented": presented.generation,
                "current": family.generation,
            },
        )
    )
