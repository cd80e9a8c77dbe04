"""Device grants as SQL. Refuses to know which state may follow which: it compares and sets."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.flow_effects import MoveDevice, StoreDevice
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.columns import TEXTS
from lingpai_server.storage.effects.browsers import lives
from lingpai_server.storage.effects.statements import insert, put
from lingpai_server.storage.rows import DEVICES


def store_device(db: sqlite3.Connection, effect: StoreDevice) -> None:
    insert(
        db,
        DEVICES,
        effect.device,
        what="the device code or its user code",
        needs="its client, API and user",
    )


def move_device(db: sqlite3.Connection, effect: MoveDevice) -> None:
    """The time of the last poll comes back from the store bit for bit, so it can be compared."""
    before, after = effect.before, effect.after
    steps = after.state is not before.state and after.browser_id is not None
    if steps and not lives(db, after.browser_id):
        raise StaleState
    moved = put(
        db,
        """
        UPDATE devices
           SET scopes = ?1, authorization_details = ?2, state = ?3, interval_seconds = ?4,
               polled_at = ?5, user_id = ?6, browser_id = ?7, auth_time = ?8, amr = ?9, acr = ?10,
               session_id = ?11
         WHERE device_sha256 = ?12 AND state = ?13 AND interval_seconds = ?14 AND polled_at = ?15
        """,
        (
            TEXTS.encode(after.scopes),
            after.authorization_details,
            after.state.value,
            after.interval_seconds,
            after.polled_at,
            after.user_id,
            after.browser_id,
            after.auth_time,
            TEXTS.encode(after.amr),
            after.acr,
            after.session_id,
            before.device_sha256,
            before.state.value,
            before.interval_seconds,
            before.polled_at,
        ),
        what="the device grant",
        needs="its user",
    )
    if moved != 1:
        raise StaleState
