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
from lingpai_server.storage.columns import API_SETTINGS, TEXTS
from lingpai_server.storage.effects.statements import change, exists, insert, put
from lingpai_server.storage.rows import APIS, ROLES

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
    put(
        db,
        _PUT_ROLE,
        ROLES.values(role),
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
