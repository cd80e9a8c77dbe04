"""Sessions and refresh families as SQL. Refuses to know the rules of deadlines: it stores them.

An end is final: no statement here clears `ended_at` or `revoked_at`, and none moves a family that
has one of them.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import (
    EndSession,
    EndSessionsOfUser,
    RevokeFamily,
    RotateFamily,
    SlideFamily,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import texts


def start_session(db: sqlite3.Connection, effect: StartSession) -> None:
    session = effect.session
    insert(
        db,
        """
        INSERT INTO sessions (session_id, user_id, client_id, auth_time, amr, idle_deadline,
                              absolute_deadline, ended_at, end_reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """,
        (
            session.session_id,
            session.user_id,
            session.client_id,
            session.auth_time,
            texts(session.amr),
            session.idle_deadline,
            session.absolute_deadline,
            session.ended_at,
            session.end_reason,
        ),
        what=f"session {session.session_id!r}",
        needs="its user and its client",
    )


def start_family(db: sqlite3.Connection, effect: StartFamily) -> None:
    family = effect.family
    if exists(db, _SESSION_ENDED, (family.session_id,)):
        raise StaleState
    insert(
        db,
        """
        INSERT INTO families (family_id, session_id, user_id, client_id, audience, scopes,
                              generation, rotated_at, idle_deadline, absolute_deadline,
                              key_version, jkt, revoked_at, revoked_reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
        """,
        (
            family.family_id,
            family.session_id,
            family.user_id,
            family.client_id,
            family.audience,
            texts(family.scopes),
            family.generation,
            family.rotated_at,
            family.idle_deadline,
            family.absolute_deadline,
            family.key_version,
            family.jkt,
            family.revoked_at,
            family.revoked_reason,
        ),
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
           SET idle_deadline = max(idle_deadline, ?1)
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
    if not revoked and not exists(db, known, (effect.family_id,)):
        raise NotFound("the refresh family is not there")


def end_session(db: sqlite3.Connection, effect: EndSession) -> None:
    change(
        db,
        """
        UPDATE families SET revoked_at = ?1, revoked_reason = ?2
         WHERE session_id = ?3 AND revoked_at IS NULL
        """,
        (effect.at, effect.reason, effect.session_id),
    )
    ended = change(
        db,
        """
        UPDATE sessions SET ended_at = ?1, end_reason = ?2
         WHERE session_id = ?3 AND ended_at IS NULL
        """,
        (effect.at, effect.reason, effect.session_id),
    )
    if not ended and not exists(db, _SESSION_ENDED, (effect.session_id,)):
        raise NotFound(f"session {effect.session_id!r} is not there")


def end_sessions_of_user(db: sqlite3.Connection, effect: EndSessionsOfUser) -> None:
    if not exists(db, "SELECT 1 FROM users WHERE user_id = ?1", (effect.user_id,)):
        raise NotFound(f"user {effect.user_id!r} is not there")
    change(
        db,
        """
        UPDATE families SET revoked_at = ?1, revoked_reason = ?2
         WHERE revoked_at IS NULL
           AND session_id IN (SELECT session_id FROM sessions
                               WHERE user_id = ?3 AND ended_at IS NULL)
        """,
        (effect.at, effect.reason, effect.user_id),
    )
    change(
        db,
        """
        UPDATE sessions SET ended_at = ?1, end_reason = ?2
         WHERE user_id = ?3 AND ended_at IS NULL
        """,
        (effect.at, effect.reason, effect.user_id),
    )
