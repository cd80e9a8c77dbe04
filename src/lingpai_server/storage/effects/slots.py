"""Status slots as SQL: taken, flipped, denied. Refuses to know why anything ends.

A slot that a grant has given up is flipped like the one it holds: until it is given back, a token
may carry it. INVALID is final: no statement here leaves it; only expiry.py does, when every token
that carried the slot has expired.
"""

from __future__ import annotations

import sqlite3

from lingpai.jwt.status_list import Status
from lingpai_server.core.ports import AlreadyExists, StaleState
from lingpai_server.core.slots import MAX_DENIED, MAX_TOKEN_SECONDS, SlotGrant
from lingpai_server.core.status_effects import DenyToken, RevokeKid, StartEpoch, TakeSlot
from lingpai_server.storage.columns import Value
from lingpai_server.storage.effects.statements import change, exists

# --- taking ---------------------------------------------------------------------------------------

_EPOCH = "SELECT 1 FROM status_state WHERE id = 1 AND epoch = ?1"
_SESSION_LIVES = "SELECT 1 FROM sessions WHERE session_id = ?1 AND ended_at IS NULL"
_CURRENT_OF_SESSION = """
SELECT list_no, idx, status FROM slots
 WHERE current = 1 AND session_id = ?1 AND client_id = ?2 AND audience = ?3
"""
_CURRENT_OF_CLIENT = """
SELECT list_no, idx, status FROM slots
 WHERE current = 1 AND session_id IS NULL
   AND origin_client_id = ?1 AND client_id = ?2 AND audience = ?3
"""
_GIVE_UP = """
UPDATE slots SET current = NULL, held_until = min(coalesce(held_until, ?3), ?3)
 WHERE list_no = ?1 AND idx = ?2
"""
_TAKE = """
INSERT INTO slots (list_no, idx, status, changed_seq, current,
                   session_id, client_id, origin_client_id, audience, held_until)
VALUES (?1, ?2, 0, NULL, 1, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (list_no, idx) DO UPDATE
   SET current = 1, session_id = ?3, client_id = ?4, origin_client_id = ?5, audience = ?6,
       held_until = ?7
 WHERE slots.client_id IS NULL
"""


def take_slot(db: sqlite3.Connection, effect: TakeSlot) -> None:
    slot, grant, before = effect.slot, effect.grant, effect.before
    if not exists(db, _EPOCH, (slot.epoch,)):
        raise StaleState
    if grant.session_id is not None and not exists(db, _SESSION_LIVES, (grant.session_id,)):
        raise StaleState
    held = None if before is None else (before.ref.list_no, before.ref.index, before.status.value)
    if _current(db, grant) != held or (before is not None and before.ref.epoch != slot.epoch):
        raise StaleState
    if before is not None:
        spare_until = effect.at + MAX_TOKEN_SECONDS
        change(db, _GIVE_UP, (before.ref.list_no, before.ref.index, spare_until))
    taken = change(
        db,
        _TAKE,
        (
            slot.list_no,
            slot.index,
            grant.session_id,
            grant.client_id,
            grant.origin_client_id,
            grant.audience,
            effect.held_until,
        ),
    )
    if taken != 1:
        raise StaleState


def _current(db: sqlite3.Connection, grant: SlotGrant) -> tuple[int, int, int] | None:
    sql = _CURRENT_OF_CLIENT if grant.session_id is None else _CURRENT_OF_SESSION
    whose = grant.origin_client_id if grant.session_id is None else grant.session_id
    found: tuple[int, int, int] | None = db.execute(
        sql, (whose, grant.client_id, grant.audience)
    ).fetchone()
    return found


# --- flipping -------------------------------------------------------------------------------------

# Nobody else writes meanwhile, so the number after the last is this effect's. It is taken once, at
# the end of the effect (`number_flips`): all that it changed has one number.
_FLIP = """
UPDATE slots SET status = {to}, changed_seq = (SELECT seq + 1 FROM status_state WHERE id = 1)
 WHERE status IN ({of}) AND {which}
"""
_INVALIDATE = """
UPDATE slots
   SET status = 1, changed_seq = (SELECT seq + 1 FROM status_state WHERE id = 1),
       held_until = min(coalesce(held_until, {spare}), {spare})
 WHERE status <> 1 AND {which}
"""
_NUMBER_FLIPS = """
UPDATE status_state SET seq = seq + 1
 WHERE EXISTS (SELECT 1 FROM slots t WHERE t.changed_seq > status_state.seq)
"""
_SPARE = f"?1 + {MAX_TOKEN_SECONDS}"
_OF_SESSIONS = "session_id IN (SELECT session_id FROM sessions WHERE {whose} AND ended_at IS NULL)"
_OF_FAMILY = "session_id = (SELECT session_id FROM families WHERE family_id = ?2)"
_OF_USER = _OF_SESSIONS.format(whose="user_id = ?1")
# What a client holds beside its sessions: what it exchanged, and what speaks for itself.
_BESIDE_SESSIONS = (
    "client_id = {client} AND client_id <> origin_client_id",
    "session_id IS NULL AND client_id IS NOT NULL AND origin_client_id = {client}",
)
_OF_CLIENT = (
    _OF_SESSIONS.format(whose="client_id = ?1"),
    *(which.format(client="?1") for which in _BESIDE_SESSIONS),
)
# Nobody else keeps it suspended: the user is not locked, and neither of the clients disabled.
_NOT_LOCKED = """
NOT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.user_id = s.user_id
             WHERE s.session_id = slots.session_id AND u.status = 'locked')
"""
_NOT_DISABLED = """
NOT EXISTS (SELECT 1 FROM clients c
             WHERE c.client_id IN (slots.client_id, slots.origin_client_id) AND c.disabled = 1)
"""


def number_flips(db: sqlite3.Connection) -> None:
    """Ends each effect that flips slots: takes the number that they were given, if any was."""
    change(db, _NUMBER_FLIPS, ())


def next_number(db: sqlite3.Connection) -> int:
    """The number of the change that is being made, taken."""
    ((seq,),) = db.execute(
        "UPDATE status_state SET seq = seq + 1 WHERE id = 1 RETURNING seq"
    ).fetchall()
    return int(seq)


def invalidate_sessions(db: sqlite3.Connection, whose: str, values: tuple[Value, ...]) -> None:
    """Of the live sessions that a condition picks; ?1 of the values is the time."""
    which = _OF_SESSIONS.format(whose=whose)
    change(db, _INVALIDATE.format(spare=_SPARE, which=which), values)


def invalidate_session_of_family(db: sqlite3.Connection, family_id: bytes, at: int) -> None:
    """Of the session that a refresh family is of."""
    change(db, _INVALIDATE.format(spare=_SPARE, which=_OF_FAMILY), (at, family_id))


def invalidate_client(db: sqlite3.Connection, client_id: str, at: int) -> None:
    """Everything that a client holds, but for its sessions, whose end is told by themselves."""
    for which in _BESIDE_SESSIONS:
        sql = _INVALIDATE.format(spare=_SPARE, which=which.format(client="?2"))
        change(db, sql, (at, client_id))


def suspend_user(db: sqlite3.Connection, user_id: str) -> None:
    _suspend(db, _OF_USER, (user_id,))


def resume_user(db: sqlite3.Connection, user_id: str) -> None:
    _resume(db, f"{_OF_USER} AND {_NOT_DISABLED}", (user_id,))


def suspend_client(db: sqlite3.Connection, client_id: str) -> None:
    for which in _OF_CLIENT:
        _suspend(db, which, (client_id,))


def resume_client(db: sqlite3.Connection, client_id: str) -> None:
    for which in _OF_CLIENT:
        _resume(db, f"{which} AND {_NOT_DISABLED} AND {_NOT_LOCKED}", (client_id,))


def make_client_stale(db: sqlite3.Connection, client_id: str) -> None:
    for which in _OF_CLIENT:
        _make_stale(db, which, (client_id,))


def make_user_stale(db: sqlite3.Connection, user_id: str, audience: str) -> None:
    _make_stale(db, f"{_OF_USER} AND audience = ?2", (user_id, audience))


def make_clients_own_stale(db: sqlite3.Connection, client_id: str, audience: str) -> None:
    """What speaks for the client itself, whoever exchanged it."""
    which = _BESIDE_SESSIONS[1].format(client="?1")
    _make_stale(db, f"{which} AND audience = ?2", (client_id, audience))


def _suspend(db: sqlite3.Connection, which: str, values: tuple[Value, ...]) -> None:
    _flip(db, (Status.VALID, Status.STALE), Status.SUSPENDED, which, values)


def _resume(db: sqlite3.Connection, which: str, values: tuple[Value, ...]) -> None:
    """STALE, since what it was before, or would be by now, is not known."""
    _flip(db, (Status.SUSPENDED,), Status.STALE, which, values)


def _make_stale(db: sqlite3.Connection, which: str, values: tuple[Value, ...]) -> None:
    _flip(db, (Status.VALID,), Status.STALE, which, values)


def _flip(
    db: sqlite3.Connection,
    of: tuple[Status, ...],
    to: Status,
    which: str,
    values: tuple[Value, ...],
) -> None:
    listed = ", ".join(str(int(status)) for status in of)
    change(db, _FLIP.format(to=int(to), of=listed, which=which), values)


# --- beside the lists -----------------------------------------------------------------------------


def deny_token(db: sqlite3.Connection, effect: DenyToken) -> None:
    if exists(db, "SELECT 1 FROM denied_tokens WHERE token_id = ?1", (effect.token_id,)):
        return
    ((count,),) = db.execute(
        "SELECT count(*) FROM denied_tokens WHERE expires_at > ?1", (effect.at,)
    ).fetchall()
    if count >= MAX_DENIED:
        raise AlreadyExists(f"{MAX_DENIED} denied tokens are already there")
    change(
        db,
        "INSERT INTO denied_tokens (token_id, expires_at, seq) VALUES (?1, ?2, ?3)",
        (effect.token_id, effect.expires_at, next_number(db)),
    )


def revoke_kid(db: sqlite3.Connection, effect: RevokeKid) -> None:
    change(db, "UPDATE keys SET state = 'retired' WHERE kid = ?1", (effect.kid,))
    if not exists(db, "SELECT 1 FROM revoked_kids WHERE kid = ?1", (effect.kid,)):
        change(
            db,
            "INSERT INTO revoked_kids (kid, revoked_at, seq) VALUES (?1, ?2, ?3)",
            (effect.kid, effect.at, next_number(db)),
        )


_END_ALL = (
    "UPDATE families SET revoked_at = ?1, revoked_reason = ?2 WHERE revoked_at IS NULL",
    """
    UPDATE sessions
       SET ended_at = ?1, end_reason = ?2, notify_at = CASE WHEN notify = 1 THEN ?1 END
     WHERE ended_at IS NULL
    """,
    "UPDATE browsers SET ended_at = ?1, end_reason = ?2 WHERE ended_at IS NULL",
)


def start_epoch(db: sqlite3.Connection, effect: StartEpoch) -> None:
    for sql in _END_ALL:
        change(db, sql, (effect.at, effect.reason))
    change(db, "DELETE FROM slots", ())
    change(db, "DELETE FROM denied_tokens", ())
    change(db, "UPDATE status_state SET epoch = ?1, seq = seq + 1 WHERE id = 1", (effect.epoch,))
