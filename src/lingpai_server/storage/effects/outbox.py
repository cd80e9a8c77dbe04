"""The outbox as SQL: one row an event, numbered here, in the transaction that made it true."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import Record
from lingpai_server.storage.rows import EVENTS


def record(db: sqlite3.Connection, effect: Record) -> None:
    db.execute(EVENTS.insert, EVENTS.values(effect.event))
