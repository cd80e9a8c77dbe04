"""Users and clients as SQL. Refuses to know what a password hash or a status means."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import (
    CreateClient,
    CreateUser,
    ReplacePasswordHash,
    SetAccountStatus,
    SetClientDisabled,
)
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.storage.effects.statements import change, insert
from lingpai_server.storage.rows import texts


def create_user(db: sqlite3.Connection, effect: CreateUser) -> None:
    user = effect.user
    insert(
        db,
        """
        INSERT INTO users (user_id, username, password_hash, status, access_version, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        """,
        (
            user.user_id,
            user.username,
            None if user.password_hash is None else user.password_hash.reveal(),
            user.status.value,
            user.access_version,
            user.created_at,
        ),
        what=f"user {user.username!r}",
    )


def create_client(db: sqlite3.Connection, effect: CreateClient) -> None:
    client = effect.client
    insert(
        db,
        """
        INSERT INTO clients (client_id, name, secret_sha256, first_party, grant_types, scopes,
                             audiences, disabled, access_version, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        """,
        (
            client.client_id,
            client.name,
            client.secret_sha256,
            int(client.first_party),
            texts(client.grant_types),
            texts(client.scopes),
            texts(client.audiences),
            int(client.disabled),
            client.access_version,
            client.created_at,
        ),
        what=f"client {client.client_id!r}",
    )


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


def set_client_disabled(db: sqlite3.Connection, effect: SetClientDisabled) -> None:
    changed = change(
        db,
        """
        UPDATE clients SET disabled = ?1, access_version = access_version + 1 WHERE client_id = ?2
        """,
        (int(effect.disabled), effect.client_id),
    )
    if changed != 1:
        raise NotFound(f"client {effect.client_id!r} is not there")
