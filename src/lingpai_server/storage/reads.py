"""What the store can be asked, one query a function. Refuses to write or to judge.

Look-ups go by primary key or unique name. Those that run several statements want a snapshot.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

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

_FAMILY = Joined(f=FAMILIES, s=SESSIONS, u=USERS, c=CLIENTS, a=APIS, r=ROLES)
_FAMILY_FACTS = _FAMILY.query(
    """
  FROM families f
  JOIN sessions s ON s.session_id = f.session_id
  JOIN users u ON u.user_id = f.user_id
  JOIN clients c ON c.client_id = f.client_id
  JOIN apis a ON a.audience = f.audience
  LEFT JOIN user_roles h ON h.user_id = f.user_id AND h.audience = f.audience
  LEFT JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE f.family_id = ?1
""",
)

_HELD = Joined(r=ROLES)
_USER_ROLES = _HELD.query(
    """
  FROM user_roles h JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE h.user_id = ?1 AND h.audience = ?2
""",
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
    access = Access()
    if api_ is not None:
        access = client_access(db, client_id, api_.audience)
    return ClientFacts(client_, api_, access)


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
