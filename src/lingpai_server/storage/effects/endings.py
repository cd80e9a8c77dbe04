"""The ends of sessions as SQL, whoever ends them. Refuses to begin or to move anything.

An end is final: the first time and reason stay. Families are revoked before their session is over,
since they are found by the sessions that still live, and so are the slots of their tokens, which
become INVALID. A client that wants to hear of the end is to be told from that moment on.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import EndSession, EndSessionsOfUser, RevokeFamily
from lingpai_server.core.flow_effects import EndBrowser
from lingpai_server.core.ports import NotFound
from lingpai_server.storage.columns import Value
from lingpai_server.storage.effects.slots import (
    invalidate_session_of_family,
    invalidate_sessions,
    number_flips,
)
from lingpai_server.storage.effects.statements import change, exists

# ?1 is the time, ?2 the reason, ?3 whose sessions they are.
_REVOKE = """
UPDATE families SET revoked_at = ?1, revoked_reason = ?2
 WHERE revoked_at IS NULL
   AND session_id IN (SELECT session_id FROM sessions WHERE {whose} AND ended_at IS NULL)
"""
_END = """
UPDATE sessions
   SET ended_at = ?1, end_reason = ?2, notify_at = CASE WHEN notify = 1 THEN ?1 END
 WHERE {whose} AND ended_at IS NULL
"""
_ONE = "session_id = ?3"
_OF_USER = "user_id = ?3"
_OF_CLIENT = "client_id = ?3"
_OF_BROWSER = "browser_id = ?3 AND offline = 0"


def _both(whose: str) -> tuple[str, str]:
    return _REVOKE.format(whose=whose), _END.format(whose=whose)


_ENDINGS = {whose: _both(whose) for whose in (_ONE, _OF_USER, _OF_CLIENT, _OF_BROWSER)}


def _end(db: sqlite3.Connection, whose: str, at: int, reason: str, who: Value) -> int:
    """End the sessions, revoke their families and flip their slots; how many sessions that were."""
    revoke, end = _ENDINGS[whose]
    change(db, revoke, (at, reason, who))
    invalidate_sessions(db, whose, (at, reason, who))
    return change(db, end, (at, reason, who))


def revoke_family(db: sqlite3.Connection, effect: RevokeFamily) -> None:
    revoked = change(
        db,
        """
        UPDATE families SET revoked_at = ?1, revoked_reason = ?2
         WHERE family_id = ?3 AND revoked_at IS NULL
        """,
        (effect.at, effect.reason, effect.family_id),
    )
    known = "SELECT 1 FROM families WHERE family_id = ?1"
    if revoked:
        invalidate_session_of_family(db, effect.family_id, effect.at)
        number_flips(db)
    elif not exists(db, known, (effect.family_id,)):
        raise NotFound("the refresh family is not there")


def end_session(db: sqlite3.Connection, effect: EndSession) -> None:
    ended = _end(db, _ONE, effect.at, effect.reason, effect.session_id)
    number_flips(db)
    known = "SELECT 1 FROM sessions WHERE session_id = ?1"
    if not ended and not exists(db, known, (effect.session_id,)):
        raise NotFound(f"session {effect.session_id!r} is not there")


def end_sessions_of_user(db: sqlite3.Connection, effect: EndSessionsOfUser) -> None:
    if not exists(db, "SELECT 1 FROM users WHERE user_id = ?1", (effect.user_id,)):
        raise NotFound(f"user {effect.user_id!r} is not there")
    _end(db, _OF_USER, effect.at, effect.reason, effect.user_id)
    number_flips(db)
    change(
        db,
        """
        UPDATE browsers SET ended_at = ?1, end_reason = ?2
         WHERE user_id = ?3 AND ended_at IS NULL
        """,
        (effect.at, effect.reason, effect.user_id),
    )


def end_sessions_of_client(db: sqlite3.Connection, client_id: str, at: int, reason: str) -> None:
    _end(db, _OF_CLIENT, at, reason, client_id)


def end_browser(db: sqlite3.Connection, effect: EndBrowser) -> None:
    """No session can start in it afterwards, so there is nothing to end when it is ended twice."""
    ended = change(
        db,
        """
        UPDATE browsers SET ended_at = ?1, end_reason = ?2
         WHERE browser_id = ?3 AND ended_at IS NULL
        """,
        (effect.at, effect.reason, effect.browser_id),
    )
    if ended:
        _end(db, _OF_BROWSER, effect.at, effect.reason, effect.browser_id)
        number_flips(db)
    elif not exists(db, "SELECT 1 FROM browsers WHERE browser_id = ?1", (effect.browser_id,)):
        raise NotFound("the browser session is not there")
