"""APIs, roles, who holds them, and the versions that tell of a change. Refuses to judge access."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    PutRole,
    RemoveRole,
    RequireVersion,
)
from lingpai_server.core.flow_effects import ReplaceApi
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.core.records import Role
from lingpai_server.storage.columns import API_SETTINGS, TEXTS
from lingpai_server.storage.effects.freshness import Holders, stale_where_access_differs
from lingpai_server.storage.effects.statements import change, exists, insert, put
from lingpai_server.storage.rows import APIS, ROLES

_HAS_VERSION = {
    "user": "SELECT 1 FROM users WHERE user_id = ?1 AND access_version = ?2",
    "client": "SELECT 1 FROM clients WHERE client_id = ?1 AND access_version = ?2",
    "api": "SELECT 1 FROM apis WHERE audience = ?1 AND access_version = ?2",
}
_TABLES = {"user": "user_roles", "client": "client_roles", "group": "group_roles"}
_COLUMNS = {"user": "user_id", "client": "client_id", "group": "group_name"}


def _for_each_kind(sql: str) -> dict[str, str]:
    """A statement about the roles that holders of a kind were given themselves."""
    return {kind: sql.format(table=_TABLES[kind], holder=_COLUMNS[kind]) for kind in _TABLES}


_ASSIGN = _for_each_kind(
    "INSERT INTO {table} ({holder}, audience, role) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
)
_REMOVE = _for_each_kind("DELETE FROM {table} WHERE {holder} = ?1 AND audience = ?2 AND role = ?3")
_RAISE_HOLDER = {
    "user": "UPDATE users SET access_version = access_version + 1 WHERE user_id = ?1",
    "client": "UPDATE clients SET access_version = access_version + 1 WHERE client_id = ?1",
    "group": """
        UPDATE users SET access_version = access_version + 1
         WHERE user_id IN (SELECT user_id FROM group_members WHERE group_name = ?1)
        """,
}
_USERS_OF_ROLE = """
SELECT user_id FROM user_roles WHERE audience = ?1 AND role = ?2
 UNION
SELECT m.user_id FROM group_roles g JOIN group_members m ON m.group_name = g.group_name
 WHERE g.audience = ?1 AND g.role = ?2
"""
_CLIENTS_OF_ROLE = "SELECT client_id FROM client_roles WHERE audience = ?1 AND role = ?2"
_RAISE = "UPDATE {table} SET access_version = access_version + 1 WHERE {key} IN ({holders})"
_RAISE_HOLDERS = (
    _RAISE.format(table="users", key="user_id", holders=_USERS_OF_ROLE),
    _RAISE.format(table="clients", key="client_id", holders=_CLIENTS_OF_ROLE),
)
# whose tokens may be concerned: by a role, by an assignment to one holder
_OF_ROLE = (
    Holders(_USERS_OF_ROLE, "SELECT ?1"),
    Holders(_CLIENTS_OF_ROLE, "SELECT ?1", clients=True),
)
_OF_HOLDER = {
    "user": Holders("SELECT ?1 AS user_id", "SELECT ?2"),
    "client": Holders("SELECT ?1 AS client_id", "SELECT ?2", clients=True),
    "group": Holders("SELECT user_id FROM group_members WHERE group_name = ?1", "SELECT ?2"),
}


def require_version(db: sqlite3.Connection, effect: RequireVersion) -> None:
    if not exists(db, _HAS_VERSION[effect.kind], (effect.key, effect.access_version)):
        raise StaleState


def create_api(db: sqlite3.Connection, effect: CreateApi) -> None:
    insert(db, APIS, effect.api, what=f"API {effect.api.audience!r}")


def replace_api(db: sqlite3.Connection, effect: ReplaceApi) -> None:
    api = effect.api
    replaced = change(
        db,
        """
        UPDATE apis
           SET name = ?1, algorithm = ?2, scopes = ?3, access_ttl_seconds = ?4, settings = ?5,
               access_version = access_version + 1
         WHERE audience = ?6 AND access_version = ?7
        """,
        (
            api.name,
            api.algorithm,
            TEXTS.encode(api.scopes),
            api.access_ttl_seconds,
            API_SETTINGS.encode(api.settings),
            api.audience,
            api.access_version,
        ),
    )
    if replaced != 1:
        raise StaleState


_PUT_ROLE = (
    ROLES.insert + " ON CONFLICT (audience, name) DO UPDATE SET permissions = excluded.permissions"
)


def put_role(db: sqlite3.Connection, effect: PutRole) -> None:
    role = effect.role
    name = (role.audience, role.name)
    with stale_where_access_differs(db, () if _is_there(db, role) else _OF_ROLE, name):
        put(
            db,
            _PUT_ROLE,
            ROLES.values(role),
            what=f"role {role.name!r}",
            needs=f"API {role.audience!r}",
        )
    for raise_versions in _RAISE_HOLDERS:
        change(db, raise_versions, name)


def _is_there(db: sqlite3.Connection, role: Role) -> bool:
    """Whether it already has just these permissions: then nobody's access differs."""
    known = "SELECT 1 FROM roles WHERE audience = ?1 AND name = ?2 AND permissions = ?3"
    return exists(db, known, (role.audience, role.name, TEXTS.encode(role.permissions)))


def assign_role(db: sqlite3.Connection, effect: AssignRole) -> None:
    _change_grant(db, effect, _ASSIGN[effect.holder_kind])


def remove_role(db: sqlite3.Connection, effect: RemoveRole) -> None:
    _change_grant(db, effect, _REMOVE[effect.holder_kind])


def _change_grant(db: sqlite3.Connection, effect: AssignRole | RemoveRole, sql: str) -> None:
    _require_holder_and_role(db, effect)
    kind, holder = effect.holder_kind, effect.holder
    with stale_where_access_differs(db, (_OF_HOLDER[kind],), (holder, effect.audience)):
        if change(db, sql, (holder, effect.audience, effect.role)):
            change(db, _RAISE_HOLDER[kind], (holder,))


_HAS_HOLDER = {
    "user": "SELECT 1 FROM users WHERE user_id = ?1",
    "client": "SELECT 1 FROM clients WHERE client_id = ?1",
    "group": "SELECT 1 FROM user_groups WHERE name = ?1",
}


def _require_holder_and_role(db: sqlite3.Connection, effect: AssignRole | RemoveRole) -> None:
    if not exists(db, _HAS_HOLDER[effect.holder_kind], (effect.holder,)):
        raise NotFound(f"{effect.holder_kind} {effect.holder!r} is not there")
    role = (effect.audience, effect.role)
    if not exists(db, "SELECT 1 FROM roles WHERE audience = ?1 AND name = ?2", role):
        raise NotFound(f"role {effect.role!r} of API {effect.audience!r} is not there")
