"""Browser sessions as SQL: begun, renewed, slid, asked for. Their end is in endings.py."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import RenewBrowser, SlideBrowser, StartBrowser
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import BROWSERS


def start_browser(db: sqlite3.Connection, effect: StartBrowser) -> None:
    insert(db, BROWSERS, effect.browser, what="the browser session", needs="its user")


# Everything that hangs on a browser session and is not over: ?1 is the new one, ?2 the old one.
# Codes and devices have no index for it: they live for minutes, and few logins are second ones.
_INHERIT = (
    "UPDATE sessions SET browser_id = ?1 WHERE browser_id = ?2 AND ended_at IS NULL",
    "UPDATE codes SET browser_id = ?1 WHERE browser_id = ?2 AND redeemed_at IS NULL",
    "UPDATE devices SET browser_id = ?1 WHERE browser_id = ?2 AND session_id IS NULL",
)


def renew_browser(db: sqlite3.Connection, effect: RenewBrowser) -> None:
    browser = effect.browser
    ended = change(
        db,
        """
        UPDATE browsers SET ended_at = ?1, end_reason = ?2
         WHERE browser_id = ?3 AND user_id = ?4 AND ended_at IS NULL
        """,
        (effect.at, effect.reason, effect.browser_id, browser.user_id),
    )
    if ended != 1:
        raise StaleState
    insert(db, BROWSERS, browser, what="the browser session", needs="its user")
    for inherit in _INHERIT:
        change(db, inherit, (browser.browser_id, effect.browser_id))


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
