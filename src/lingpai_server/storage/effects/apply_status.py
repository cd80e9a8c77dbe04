"""Which effect on statuses and groups is done by which function. Refuses to leave one out."""

from __future__ import annotations

import sqlite3
from typing import assert_never

from lingpai_server.core.status_effects import (
    AddMember,
    DeleteGroup,
    DenyToken,
    PutGroup,
    RemoveMember,
    RevokeKid,
    StartEpoch,
    StatusEffect,
    TakeSlot,
)
from lingpai_server.storage.effects import groups, slots


def apply_status_effect(db: sqlite3.Connection, effect: StatusEffect) -> None:
    """Do one effect in the open transaction. Raises StaleState, AlreadyExists, NotFound or
    sqlite3.Error."""
    match effect:
        case TakeSlot():
            slots.take_slot(db, effect)
        case DenyToken():
            slots.deny_token(db, effect)
        case RevokeKid():
            slots.revoke_kid(db, effect)
        case StartEpoch():
            slots.start_epoch(db, effect)
        case PutGroup():
            groups.put_group(db, effect)
        case DeleteGroup():
            groups.delete_group(db, effect)
        case AddMember():
            groups.add_member(db, effect)
        case RemoveMember():
            groups.remove_member(db, effect)
        case _:
            assert_never(effect)
