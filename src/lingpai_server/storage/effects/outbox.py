"""The outbox as SQL: one row an event, numbered here, in the transaction that made it true."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import Record
from lingpai_server.storage.rows import detail


def record(db: sqlite3.Connection, effect: Record) -> None:
    event = effect.event
    db.execute(
        """
        INSERT INTO events (kind, at, user_id, client_id, session_id, address, detail)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        """,
        (
            event.kind,
            event.at,
            event.user_id,
            event.client_id,
            event.session_id,
            event.address,
            detail(event.detail),
        ),
    )
