"""Browser sessions as SQL: begun, slid, asked for. Their end is in endings.py."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import SlideBrowser, StartBrowser
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import BROWSERS


def start_browser(db: sqlite3.Connection, effect: StartBrowser) -> None:
    insert(db, BROWSERS, effect.browser, what="the browser session", needs="its user")


def slide_browser(db: sqlite3.Connection, effect: SlideBrowser) -> None:
    change(
        db,
        """
        UPDATE browsers SET idle_deadline = ?1
         WHERE browser_id = ?2 AND idle_deadline < ?1 AND ended_at IS NULL
        """,
        (effect.idle_deadline, effect.browser_id),
    )


def lives(db: sqlite3.Connection, browser_id: bytes | None) -> bool:
    """Whether a browser session is there and has not ended. One that was removed is over: its row
    outlives its deadline by a day (expiry.py)."""
    alive = "SELECT 1 FROM browsers WHERE browser_id = ?1 AND ended_at IS NULL"
    return exists(db, alive, (browser_id,))
