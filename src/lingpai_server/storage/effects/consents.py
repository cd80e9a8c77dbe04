"""Consents as SQL: one row a user, client and API. Refuses to know what is asked again, and why."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import PutConsent, RemoveConsents
from lingpai_server.storage.effects.statements import change, put
from lingpai_server.storage.rows import CONSENTS

_PUT = (
    CONSENTS.insert
    + """
    ON CONFLICT (user_id, client_id, audience)
    DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at
    """
)


def put_consent(db: sqlite3.Connection, effect: PutConsent) -> None:
    values = CONSENTS.values(effect.consent)
    put(db, _PUT, values, what="the consent", needs="its user, client and API")


def remove_consents(db: sqlite3.Connection, effect: RemoveConsents) -> None:
    change(
        db,
        "DELETE FROM consents WHERE user_id = ?1 AND client_id = ?2",
        (effect.user_id, effect.client_id),
    )
