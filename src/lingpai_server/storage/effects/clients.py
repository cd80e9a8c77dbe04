"""Clients as SQL: made, replaced, disabled, deleted. Refuses to know what their settings mean.

A client that was deleted keeps its row, disabled, for as long as something refers to it; nothing
here changes it any more.
"""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import CreateClient, SetClientDisabled
from lingpai_server.core.flow_effects import DeleteClient, ReplaceClient
from lingpai_server.core.ports import NotFound, StaleState
from lingpai_server.storage.columns import CLIENT_SETTINGS, TEXTS
from lingpai_server.storage.effects.endings import end_sessions_of_client
from lingpai_server.storage.effects.slots import (
    invalidate_client,
    make_client_stale,
    number_flips,
    resume_client,
    suspend_client,
)
from lingpai_server.storage.effects.statements import change, exists, insert
from lingpai_server.storage.rows import CLIENTS


def create_client(db: sqlite3.Connection, effect: CreateClient) -> None:
    insert(db, CLIENTS, effect.client, what=f"client {effect.client.client_id!r}")


def set_client_disabled(db: sqlite3.Connection, effect: SetClientDisabled) -> None:
    changed = change(
        db,
        """
        UPDATE clients SET disabled = ?1, access_version = access_version + 1
         WHERE client_id = ?2 AND deleted_at IS NULL
        """,
        (int(effect.disabled), effect.client_id),
    )
    if changed != 1:
        raise NotFound(f"client {effect.client_id!r} is not there")
    if effect.disabled:
        suspend_client(db, effect.client_id)
    else:
        resume_client(db, effect.client_id)
    number_flips(db)


def replace_client(db: sqlite3.Connection, effect: ReplaceClient) -> None:
    """Its tokens hold its scopes, and are for its audiences: they are stale if those differ."""
    client = effect.client
    reach = (TEXTS.encode(client.scopes), TEXTS.encode(client.audiences))
    keeps = "SELECT 1 FROM clients WHERE client_id = ?1 AND scopes = ?2 AND audiences = ?3"
    if not exists(db, keeps, (client.client_id, *reach)):
        make_client_stale(db, client.client_id)
        number_flips(db)
    replaced = change(
        db,
        """
        UPDATE clients
           SET name = ?1, secret_sha256 = ?2, first_party = ?3, grant_types = ?4, scopes = ?5,
               audiences = ?6, settings = ?7, access_version = access_version + 1
         WHERE client_id = ?8 AND access_version = ?9 AND deleted_at IS NULL
        """,
        (
            client.name,
            client.secret_sha256,
            int(client.first_party),
            TEXTS.encode(client.grant_types),
            *reach,
            CLIENT_SETTINGS.encode(client.settings),
            client.client_id,
            client.access_version,
        ),
    )
    if replaced != 1:
        raise StaleState


def delete_client(db: sqlite3.Connection, effect: DeleteClient) -> None:
    deleted = change(
        db,
        """
        UPDATE clients
           SET disabled = 1, deleted_at = ?1, access_version = access_version + 1
         WHERE client_id = ?2 AND access_version = ?3 AND deleted_at IS NULL
        """,
        (effect.at, effect.client_id, effect.access_version),
    )
    if deleted != 1:
        raise StaleState
    end_sessions_of_client(db, effect.client_id, effect.at, "client_deleted")
    invalidate_client(db, effect.client_id, effect.at)
    number_flips(db)
    change(db, "DELETE FROM consents WHERE client_id = ?1", (effect.client_id,))
    change(db, "DELETE FROM client_roles WHERE client_id = ?1", (effect.client_id,))
