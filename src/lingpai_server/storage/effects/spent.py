"""Marks of what was used once, as SQL. Refuses to know what it was: it sees a digest."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import Spend
from lingpai_server.core.ports import AlreadySpent
from lingpai_server.storage.effects.statements import change


def spend(db: sqlite3.Connection, effect: Spend) -> None:
    """A mark past its time still counts, until it is removed: that errs on the safe side."""
    marked = change(
        db,
        """
        INSERT INTO spent (purpose, digest, expires_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (purpose, digest) DO NOTHING
        """,
        (effect.purpose, effect.digest, effect.expires_at),
    )
    if marked != 1:
        raise AlreadySpent(effect.purpose)
