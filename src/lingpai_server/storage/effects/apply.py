"""Which effect is done by which function. Refuses to leave one out: the type check would fail."""

from __future__ import annotations

import sqlite3

from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    EndSession,
    EndSessionsOfUser,
    MoveBucket,
    MoveKey,
    PutRole,
    Record,
    RefundBucket,
    RemoveRole,
    ReplacePasswordHash,
    RequireVersion,
    RevokeFamily,
    RotateFamily,
    SetAccountStatus,
    SetClientDisabled,
    SlideFamily,
    StartFamily,
    StartSession,
    StoreKey,
)
from lingpai_server.storage.effects import (
    access,
    accounts,
    clients,
    endings,
    keys,
    outbox,
    sessions,
    throttle,
)
from lingpai_server.storage.effects.apply_flow import apply_flow_effect


def apply_effect(db: sqlite3.Connection, effect: Effect) -> None:  # one table, so long
    """Do one effect in the open transaction.

    Raises StaleState, AlreadyExists, AlreadySpent, NotFound or sqlite3.Error.
    """
    match effect:
        case RotateFamily():
            sessions.rotate_family(db, effect)
        case SlideFamily():
            sessions.slide_family(db, effect)
        case Record():
            outbox.record(db, effect)
        case MoveBucket():
            throttle.move_bucket(db, effect)
        case RefundBucket():
            throttle.refund_bucket(db, effect)
        case RequireVersion():
            access.require_version(db, effect)
        case StartSession():
            sessions.start_session(db, effect)
        case StartFamily():
            sessions.start_family(db, effect)
        case RevokeFamily():
            endings.revoke_family(db, effect)
        case EndSession():
            endings.end_session(db, effect)
        case EndSessionsOfUser():
            endings.end_sessions_of_user(db, effect)
        case ReplacePasswordHash():
            accounts.replace_password_hash(db, effect)
        case SetAccountStatus():
            accounts.set_account_status(db, effect)
        case SetClientDisabled():
            clients.set_client_disabled(db, effect)
        case CreateUser():
            accounts.create_user(db, effect)
        case CreateClient():
            clients.create_client(db, effect)
        case CreateApi():
            access.create_api(db, effect)
        case PutRole():
            access.put_role(db, effect)
        case AssignRole():
            access.assign_role(db, effect)
        case RemoveRole():
            access.remove_role(db, effect)
        case StoreKey():
            keys.store_key(db, effect)
        case MoveKey():
            keys.move_key(db, effect)
        case _:
            apply_flow_effect(db, effect)
