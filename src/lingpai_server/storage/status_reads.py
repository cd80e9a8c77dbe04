"""What is asked about statuses, groups and their members. Refuses to write or to judge."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import HolderKind
from lingpai_server.core.records import Event, Group, Role, Session, User
from lingpai_server.core.slots import LIST_SIZE, SlotRef, StatusChange, StatusChanges
from lingpai_server.storage import reads
from lingpai_server.storage.rows import EVENTS, GROUPS, ROLES, SESSIONS, USERS
from lingpai_server.storage.shapes import Joined

_HIGHEST_LIST = (
    "SELECT coalesce(max(list_no), 1), (SELECT epoch FROM status_state WHERE id = 1) FROM slots"
)
_HOLDER = "SELECT client_id FROM slots WHERE list_no = ?1 AND idx = ?2"
_CHANGED = "SELECT list_no, idx, status FROM slots WHERE changed_seq > ?1"
_NOT_VALID = _CHANGED + " AND status <> 0"
_STATUSES = tuple(Status)  # a look-up costs a fifth of a call of the enumeration


def offer_slot(db: sqlite3.Connection, draws: Sequence[int]) -> SlotRef:
    """See `Store.offer_slot`. Most slots are free, so the first place does mostly."""
    lists, epoch = db.execute(_HIGHEST_LIST).fetchone()
    for draw in draws:
        place, index = divmod(draw % (lists * LIST_SIZE), LIST_SIZE)
        row = db.execute(_HOLDER, (place + 1, index)).fetchone()
        if row is None or row[0] is None:
            return SlotRef(epoch, place + 1, index)
    return SlotRef(epoch, lists + 1, draws[0] % LIST_SIZE)


def status_mark(db: sqlite3.Connection) -> tuple[str, int]:
    """The epoch and the number of its last change."""
    epoch, seq = db.execute("SELECT epoch, seq FROM status_state WHERE id = 1").fetchone()
    return epoch, seq


def status_changes(db: sqlite3.Connection, after: int, now: int) -> StatusChanges:
    """Several statements: wants a snapshot."""
    epoch, seq = status_mark(db)
    ((lists,),) = db.execute("SELECT coalesce(max(list_no), 1) FROM slots").fetchall()
    # Before the first change all was VALID: what is VALID does not differ from that.
    changed = db.execute(_CHANGED if after else _NOT_VALID, (after,))
    denied = db.execute(
        "SELECT token_id, expires_at FROM denied_tokens WHERE expires_at > ?1 ORDER BY seq", (now,)
    ).fetchall()
    kids = db.execute("SELECT kid FROM revoked_kids ORDER BY seq").fetchall()
    return StatusChanges(
        epoch=epoch,
        seq=seq,
        lists=lists,
        changes=tuple(
            StatusChange(list_no, index, _STATUSES[status]) for list_no, index, status in changed
        ),
        denied=tuple(denied),
        kids=tuple(kid for (kid,) in kids),
    )


def is_denied(db: sqlite3.Connection, token_id: str) -> bool:
    """Whether a single token was denied."""
    sql = "SELECT 1 FROM denied_tokens WHERE token_id = ?1"
    return db.execute(sql, (token_id,)).fetchone() is not None


_EVENTS_OF_SESSION = Joined(e=EVENTS).query(
    "FROM events e WHERE e.session_id = ?1 ORDER BY e.seq DESC LIMIT ?2", "e.seq"
)


def session_events(
    db: sqlite3.Connection, session_id: str, limit: int
) -> tuple[tuple[int, Event], ...]:
    """The newest of one session, oldest first; looks through all events."""
    found = db.execute(_EVENTS_OF_SESSION, (session_id, limit)).fetchall()
    return tuple((seq, EVENTS.read(row)) for *row, seq in reversed(found))


def sessions(db: sqlite3.Connection, user_id: str) -> tuple[Session, ...]:
    """A user's, newest login first; looks through all sessions."""
    where = "WHERE user_id = ?1 ORDER BY auth_time DESC, session_id"
    return SESSIONS.read_all(db.execute(SESSIONS.select + where, (user_id,)))


def group(db: sqlite3.Connection, name: str) -> Group | None:
    """One group by name."""
    return reads.one(db, GROUPS, "WHERE name = ?1", name)


def groups(db: sqlite3.Connection) -> tuple[Group, ...]:
    """All groups by name."""
    return reads.every(db, GROUPS, "ORDER BY name")


_MEMBERS = Joined(u=USERS).query(
    """
  FROM group_members m JOIN users u ON u.user_id = m.user_id
 WHERE m.group_name = ?1 ORDER BY u.username
"""
)
_GROUPS_OF = Joined(g=GROUPS).query(
    """
  FROM group_members m JOIN user_groups g ON g.name = m.group_name
 WHERE m.user_id = ?1 ORDER BY g.name
"""
)


def members(db: sqlite3.Connection, group_name: str) -> tuple[User, ...]:
    """The users in a group, by name."""
    return USERS.read_all(db.execute(_MEMBERS, (group_name,)))


def groups_of(db: sqlite3.Connection, user_id: str) -> tuple[Group, ...]:
    """The groups that a user is in, by name."""
    return GROUPS.read_all(db.execute(_GROUPS_OF, (user_id,)))


def _held_by(table: str, holder: str) -> str:
    return Joined(r=ROLES).query(
        f"""
  FROM {table} h JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE h.{holder} = ?1 ORDER BY r.audience, r.name
"""
    )


_HELD_ROLES = {
    "user": _held_by("user_roles", "user_id"),
    "client": _held_by("client_roles", "client_id"),
    "group": _held_by("group_roles", "group_name"),
}


def held_roles(db: sqlite3.Connection, kind: HolderKind, holder: str) -> tuple[Role, ...]:
    """What a user, client or group was given itself."""
    return ROLES.read_all(db.execute(_HELD_ROLES[kind], (holder,)))
