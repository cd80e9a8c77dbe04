"""Effects on the tables of a MemoryStore: accounts, access, sessions, keys, throttle, outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.support import memory_flows as flows
from tests.support import memory_slots as slots
from tests.support.memory_tables import (
    Holder,
    RoleName,
    Tables,
    browser_lives,
    end,
    end_browser,
    raise_version,
    require,
    require_free,
    revoke,
)

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
from lingpai_server.core.ports import (
    StaleState,
)
from lingpai_server.core.records import (
    Api,
    Client,
    Family,
    KeyPurpose,
    Role,
    Session,
    StoredKey,
    User,
)


def apply_effect(tables: Tables, effect: Effect) -> None:
    """Do one effect on the copy that a transaction works on, and what it means for slots."""
    before = tables.copy()
    _do(tables, effect)
    slots.follow(before, tables, at=getattr(effect, "at", 0))


def _do(tables: Tables, effect: Effect) -> None:  # one table, so long
    match effect:
        case RequireVersion():
            _require_version(tables, effect)
        case StartSession():
            _start_session(tables, effect.session)
        case StartFamily():
            _start_family(tables, effect.family)
        case RotateFamily():
            _rotate_family(tables, effect)
        case SlideFamily():
            _slide_family(tables, effect)
        case RevokeFamily(family_id, at, reason):
            require(family_id in tables.families, "the refresh family")
            revoke(tables, tables.families[family_id], at, reason)
        case EndSession(session_id, at, reason):
            require(session_id in tables.sessions, f"session {session_id!r}")
            end(tables, tables.sessions[session_id], at, reason)
        case EndSessionsOfUser(user_id, at, reason):
            require(user_id in tables.users, f"user {user_id!r}")
            for session in list(tables.sessions.values()):
                if session.user_id == user_id:
                    end(tables, session, at, reason)
            for browser in list(tables.browsers.values()):
                if browser.user_id == user_id:
                    end_browser(tables, browser, at, reason)
        case MoveBucket(before, after):
            if tables.buckets.get(after.name) != before:
                raise StaleState
            tables.buckets[after.name] = after
        case RefundBucket():
            _refund(tables, effect)
        case ReplacePasswordHash():
            _replace_password_hash(tables, effect)
        case SetAccountStatus(user_id, status):
            require(user_id in tables.users, f"user {user_id!r}")
            tables.users[user_id] = replace(tables.users[user_id], status=status)
            raise_version(tables, ("user", user_id))
        case SetClientDisabled(client_id, disabled):
            deleted = client_id in tables.deleted_clients
            require(client_id in tables.clients and not deleted, f"client {client_id!r}")
            tables.clients[client_id] = replace(tables.clients[client_id], disabled=disabled)
            raise_version(tables, ("client", client_id))
        case CreateUser(user):
            taken = any(u.username == user.username for u in tables.users.values())
            require_free(taken or user.user_id in tables.users, f"user {user.username!r}")
            tables.users[user.user_id] = user
        case CreateClient(client):
            require_free(client.client_id in tables.clients, f"client {client.client_id!r}")
            tables.clients[client.client_id] = client
        case CreateApi(api):
            require_free(api.audience in tables.apis, f"API {api.audience!r}")
            tables.apis[api.audience] = api
        case PutRole(role):
            _put_role(tables, role)
        case AssignRole():
            _assign(tables, effect)
        case RemoveRole():
            _remove(tables, effect)
        case StoreKey(key):
            _store_key(tables, key)
        case MoveKey(kid, key_before, key_after):
            if kid not in tables.keys or tables.keys[kid].state is not key_before:
                raise StaleState
            tables.keys[kid] = replace(tables.keys[kid], state=key_after)
        case Record(event):
            tables.events.append(event)
        case _:
            flows.apply_flow_effect(tables, effect)


def _require_version(tables: Tables, effect: RequireVersion) -> None:
    things: Mapping[str, User | Client | Api]
    match effect.kind:
        case "user":
            things = tables.users
        case "client":
            things = tables.clients
        case "api":
            things = tables.apis
    thing = things.get(effect.key)
    if thing is None or thing.access_version != effect.access_version:
        raise StaleState


def _start_session(tables: Tables, session: Session) -> None:
    from_browser = session.browser_id is not None and not session.offline
    if from_browser and not browser_lives(tables, session.browser_id or b""):
        raise StaleState
    require_free(session.session_id in tables.sessions, f"session {session.session_id!r}")
    known = session.user_id in tables.users and session.client_id in tables.clients
    require(known, "the session's user or client")
    tables.sessions[session.session_id] = session


def _start_family(tables: Tables, family: Family) -> None:
    session = tables.sessions.get(family.session_id)
    if session is not None and session.ended_at is not None:
        raise StaleState
    require_free(family.family_id in tables.families, "the refresh family")
    known = family.user_id in tables.users and family.client_id in tables.clients
    require(
        session is not None and known and family.audience in tables.apis,
        "the family's session, user, client or API",
    )
    tables.families[family.family_id] = family


def _slide_family(tables: Tables, effect: SlideFamily) -> None:
    family, session = _live_family(tables, effect)
    further = max(family.idle_deadline, effect.idle_deadline)
    tables.families[effect.family_id] = replace(family, idle_deadline=further)
    _slide_session(tables, session, effect.idle_deadline)


def _rotate_family(tables: Tables, effect: RotateFamily) -> None:
    family, session = _live_family(tables, effect)
    tables.families[effect.family_id] = replace(
        family,
        generation=family.generation + 1,
        rotated_at=effect.rotated_at,
        idle_deadline=effect.idle_deadline,
    )
    _slide_session(tables, session, effect.idle_deadline)


def _live_family(tables: Tables, effect: RotateFamily | SlideFamily) -> tuple[Family, Session]:
    family = tables.families.get(effect.family_id)
    if family is None or family.generation != effect.generation or family.revoked_at is not None:
        raise StaleState
    session = tables.sessions[family.session_id]
    if session.ended_at is not None:
        raise StaleState
    return family, session


def _slide_session(tables: Tables, session: Session, idle_deadline: int) -> None:
    further = max(session.idle_deadline, idle_deadline)
    tables.sessions[session.session_id] = replace(session, idle_deadline=further)


def _refund(tables: Tables, effect: RefundBucket) -> None:
    bucket = tables.buckets.get(effect.name)
    if bucket is not None:
        tables.buckets[effect.name] = replace(
            bucket,
            failures=max(0.0, bucket.failures - effect.count),
            blocked_until=0.0 if effect.clear else bucket.blocked_until,
        )


def _replace_password_hash(tables: Tables, effect: ReplacePasswordHash) -> None:
    user = tables.users.get(effect.user_id)
    if user is None or user.access_version != effect.access_version:
        raise StaleState
    tables.users[user.user_id] = replace(
        user,
        password_hash=effect.password_hash,
        access_version=user.access_version + (1 if effect.reset else 0),
    )


def _put_role(tables: Tables, role: Role) -> None:
    require(role.audience in tables.apis, f"API {role.audience!r}")
    tables.roles[role.audience, role.name] = role
    for holder, name in tables.held:
        if name == (role.audience, role.name):
            raise_version(tables, holder)


def _grant(tables: Tables, effect: AssignRole | RemoveRole) -> tuple[Holder, RoleName]:
    holders: Mapping[str, Mapping[str, object]] = {
        "user": tables.users,
        "client": tables.clients,
        "group": tables.groups,
    }
    require(effect.holder in holders[effect.holder_kind], f"{effect.holder_kind} {effect.holder!r}")
    name = (effect.audience, effect.role)
    require(name in tables.roles, f"role {effect.role!r}")
    return (effect.holder_kind, effect.holder), name


def _assign(tables: Tables, effect: AssignRole) -> None:
    grant = _grant(tables, effect)
    if grant not in tables.held:
        tables.held.add(grant)
        raise_version(tables, grant[0])


def _remove(tables: Tables, effect: RemoveRole) -> None:
    grant = _grant(tables, effect)
    if grant in tables.held:
        tables.held.remove(grant)
        raise_version(tables, grant[0])


def _store_key(tables: Tables, key: StoredKey) -> None:
    counted = key.purpose is KeyPurpose.REFRESH and any(
        k.purpose is KeyPurpose.REFRESH and k.version == key.version for k in tables.keys.values()
    )
    require_free(counted or key.kid in tables.keys, f"key {key.kid!r}")
    tables.keys[key.kid] = key
