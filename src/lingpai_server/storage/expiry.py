"""Removing what can matter to nobody any more. Refuses to decide when: `now` is an argument."""

from __future__ import annotations

import sqlite3

from lingpai_server.storage.effects.slots import next_number

A_DAY = 86_400

# ?1 is the time that is past, ?2 how many rows may go, ?3 a second time where there is one.
_FAMILIES = """
DELETE FROM families WHERE family_id IN (
    SELECT family_id FROM families WHERE absolute_deadline <= ?1
     ORDER BY absolute_deadline LIMIT ?2)
"""
# One whose client has not been told of its end waits for that, but for no longer than a day.
_SESSIONS = """
DELETE FROM sessions WHERE session_id IN (
    SELECT session_id FROM sessions s WHERE absolute_deadline <= ?1
       AND (notify_at IS NULL OR ended_at <= ?3)
       AND NOT EXISTS (SELECT 1 FROM families f WHERE f.session_id = s.session_id)
     ORDER BY absolute_deadline LIMIT ?2)
"""
# A day later: no code, device or session that came from it can then be on its way any more.
_BROWSERS = """
DELETE FROM browsers WHERE browser_id IN (
    SELECT browser_id FROM browsers WHERE absolute_deadline <= ?1
     ORDER BY absolute_deadline LIMIT ?2)
"""
_CODES = """
DELETE FROM codes WHERE code_sha256 IN (
    SELECT code_sha256 FROM codes WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
"""
_PUSHED = """
DELETE FROM pushed_requests WHERE request_sha256 IN (
    SELECT request_sha256 FROM pushed_requests WHERE expires_at <= ?1
     ORDER BY expires_at LIMIT ?2)
"""
_DEVICES = """
DELETE FROM devices WHERE device_sha256 IN (
    SELECT device_sha256 FROM devices WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
"""
_SPENT = """
DELETE FROM spent WHERE (purpose, digest) IN (
    SELECT purpose, digest FROM spent WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
"""
# Untouched for a day, a throttle bucket has decayed to nothing (half-life about an hour).
_BUCKETS = """
DELETE FROM buckets WHERE name IN (
    SELECT name FROM buckets WHERE updated_at <= ?1 AND blocked_until <= ?3
     ORDER BY updated_at LIMIT ?2)
"""
# A slot that no unexpired token can carry is nobody's, and VALID; who has another word for it in
# memory is told by its number.
_SLOTS_DUE = """
SELECT status, list_no, idx FROM slots WHERE held_until <= ?1 ORDER BY held_until LIMIT ?2
"""
_GIVE_BACK = """
UPDATE slots
   SET changed_seq = CASE WHEN status = 0 THEN changed_seq ELSE ?3 END, status = 0, current = NULL,
       session_id = NULL, client_id = NULL, origin_client_id = NULL, audience = NULL,
       held_until = NULL
 WHERE list_no = ?1 AND idx = ?2
"""
_DENIED = """
DELETE FROM denied_tokens WHERE token_id IN (
    SELECT token_id FROM denied_tokens WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
"""
_CLIENTS = """
DELETE FROM clients WHERE client_id IN (
    SELECT client_id FROM clients c WHERE deleted_at <= ?1
       AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.client_id = c.client_id)
       AND NOT EXISTS (SELECT 1 FROM families f WHERE f.client_id = c.client_id)
       AND NOT EXISTS (SELECT 1 FROM codes k WHERE k.client_id = c.client_id)
       AND NOT EXISTS (SELECT 1 FROM pushed_requests p WHERE p.client_id = c.client_id)
       AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.client_id = c.client_id)
     ORDER BY deleted_at LIMIT ?2)
"""
_CLIENTS_AT_ONCE = 10  # each looks through the codes, pushed requests and devices of the moment


def remove_expired(db: sqlite3.Connection, now: int, limit: int) -> int:
    """Delete at most `limit` rows, families before their sessions; how many were deleted."""
    yesterday = now - A_DAY
    left = limit
    left -= db.execute(_FAMILIES, (now, left)).rowcount
    left -= db.execute(_SESSIONS, (now, left, yesterday)).rowcount
    left -= db.execute(_BROWSERS, (yesterday, left)).rowcount
    left -= _give_back_slots(db, now, left)
    for statement in (_CODES, _PUSHED, _DEVICES, _SPENT, _DENIED):
        left -= db.execute(statement, (now, left)).rowcount
    left -= db.execute(_BUCKETS, (yesterday, left, now)).rowcount
    left -= db.execute(_CLIENTS, (yesterday, min(left, _CLIENTS_AT_ONCE))).rowcount
    return limit - left


def _give_back_slots(db: sqlite3.Connection, now: int, limit: int) -> int:
    due = db.execute(_SLOTS_DUE, (now, limit)).fetchall()
    changes = any(status for status, *_ in due)
    seq = next_number(db) if changes else 0
    db.executemany(_GIVE_BACK, [(*place, seq) for _, *place in due])
    return len(due)
