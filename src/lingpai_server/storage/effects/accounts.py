"""Users as SQL. Refuses to know what a password hash, a status or a claim means."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import CreateUser, ReplacePasswordHash, SetAccountStatus
from lingpai_server.core.flow_effects import PutUserClaims
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.core.records import AccountStatus
from lingpai_server.storage.columns import CLAIMS
from lingpai_server.storage.effects.slots import number_flips, resume_user, suspend_user
from lingpai_server.storage.effects.statements import change, insert
from lingpai_server.storage.rows import USERS


def create_user(db: sqlite3.Connection, effect: CreateUser) -> None:
    insert(db, USERS, effect.user, what=f"user {effect.user.username!r}")


def put_user_claims(db: sqlite3.Connection, effect: PutUserClaims) -> None:
    changed = change(
        db,
        "UPDATE users SET claims = ?1 WHERE user_id = ?2",
        (CLAIMS.encode(effect.claims), effect.user_id),
    )
    if changed != 1:
        raise NotFound(f"user {effect.user_id!r} is not there")


def replace_password_hash(db: sqlite3.Connection, effect: ReplacePasswordHash) -> None:
    changed = change(
        db,
        """
        UPDATE users
           SET password_hash = ?1, access_version = access_version + ?2
         WHERE user_id = ?3 AND access_version = ?4
        """,
        (
            effect.password_hash.reveal(),
            int(effect.reset),
            effect.user_id,
            effect.access_version,
        ),
    )
    if changed != 1:
        raise StaleState


def set_account_status(db: sqlite3.Connection, effect: SetAccountStatus) -> None:
    changed = change(
        db,
        "UPDATE users SET status = ?1, access_version = access_version + 1 WHERE user_id = ?2",
        (effect.status.value, effect.user_id),
    )
    if changed != 1:
        raise NotFound(f"user {effect.user_id!r} is not there")
    if effect.status is AccountStatus.LOCKED:
        suspend_user(db, effect.user_id)
    else:
        resume_user(db, effect.user_id)
    number_flips(db)
