"""Authorization codes and pushed requests as SQL: each is made once and used once.

A use is one UPDATE that finds the row unused, so of two that try, one is told that it lost.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import RedeemCode, StoreCode, StorePushed, UsePushed
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.effects.browsers import lives
from lingpai_server.storage.effects.statements import change, insert
from lingpai_server.storage.rows import CODES, PUSHED_REQUESTS


def store_code(db: sqlite3.Connection, effect: StoreCode) -> None:
    if not lives(db, effect.code.browser_id):
        raise StaleState
    insert(db, CODES, effect.code, what="the code", needs="its client, user and API")


def redeem_code(db: sqlite3.Connection, effect: RedeemCode) -> None:
    redeemed = change(
        db,
        """
        UPDATE codes SET redeemed_at = ?1, session_id = ?2
         WHERE code_sha256 = ?3 AND redeemed_at IS NULL
           AND EXISTS (SELECT 1 FROM browsers b
                        WHERE b.browser_id = codes.browser_id AND b.ended_at IS NULL)
        """,
        (effect.at, effect.session_id, effect.code_sha256),
    )
    if redeemed != 1:
        raise StaleState


def store_pushed(db: sqlite3.Connection, effect: StorePushed) -> None:
    insert(db, PUSHED_REQUESTS, effect.pushed, what="the pushed request", needs="its client")


def use_pushed(db: sqlite3.Connection, effect: UsePushed) -> None:
    used = change(
        db,
        """
        UPDATE pushed_requests SET used_at = ?1
         WHERE request_sha256 = ?2 AND used_at IS NULL
        """,
        (effect.at, effect.request_sha256),
    )
    if used != 1:
        raise StaleState
