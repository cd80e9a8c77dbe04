"""What the store can be asked, one query a function. Refuses to write or to judge.

Look-ups go by primary key or unique name. Those that run several statements want a snapshot.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from lingpai.jwt.status_list import Status
from lingpai_server.core.ports import ClientFacts, FamilyFacts, LoginFacts
from lingpai_server.core.records import (
    Access,
    Api,
    Bucket,
    Client,
    Event,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.slots import HeldSlot, SlotRef
from lingpai_server.storage.columns import Value
from lingpai_server.storage.rows import (
    APIS,
    BUCKETS,
    CLIENTS,
    EVENTS,
    FAMILIES,
    KEYS,
    ROLES,
    SESSIONS,
    USERS,
)
from lingpai_server.storage.shapes import Joined, Row, Shape, T

# The roles of a user at an API, his own and those of his groups, with names of a statement. One
# that he has twice is named twice: it is for `IN`, which finds that quicker than a UNION.
ROLES_OF_USER = """
SELECT role FROM user_roles WHERE user_id = {user} AND audience = {audience}
 UNION ALL
SELECT g.role FROM group_members m JOIN group_roles g ON g.group_name = m.group_name
 WHERE m.user_id = {user} AND g.audience = {audience}
"""
_SLOT = ("(SELECT epoch FROM status_state WHERE id = 1)", "t.list_no", "t.idx", "t.status")

_FAMILY = Joined(f=FAMILIES, s=SESSIONS, u=USERS, c=CLIENTS, a=APIS, r=ROLES)
_FAMILY_FACTS = _FAMILY.query(
    """
  FROM families f
  JOIN sessions s ON s.session_id = f.session_id
  JOIN users u ON u.user_id = f.user_id
  JOIN clients c ON c.client_id = f.client_id
  JOIN apis a ON a.audience = f.audience
  LEFT JOIN slots t ON t.session_id = f.session_id AND t.client_id = f.client_id
   AND t.audience = f.audience AND t.current = 1
  LEFT JOIN roles r ON r.audience = f.audience AND r.name IN ({roles})
 WHERE f.family_id = ?1
""".format(roles=ROLES_OF_USER.format(user="f.user_id", audience="f.audience")),
    *_SLOT,
)

_HELD = Joined(r=ROLES)
_USER_ROLES = _HELD.query(
    """
  FROM roles r WHERE r.audience = ?2 AND r.name IN ({roles})
""".format(roles=ROLES_OF_USER.format(user="?1", audience="?2")),
)
_CLIENT_ROLES = _HELD.query(
    """
  FROM client_roles h JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE h.client_id = ?1 AND h.audience = ?2
""",
)


def family_facts(db: sqlite3.Connection, family_id: bytes) -> FamilyFacts | None:
    """One statement, since every refresh asks it: a row for each role, the facts in all of them."""
    found = db.execute(_FAMILY_FACTS, (family_id,)).fetchall()
    if not found:
        return None
    family, session, user_, client_, api_, role_ = _FAMILY.parts
    row = found[0]
    return FamilyFacts(
        family=FAMILIES.read(row[family]),
        session=SESSIONS.read(row[session]),
        user=USERS.read(row[user_]),
        client=CLIENTS.read(row[client_]),
        api=APIS.read(row[api_]),
        access=to_access(each[role_] for each in found),
        slot=to_slot(row[-len(_SLOT) :]),
    )


def login_facts(
    db: sqlite3.Connection, username: str, client_id: str, audience: str | None
) -> LoginFacts:
    """Several statements: wants a snapshot."""
    client_ = client(db, client_id)
    user_ = user(db, username)
    api_ = requested_api(db, client_, audience)
    access = Access()
    if user_ is not None and api_ is not None:
        access = user_access(db, user_.user_id, api_.audience)
    return LoginFacts(client_, user_, api_, access)


def client_facts(
    db: sqlite3.Connection, client_id: str, audience: str | None
) -> ClientFacts | None:
    """Several statements: wants a snapshot."""
    client_ = client(db, client_id)
    if client_ is None:
        return None
    api_ = requested_api(db, client_, audience)
    if api_ is None:
        return ClientFacts(client_, None, Access())
    access = client_access(db, client_id, api_.audience)
    slot = client_slot(db, client_id, client_id, api_.audience)
    return ClientFacts(client_, api_, access, slot)


def client(db: sqlite3.Connection, client_id: str) -> Client | None:
    """One client by its identifier."""
    return one(db, CLIENTS, "WHERE client_id = ?1", client_id)


def user(db: sqlite3.Connection, username: str) -> User | None:
    """One user by canonical name."""
    return one(db, USERS, "WHERE username = ?1", username)


def user_by_id(db: sqlite3.Connection, user_id: str) -> User | None:
    """One user by identifier."""
    return one(db, USERS, "WHERE user_id = ?1", user_id)


def api(db: sqlite3.Connection, audience: str) -> Api | None:
    """One API by its audience."""
    return one(db, APIS, "WHERE audience = ?1", audience)


def role(db: sqlite3.Connection, audience: str, name: str) -> Role | None:
    """One role of one API."""
    return one(db, ROLES, "WHERE audience = ?1 AND name = ?2", audience, name)


def session(db: sqlite3.Connection, session_id: str) -> Session | None:
    """One session by its identifier."""
    return one(db, SESSIONS, "WHERE session_id = ?1", session_id)


def buckets(db: sqlite3.Connection, names: Sequence[str]) -> dict[str, Bucket]:
    """Several statements: wants a snapshot."""
    found = (one(db, BUCKETS, "WHERE name = ?1", name) for name in names)
    return {bucket.name: bucket for bucket in found if bucket is not None}


def keys(db: sqlite3.Connection) -> tuple[StoredKey, ...]:
    """Every key that is not retired, oldest first."""
    return every(db, KEYS, "WHERE state <> 'retired' ORDER BY created_at, version, kid")


_EVENTS_AFTER = Joined(e=EVENTS).query(
    "FROM events e WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2", "e.seq"
)


def events(db: sqlite3.Connection, after: int, limit: int) -> tuple[tuple[int, Event], ...]:
    """Outbox rows with a number above `after`, in order."""
    found = db.execute(_EVENTS_AFTER, (after, limit)).fetchall()
    return tuple((seq, EVENTS.read(row)) for *row, seq in found)


def users(db: sqlite3.Connection) -> tuple[User, ...]:
    """All users by name."""
    return every(db, USERS, "ORDER BY username")


def clients(db: sqlite3.Connection) -> tuple[Client, ...]:
    """All clients by identifier, but those that were deleted."""
    return every(db, CLIENTS, "WHERE deleted_at IS NULL ORDER BY client_id")


def apis(db: sqlite3.Connection) -> tuple[Api, ...]:
    """All APIs by audience."""
    return every(db, APIS, "ORDER BY audience")


def roles(db: sqlite3.Connection) -> tuple[Role, ...]:
    """All roles by audience and name."""
    return every(db, ROLES, "ORDER BY audience, name")


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection, of this process or not, has committed."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version)


def pulse(db: sqlite3.Connection) -> int:
    """How many readiness checks have written."""
    (beats,) = db.execute("SELECT beats FROM pulse WHERE id = 1").fetchone()
    return int(beats)


def one(db: sqlite3.Connection, shape: Shape[T], where: str, *values: Value) -> T | None:
    """The record that a condition on a unique key finds."""
    return shape.read_optional(db.execute(shape.select + where, values).fetchone())


def every(db: sqlite3.Connection, shape: Shape[T], rest: str) -> tuple[T, ...]:
    """The records of a table, as the rest of the statement picks and orders them."""
    return shape.read_all(db.execute(shape.select + rest).fetchall())


def requested_api(
    db: sqlite3.Connection, client_: Client | None, audience: str | None
) -> Api | None:
    """The API that was asked for; without a wish, the client's first."""
    if audience is None and client_ is not None and client_.audiences:
        audience = client_.audiences[0]
    return None if audience is None else api(db, audience)


def user_access(db: sqlite3.Connection, user_id: str, audience: str) -> Access:
    """What a user may do at an API."""
    return to_access(db.execute(_USER_ROLES, (user_id, audience)))


def client_access(db: sqlite3.Connection, client_id: str, audience: str) -> Access:
    """What a client itself may do at an API."""
    return to_access(db.execute(_CLIENT_ROLES, (client_id, audience)))


def to_access(found: Iterable[Row]) -> Access:
    """Names and permissions of these roles, sorted, each once; an outer join may find none."""
    held = [role_ for role_ in map(ROLES.read_optional, found) if role_ is not None]
    permissions = {permission for role_ in held for permission in role_.permissions}
    return Access(tuple(sorted(role_.name for role_ in held)), tuple(sorted(permissions)))


_SLOT_WHERE = " ".join(("SELECT", ", ".join(_SLOT), "FROM slots t WHERE t.current = 1 AND "))
_SLOT_OF_SESSION = _SLOT_WHERE + "t.session_id = ?1 AND t.client_id = ?2 AND t.audience = ?3"
_SLOT_OF_CLIENT = _SLOT_WHERE + (
    "t.session_id IS NULL AND t.origin_client_id = ?1 AND t.client_id = ?2 AND t.audience = ?3"
)


def session_slot(
    db: sqlite3.Connection, session_id: str, client_id: str, audience: str
) -> HeldSlot | None:
    """What a client's tokens for an API carry in a session."""
    return to_slot(db.execute(_SLOT_OF_SESSION, (session_id, client_id, audience)).fetchone())


def client_slot(
    db: sqlite3.Connection, origin_client_id: str, client_id: str, audience: str
) -> HeldSlot | None:
    """What a client's tokens for an API carry that speak for a client."""
    return to_slot(db.execute(_SLOT_OF_CLIENT, (origin_client_id, client_id, audience)).fetchone())


def to_slot(row: Row | None) -> HeldSlot | None:
    """Epoch, list, index and status; an outer join may find none."""
    if row is None or row[1] is None:
        return None
    epoch, list_no, index, status = row
    return HeldSlot(SlotRef(epoch, list_no, index), Status(status))
