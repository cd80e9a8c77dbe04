"""Sealed keys as SQL. Refuses to know what is inside one."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import MoveKey, StoreKey
from lingpai_server.core.ports import StaleState
from lingpai_server.storage.effects.statements import change, insert
from lingpai_server.storage.rows import KEYS


def store_key(db: sqlite3.Connection, effect: StoreKey) -> None:
    key = effect.key
    insert(
        db,
        KEYS,
        key,
        what=f"{key.purpose.value} key {key.kid!r} or its version {key.version}",
    )


def move_key(db: sqlite3.Connection, effect: MoveKey) -> None:
    moved = change(
        db,
        "UPDATE keys SET state = ?1 WHERE kid = ?2 AND state = ?3",
        (effect.after.value, effect.kid, effect.before.value),
    )
    if moved != 1:
        raise StaleState
