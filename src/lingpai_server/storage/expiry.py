"""Removing what can matter to nobody any more. Refuses to decide when: `now` is an argument."""

from __future__ import annotations

import sqlite3

BUCKET_IDLE_SECONDS = 86_400
"""A throttle bucket untouched for so long has decayed to nothing (half-life about an hour)."""

_FAMILIES = """
DELETE FROM families WHERE family_id IN (
    SELECT family_id FROM families WHERE absolute_deadline <= ?1
     ORDER BY absolute_deadline LIMIT ?2)
"""
_SESSIONS = """
DELETE FROM sessions WHERE session_id IN (
    SELECT session_id FROM sessions s WHERE absolute_deadline <= ?1
       AND NOT EXISTS (SELECT 1 FROM families f WHERE f.session_id = s.session_id)
     ORDER BY absolute_deadline LIMIT ?2)
"""
_BUCKETS = """
DELETE FROM buckets WHERE name IN (
    SELECT name FROM buckets WHERE updated_at <= ?1 AND blocked_until <= ?3
     ORDER BY updated_at LIMIT ?2)
"""


def remove_expired(db: sqlite3.Connection, now: int, limit: int) -> int:
    """Delete at most `limit` rows, families before their sessions; how many were deleted."""
    removed = db.execute(_FAMILIES, (now, limit)).rowcount
    removed += db.execute(_SESSIONS, (now, limit - removed)).rowcount
    idle_since = now - BUCKET_IDLE_SECONDS
    removed += db.execute(_BUCKETS, (idle_since, limit - removed, now)).rowcount
    return removed
