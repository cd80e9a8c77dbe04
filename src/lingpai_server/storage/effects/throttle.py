"""Throttle buckets as SQL. Refuses to know how failures decay or when an attempt is too soon."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import MoveBucket, RefundBucket
from lingpai_server.core.ports import StaleState
from lingpai_server.core.records import Bucket
from lingpai_server.storage.effects.statements import change
from lingpai_server.storage.rows import BUCKETS


def move_bucket(db: sqlite3.Connection, effect: MoveBucket) -> None:
    if effect.before is None:
        moved = _fill(db, effect.after)
    else:
        moved = _move(db, effect.before, effect.after)
    if moved != 1:
        raise StaleState


def _fill(db: sqlite3.Connection, after: Bucket) -> int:
    return change(db, _FILL, BUCKETS.values(after))


_FILL = BUCKETS.insert + " ON CONFLICT (name) DO NOTHING"


def _move(db: sqlite3.Connection, before: Bucket, after: Bucket) -> int:
    """Floats are compared for equality: they come back from the store bit for bit."""
    return change(
        db,
        """
        UPDATE buckets SET failures = ?1, updated_at = ?2, blocked_until = ?3
         WHERE name = ?4 AND failures = ?5 AND updated_at = ?6 AND blocked_until = ?7
        """,
        (
            after.failures,
            after.updated_at,
            after.blocked_until,
            after.name,
            before.failures,
            before.updated_at,
            before.blocked_until,
        ),
    )


def refund_bucket(db: sqlite3.Connection, effect: RefundBucket) -> None:
    """An absent bucket has nothing to give back: it was cleaned up, so it counts as zero."""
    change(
        db,
        """
        UPDATE buckets
           SET failures = CASE WHEN failures > ?1 THEN failures - ?1 ELSE 0.0 END,
               blocked_until = CASE WHEN ?2 = 1 THEN 0.0 ELSE blocked_until END
         WHERE name = ?3
        """,
        (effect.count, int(effect.clear), effect.name),
    )
