"""Logout notices as SQL. They begin with the end of a session (endings.py); here they are moved."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import MoveNotice
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.effects.statements import change


def move_notice(db: sqlite3.Connection, effect: MoveNotice) -> None:
    """A notice that is done with has no time, so nobody can claim it again."""
    moved = change(
        db,
        """
        UPDATE sessions SET notify_at = ?1, notify_attempts = notify_attempts + 1
         WHERE session_id = ?2 AND notify_attempts = ?3 AND notify_at IS NOT NULL
        """,
        (effect.due_at, effect.session_id, effect.attempts),
    )
    if moved != 1:
        raise StaleState
