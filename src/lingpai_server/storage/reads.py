"""What the store can be asked, one query a function. Refuses to write or to judge.

Look-ups go by primary key or unique name. Those that run several statements want a snapshot.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from lingpai_server.core.ports import ClientFacts, FamilyFacts, LoginFacts
from lingpai_server.core.records import Access, Api, Bucket, Client, Event, Role, StoredKey, User
from lingpai_server.storage import rows

_FAMILY_FACTS = """
SELECT f.family_id, f.session_id, f.user_id, f.client_id, f.audience, f.scopes, f.generation,
       f.rotated_at, f.idle_deadline, f.absolute_deadline, f.key_version, f.jkt,
       f.revoked_at, f.revoked_reason,
       s.session_id, s.user_id, s.client_id, s.auth_time, s.amr, s.idle_deadline,
       s.absolute_deadline, s.ended_at, s.end_reason,
       u.user_id, u.username, u.password_hash, u.status, u.access_version, u.created_at,
       c.client_id, c.name, c.secret_sha256, c.first_party, c.grant_types, c.scopes, c.audiences,
       c.disabled, c.access_version, c.created_at,
       a.audience, a.name, a.algorithm, a.scopes, a.access_ttl_seconds, a.access_version,
       a.created_at,
       r.name, r.permissions
  FROM families f
  JOIN sessions s ON s.session_id = f.session_id
  JOIN users u ON u.user_id = f.user_id
  JOIN clients c ON c.client_id = f.client_id
  JOIN apis a ON a.audience = f.audience
  LEFT JOIN user_roles h ON h.user_id = f.user_id AND h.audience = f.audience
  LEFT JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE f.family_id = ?1
"""
_FAMILY, _SESSION, _USER = slice(0, 14), slice(14, 23), slice(23, 29)
_CLIENT, _API, _ROLE = slice(29, 39), slice(39, 46), slice(46, 48)

_USER_ROLES = """
SELECT r.name, r.permissions
  FROM user_roles h JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE h.user_id = ?1 AND h.audience = ?2
"""
_CLIENT_ROLES = """
SELECT r.name, r.permissions
  FROM client_roles h JOIN roles r ON r.audience = h.audience AND r.name = h.role
 WHERE h.client_id = ?1 AND h.audience = ?2
"""


def family_facts(db: sqlite3.Connection, family_id: bytes) -> FamilyFacts | None:
    """One statement, since every refresh asks it: a row for each role, the facts in all of them."""
    found = db.execute(_FAMILY_FACTS, (family_id,)).fetchall()
    if not found:
        return None
    row = found[0]
    return FamilyFacts(
        family=rows.to_family(row[_FAMILY]),
        session=rows.to_session(row[_SESSION]),
        user=rows.to_user(row[_USER]),
        client=rows.to_client(row[_CLIENT]),
        api=rows.to_api(row[_API]),
        access=_access(each[_ROLE] for each in found),
    )


def login_facts(
    db: sqlite3.Connection, username: str, client_id: str, audience: str | None
) -> LoginFacts:
    """Several statements: wants a snapshot."""
    client_ = client(db, client_id)
    user_ = user(db, username)
    api_ = _requested_api(db, client_, audience)
    access = Access()
    if user_ is not None and api_ is not None:
        access = _access(db.execute(_USER_ROLES, (user_.user_id, api_.audience)))
    return LoginFacts(client_, user_, api_, access)


def client_facts(
    db: sqlite3.Connection, client_id: str, audience: str | None
) -> ClientFacts | None:
    """Several statements: wants a snapshot."""
    client_ = client(db, client_id)
    if client_ is None:
        return None
    api_ = _requested_api(db, client_, audience)
    access = Access()
    if api_ is not None:
        access = _access(db.execute(_CLIENT_ROLES, (client_id, api_.audience)))
    return ClientFacts(client_, api_, access)


def client(db: sqlite3.Connection, client_id: str) -> Client | None:
    """One client by its identifier."""
    row = db.execute(rows.CLIENTS + "WHERE client_id = ?1", (client_id,)).fetchone()
    return None if row is None else rows.to_client(row)


def user(db: sqlite3.Connection, username: str) -> User | None:
    """One user by canonical name."""
    row = db.execute(rows.USERS + "WHERE username = ?1", (username,)).fetchone()
    return None if row is None else rows.to_user(row)


def api(db: sqlite3.Connection, audience: str) -> Api | None:
    """One API by its audience."""
    row = db.execute(rows.APIS + "WHERE audience = ?1", (audience,)).fetchone()
    return None if row is None else rows.to_api(row)


def role(db: sqlite3.Connection, audience: str, name: str) -> Role | None:
    """One role of one API."""
    row = db.execute(rows.ROLES + "WHERE audience = ?1 AND name = ?2", (audience, name)).fetchone()
    return None if row is None else rows.to_role(row)


def buckets(db: sqlite3.Connection, names: Sequence[str]) -> dict[str, Bucket]:
    """Several statements: wants a snapshot."""
    found = (db.execute(rows.BUCKETS + "WHERE name = ?1", (name,)).fetchone() for name in names)
    return {row[0]: rows.to_bucket(row) for row in found if row is not None}


def keys(db: sqlite3.Connection) -> tuple[StoredKey, ...]:
    """Every key that is not retired, oldest first."""
    found = db.execute(
        rows.KEYS + "WHERE state <> 'retired' ORDER BY created_at, version, kid"
    ).fetchall()
    return tuple(map(rows.to_key, found))


def events(db: sqlite3.Connection, after: int, limit: int) -> tuple[tuple[int, Event], ...]:
    """Outbox rows with a number above `after`, in order."""
    found = db.execute(
        rows.EVENTS + "WHERE seq > ?1 ORDER BY seq LIMIT ?2", (after, limit)
    ).fetchall()
    return tuple(map(rows.to_event, found))


def users(db: sqlite3.Connection) -> tuple[User, ...]:
    """All users by name."""
    return tuple(map(rows.to_user, db.execute(rows.USERS + "ORDER BY username").fetchall()))


def clients(db: sqlite3.Connection) -> tuple[Client, ...]:
    """All clients by identifier."""
    return tuple(map(rows.to_client, db.execute(rows.CLIENTS + "ORDER BY client_id").fetchall()))


def apis(db: sqlite3.Connection) -> tuple[Api, ...]:
    """All APIs by audience."""
    return tuple(map(rows.to_api, db.execute(rows.APIS + "ORDER BY audience").fetchall()))


def roles(db: sqlite3.Connection) -> tuple[Role, ...]:
    """All roles by audience and name."""
    return tuple(map(rows.to_role, db.execute(rows.ROLES + "ORDER BY audience, name").fetchall()))


def data_version(db: sqlite3.Connection) -> int:
    """Changes whenever another connection, of this process or not, has committed."""
    (version,) = db.execute("PRAGMA data_version").fetchone()
    return int(version)


def pulse(db: sqlite3.Connection) -> int:
    """How many readiness checks have written."""
    (beats,) = db.execute("SELECT beats FROM pulse WHERE id = 1").fetchone()
    return int(beats)


def _requested_api(
    db: sqlite3.Connection, client_: Client | None, audience: str | None
) -> Api | None:
    """The API that was asked for; without a wish, the client's first."""
    if audience is None and client_ is not None and client_.audiences:
        audience = client_.audiences[0]
    return None if audience is None else api(db, audience)


def _access(found: Iterable[rows.Row]) -> Access:
    """Names and permissions of these roles, sorted, each once; an outer join may find none."""
    names: list[str] = []
    permissions: set[str] = set()
    for name, text in found:
        if name is None:
            continue
        names.append(name)
        permissions.update(rows.to_texts(text))
    return Access(tuple(sorted(names)), tuple(sorted(permissions)))
