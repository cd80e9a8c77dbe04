"""Sessions and refresh families as SQL. Refuses to know the rules of deadlines: it stores them.

An end is final: no statement here clears `ended_at` or `revoked_at`, and none moves a family that
has one of them.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import RotateFamily, SlideFamily, StartFamily, StartSession
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.effects.browsers import lives
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import FAMILIES, SESSIONS


def start_session(db: sqlite3.Connection, effect: StartSession) -> None:
    session = effect.session
    bound = session.browser_id is not None and not session.offline
    if bound and not lives(db, session.browser_id):
        raise StaleState
    insert(
        db,
        SESSIONS,
        session,
        what=f"session {session.session_id!r}",
        needs="its user and its client",
    )


def start_family(db: sqlite3.Connection, effect: StartFamily) -> None:
    family = effect.family
    if exists(db, _SESSION_ENDED, (family.session_id,)):
        raise StaleState
    insert(
        db,
        FAMILIES,
        family,
        what="the refresh family",
        needs="its session, user, client and API",
    )


_SESSION_ENDED = "SELECT 1 FROM sessions WHERE session_id = ?1 AND ended_at IS NOT NULL"


def rotate_family(db: sqlite3.Connection, effect: RotateFamily) -> None:
    won = db.execute(
        """
        UPDATE families
           SET generation = generation + 1, rotated_at = ?1, idle_deadline = ?2
         WHERE family_id = ?3 AND generation = ?4 AND revoked_at IS NULL
           AND EXISTS (SELECT 1 FROM sessions s
                        WHERE s.session_id = families.session_id AND s.ended_at IS NULL)
        RETURNING session_id
        """,
        (effect.rotated_at, effect.idle_deadline, effect.family_id, effect.generation),
    ).fetchall()
    if not won:
        raise StaleState
    _slide_session(db, won[0][0], effect.idle_deadline)


def slide_family(db: sqlite3.Connection, effect: SlideFamily) -> None:
    won = db.execute(
        """
        UPDATE families
           SET idle_deadline = CASE WHEN idle_deadline < ?1 THEN ?1 ELSE idle_deadline END
         WHERE family_id = ?2 AND generation = ?3 AND revoked_at IS NULL
           AND EXISTS (SELECT 1 FROM sessions s
                        WHERE s.session_id = families.session_id AND s.ended_at IS NULL)
        RETURNING session_id
        """,
        (effect.idle_deadline, effect.family_id, effect.generation),
    ).fetchall()
    if not won:
        raise StaleState
    _slide_session(db, won[0][0], effect.idle_deadline)


def _slide_session(db: sqlite3.Connection, session_id: str, idle_deadline: int) -> None:
    """Another family of the session may have moved it further already: only ever forward."""
    change(
        db,
        "UPDATE sessions SET idle_deadline = ?1 WHERE session_id = ?2 AND idle_deadline < ?1",
        (idle_deadline, session_id),
    )
