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
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import texts

_HAS_VERSION = {
    "user": "SELECT 1 FROM users WHERE user_id = ?1 AND access_version = ?2",
    "client": "SELECT 1 FROM clients WHERE client_id = ?1 AND access_version = ?2",
    "api": "SELECT 1 FROM apis WHERE audience = ?1 AND access_version = ?2",
}
_ASSIGN = {
    "user": """
        INSERT INTO user_roles (user_id, audience, role) VALUES (?1, ?2, ?3)
        ON CONFLICT DO NOTHING
        """,
    "client": """
        INSERT INTO client_roles (client_id, audience, role) VALUES (?1, ?2, ?3)
        ON CONFLICT DO NOTHING
        """,
}
_REMOVE = {
    "user": "DELETE FROM user_roles WHERE user_id = ?1 AND audience = ?2 AND role = ?3",
    "client": "DELETE FROM client_roles WHERE client_id = ?1 AND audience = ?2 AND role = ?3",
}
_RAISE_HOLDER = {
    "user": "UPDATE users SET access_version = access_version + 1 WHERE user_id = ?1",
    "client": "UPDATE clients SET access_version = access_version + 1 WHERE client_id = ?1",
}
_RAISE_HOLDERS = (
    """
    UPDATE users SET access_version = access_version + 1
     WHERE user_id IN (SELECT user_id FROM user_roles WHERE audience = ?1 AND role = ?2)
    """,
    """
    UPDATE clients SET access_version = access_version + 1
     WHERE client_id IN (SELECT client_id FROM client_roles WHERE audience = ?1 AND role = ?2)
    """,
)


def require_version(db: sqlite3.Connection, effect: RequireVersion) -> None:
    if not exists(db, _HAS_VERSION[effect.kind], (effect.key, effect.access_version)):
        raise StaleState


def create_api(db: sqlite3.Connection, effect: CreateApi) -> None:
    api = effect.api
    insert(
        db,
        """
        INSERT INTO apis (audience, name, algorithm, scopes, access_ttl_seconds, access_version,
                          created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        """,
        (
            api.audience,
            api.name,
            api.algorithm,
            texts(api.scopes),
            api.access_ttl_seconds,
            api.access_version,
            api.created_at,
        ),
        what=f"API {api.audience!r}",
    )


def put_role(db: sqlite3.Connection, effect: PutRole) -> None:
    role = effect.role
    insert(
        db,
        """
        INSERT INTO roles (audience, name, permissions) VALUES (?1, ?2, ?3)
        ON CONFLICT (audience, name) DO UPDATE SET permissions = excluded.permissions
        """,
        (role.audience, role.name, texts(role.permissions)),
        what=f"role {role.name!r}",
        needs=f"API {role.audience!r}",
    )
    for raise_versions in _RAISE_HOLDERS:
        change(db, raise_versions, (role.audience, role.name))


def assign_role(db: sqlite3.Connection, effect: AssignRole) -> None:
    _require_holder_and_role(db, effect)
    if change(db, _ASSIGN[effect.holder_kind], (effect.holder, effect.audience, effect.role)):
        change(db, _RAISE_HOLDER[effect.holder_kind], (effect.holder,))


def remove_role(db: sqlite3.Connection, effect: RemoveRole) -> None:
    _require_holder_and_role(db, effect)
    if change(db, _REMOVE[effect.holder_kind], (effect.holder, effect.audience, effect.role)):
        change(db, _RAISE_HOLDER[effect.holder_kind], (effect.holder,))


_HAS_HOLDER = {
    "user": "SELECT 1 FROM users WHERE user_id = ?1",
    "client": "SELECT 1 FROM clients WHERE client_id = ?1",
}


def _require_holder_and_role(db: sqlite3.Connection, effect: AssignRole | RemoveRole) -> None:
    if not exists(db, _HAS_HOLDER[effect.holder_kind], (effect.holder,)):
        raise NotFound(f"{effect.holder_kind} {effect.holder!r} is not there")
    role = (effect.audience, effect.role)
    if not exists(db, "SELECT 1 FROM roles WHERE audience = ?1 AND name = ?2", role):
        raise NotFound(f"role {effect.role!r} of API {effect.audience!r} is not there")
