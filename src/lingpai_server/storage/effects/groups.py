"""Groups of users as SQL. Refuses to know what a role allows."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.ports import NotFound
from lingpai_server.core.status_effects import AddMember, DeleteGroup, PutGroup, RemoveMember
from lingpai_server.storage.effects.freshness import Holders, stale_where_access_differs
from lingpai_server.storage.effects.statements import change, exists, put
from lingpai_server.storage.rows import GROUPS

_PUT = GROUPS.insert + " ON CONFLICT (name) DO UPDATE SET description = excluded.description"
_RAISE_MEMBER = "UPDATE users SET access_version = access_version + 1 WHERE user_id = ?1"
_RAISE_MEMBERS = """
UPDATE users SET access_version = access_version + 1
 WHERE user_id IN (SELECT user_id FROM group_members WHERE group_name = ?1)
"""
# at the APIs where the group has roles
_ITS_AUDIENCES = "SELECT audience FROM group_roles WHERE group_name = ?1"
_MEMBERS = Holders("SELECT user_id FROM group_members WHERE group_name = ?1", _ITS_AUDIENCES)
_MEMBER = Holders("SELECT ?2 AS user_id", _ITS_AUDIENCES)


def put_group(db: sqlite3.Connection, effect: PutGroup) -> None:
    put(db, _PUT, GROUPS.values(effect.group), what=f"group {effect.group.name!r}")


def delete_group(db: sqlite3.Connection, effect: DeleteGroup) -> None:
    require_group(db, effect.name)
    with stale_where_access_differs(db, (_MEMBERS,), (effect.name,)):
        change(db, _RAISE_MEMBERS, (effect.name,))
        change(db, "DELETE FROM group_members WHERE group_name = ?1", (effect.name,))
        change(db, "DELETE FROM group_roles WHERE group_name = ?1", (effect.name,))
        change(db, "DELETE FROM user_groups WHERE name = ?1", (effect.name,))


def add_member(db: sqlite3.Connection, effect: AddMember) -> None:
    _change_member(
        db,
        effect,
        "INSERT INTO group_members (group_name, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )


def remove_member(db: sqlite3.Connection, effect: RemoveMember) -> None:
    _change_member(db, effect, "DELETE FROM group_members WHERE group_name = ?1 AND user_id = ?2")


def require_group(db: sqlite3.Connection, name: str) -> None:
    """Raises NotFound without it."""
    if not exists(db, "SELECT 1 FROM user_groups WHERE name = ?1", (name,)):
        raise NotFound(f"group {name!r} is not there")


def _change_member(db: sqlite3.Connection, effect: AddMember | RemoveMember, sql: str) -> None:
    require_group(db, effect.group)
    if not exists(db, "SELECT 1 FROM users WHERE user_id = ?1", (effect.user_id,)):
        raise NotFound(f"user {effect.user_id!r} is not there")
    values = (effect.group, effect.user_id)
    with stale_where_access_differs(db, (_MEMBER,), values):
        if change(db, sql, values):
            change(db, _RAISE_MEMBER, (effect.user_id,))
