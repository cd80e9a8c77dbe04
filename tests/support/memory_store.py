"""MemoryStore: the storage port in dicts, for tests that want no file. Refuses to be durable.

A unit of work changes a copy, which takes the place of the original when all of it went well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, assert_never

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
    AlreadyExists,
    ClientFacts,
    FamilyFacts,
    LoginFacts,
    NotFound,
    StaleState,
    StoreUnavailable,
)
from lingpai_server.core.records import (
    Access,
    Api,
    Bucket,
    Client,
    Event,
    Family,
    KeyPurpose,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)

Holder: TypeAlias = tuple[Literal["user", "client"], str]
RoleName: TypeAlias = tuple[str, str]  # audience, name

_BUCKET_IDLE_SECONDS = 86_400


@dataclass(slots=True)
class _Tables:
    """Everything there is; a transaction works on a copy."""

    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)
    roles: dict[RoleName, Role] = field(default_factory=dict)
    held: set[tuple[Holder, RoleName]] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    families: dict[bytes, Family] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def copy(self) -> _Tables:
        """A copy that shares the records, which never change."""
        return _Tables(
            dict(self.users),
            dict(self.clients),
            dict(self.apis),
            dict(self.roles),
            set(self.held),
            dict(self.sessions),
            dict(self.families),
            dict(self.buckets),
            dict(self.keys),
            list(self.events),
        )


class MemoryStore:
    """The `Store` of core/ports.py in memory."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._version = 0
        self._closed = False

    async def apply(self, effects: Sequence[Effect]) -> None:
        """All effects, or none."""
        tables = self._open().copy()
        for effect in effects:
            _apply(tables, effect)
        if effects:
            self._commit(tables)

    async def remove_expired(self, now: int, limit: int) -> int:
        """Families, then sessions without one, then idle buckets; at most `limit`."""
        tables = self._open().copy()
        removed = _remove_expired(tables, now, limit)
        if removed:
            self._commit(tables)
        return removed

    async def load_login(
        self, *, username: str, client_id: str, audience: str | None
    ) -> LoginFacts:
        """Facts for a login."""
        tables = self._open()
        client = tables.clients.get(client_id)
        user = await self.load_user(username)
        api = _requested_api(tables, client, audience)
        access = Access()
        if user is not None and api is not None:
            access = _access(tables, ("user", user.user_id), api.audience)
        return LoginFacts(client, user, api, access)

    async def load_family(self, family_id: bytes) -> FamilyFacts | None:
        """Facts for a refresh, a revocation or a logout."""
        tables = self._open()
        family = tables.families.get(family_id)
        if family is None:
            return None
        return FamilyFacts(
            family,
            tables.sessions[family.session_id],
            tables.users[family.user_id],
            tables.clients[family.client_id],
            tables.apis[family.audience],
            _access(tables, ("user", family.user_id), family.audience),
        )

    async def load_client(self, client_id: str) -> Client | None:
        """One client."""
        return self._open().clients.get(client_id)

    async def load_client_facts(
        self, *, client_id: str, audience: str | None
    ) -> ClientFacts | None:
        """Facts for client credentials."""
        tables = self._open()
        client = tables.clients.get(client_id)
        if client is None:
            return None
        api = _requested_api(tables, client, audience)
        access = Access()
        if api is not None:
            access = _access(tables, ("client", client_id), api.audience)
        return ClientFacts(client, api, access)

    async def load_user(self, username: str) -> User | None:
        """One user by canonical name."""
        return next((u for u in self._open().users.values() if u.username == username), None)

    async def load_api(self, audience: str) -> Api | None:
        """One API."""
        return self._open().apis.get(audience)

    async def load_role(self, audience: str, name: str) -> Role | None:
        """One role of one API."""
        return self._open().roles.get((audience, name))

    async def load_buckets(self, names: Sequence[str]) -> Mapping[str, Bucket]:
        """The buckets of these names that were touched."""
        buckets = self._open().buckets
        return {name: buckets[name] for name in names if name in buckets}

    async def load_keys(self) -> tuple[StoredKey, ...]:
        """Every key that is not retired, oldest first."""
        keys = (k for k in self._open().keys.values() if k.state is not KeyState.RETIRED)
        return tuple(sorted(keys, key=lambda k: (k.created_at, k.version, k.kid)))

    async def load_events(self, after: int, limit: int) -> tuple[tuple[int, Event], ...]:
        """Outbox rows above `after`."""
        numbered = enumerate(self._open().events, start=1)
        return tuple(pair for pair in numbered if pair[0] > after)[:limit]

    async def list_users(self) -> tuple[User, ...]:
        """All users by name."""
        return tuple(sorted(self._open().users.values(), key=lambda u: u.username))

    async def list_clients(self) -> tuple[Client, ...]:
        """All clients by identifier."""
        return tuple(sorted(self._open().clients.values(), key=lambda c: c.client_id))

    async def list_apis(self) -> tuple[Api, ...]:
        """All APIs by audience."""
        return tuple(sorted(self._open().apis.values(), key=lambda a: a.audience))

    async def list_roles(self) -> tuple[Role, ...]:
        """All roles by audience and name."""
        return tuple(role for _, role in sorted(self._open().roles.items()))

    async def ping(self) -> None:
        """Raise StoreUnavailable when closed."""
        self._open()

    async def data_version(self) -> int:
        """How many transactions there were."""
        self._open()
        return self._version

    async def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    def _open(self) -> _Tables:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return self._tables

    def _commit(self, tables: _Tables) -> None:
        self._tables = tables
        self._version += 1


def _apply(tables: _Tables, effect: Effect) -> None:  # one table, so long
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
            _require(family_id in tables.families, "the refresh family")
            _revoke(tables, tables.families[family_id], at, reason)
        case EndSession(session_id, at, reason):
            _require(session_id in tables.sessions, f"session {session_id!r}")
            _end(tables, tables.sessions[session_id], at, reason)
        case EndSessionsOfUser(user_id, at, reason):
            _require(user_id in tables.users, f"user {user_id!r}")
            for session in list(tables.sessions.values()):
                if session.user_id == user_id:
                    _end(tables, session, at, reason)
        case MoveBucket(before, after):
            if tables.buckets.get(after.name) != before:
                raise StaleState
            tables.buckets[after.name] = after
        case RefundBucket():
            _refund(tables, effect)
        case ReplacePasswordHash():
            _replace_password_hash(tables, effect)
        case SetAccountStatus(user_id, status):
            _require(user_id in tables.users, f"user {user_id!r}")
            tables.users[user_id] = replace(tables.users[user_id], status=status)
            _raise_version(tables, ("user", user_id))
        case SetClientDisabled(client_id, disabled):
            _require(client_id in tables.clients, f"client {client_id!r}")
            tables.clients[client_id] = replace(tables.clients[client_id], disabled=disabled)
            _raise_version(tables, ("client", client_id))
        case CreateUser(user):
            taken = any(u.username == user.username for u in tables.users.values())
            _require_free(taken or user.user_id in tables.users, f"user {user.username!r}")
            tables.users[user.user_id] = user
        case CreateClient(client):
            _require_free(client.client_id in tables.clients, f"client {client.client_id!r}")
            tables.clients[client.client_id] = client
        case CreateApi(api):
            _require_free(api.audience in tables.apis, f"API {api.audience!r}")
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
            assert_never(effect)


def _require(there: bool, what: str) -> None:
    if not there:
        raise NotFound(f"{what} is not there")


def _require_free(taken: bool, what: str) -> None:
    if taken:
        raise AlreadyExists(f"{what} is already there")


def _require_version(tables: _Tables, effect: RequireVersion) -> None:
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


def _start_session(tables: _Tables, session: Session) -> None:
    _require_free(session.session_id in tables.sessions, f"session {session.session_id!r}")
    known = session.user_id in tables.users and session.client_id in tables.clients
    _require(known, "the session's user or client")
    tables.sessions[session.session_id] = session


def _start_family(tables: _Tables, family: Family) -> None:
    session = tables.sessions.get(family.session_id)
    if session is not None and session.ended_at is not None:
        raise StaleState
    _require_free(family.family_id in tables.families, "the refresh family")
    known = family.user_id in tables.users and family.client_id in tables.clients
    _require(
        session is not None and known and family.audience in tables.apis,
        "the family's session, user, client or API",
    )
    tables.families[family.family_id] = family


def _slide_family(tables: _Tables, effect: SlideFamily) -> None:
    family, session = _live_family(tables, effect)
    further = max(family.idle_deadline, effect.idle_deadline)
    tables.families[effect.family_id] = replace(family, idle_deadline=further)
    _slide_session(tables, session, effect.idle_deadline)


def _rotate_family(tables: _Tables, effect: RotateFamily) -> None:
    family, session = _live_family(tables, effect)
    tables.families[effect.family_id] = replace(
        family,
        generation=family.generation + 1,
        rotated_at=effect.rotated_at,
        idle_deadline=effect.idle_deadline,
    )
    _slide_session(tables, session, effect.idle_deadline)


def _live_family(tables: _Tables, effect: RotateFamily | SlideFamily) -> tuple[Family, Session]:
    family = tables.families.get(effect.family_id)
    if family is None or family.generation != effect.generation or family.revoked_at is not None:
        raise StaleState
    session = tables.sessions[family.session_id]
    if session.ended_at is not None:
        raise StaleState
    return family, session


def _slide_session(tables: _Tables, session: Session, idle_deadline: int) -> None:
    further = max(session.idle_deadline, idle_deadline)
    tables.sessions[session.session_id] = replace(session, idle_deadline=further)


def _revoke(tables: _Tables, family: Family, at: int, reason: str) -> None:
    if family.revoked_at is None:
        revoked = replace(family, revoked_at=at, revoked_reason=reason)
        tables.families[family.family_id] = revoked


def _end(tables: _Tables, session: Session, at: int, reason: str) -> None:
    if session.ended_at is None:
        tables.sessions[session.session_id] = replace(session, ended_at=at, end_reason=reason)
    for family in list(tables.families.values()):
        if family.session_id == session.session_id:
            _revoke(tables, family, at, reason)


def _refund(tables: _Tables, effect: RefundBucket) -> None:
    bucket = tables.buckets.get(effect.name)
    if bucket is not None:
        tables.buckets[effect.name] = replace(
            bucket,
            failures=max(0.0, bucket.failures - effect.count),
            blocked_until=0.0 if effect.clear else bucket.blocked_until,
        )


def _replace_password_hash(tables: _Tables, effect: ReplacePasswordHash) -> None:
    user = tables.users.get(effect.user_id)
    if user is None or user.access_version != effect.access_version:
        raise StaleState
    tables.users[user.user_id] = replace(
        user,
        password_hash=effect.password_hash,
        access_version=user.access_version + (1 if effect.reset else 0),
    )


def _raise_version(tables: _Tables, holder: Holder) -> None:
    match holder:
        case ("user", user_id):
            user = tables.users[user_id]
            tables.users[user_id] = replace(user, access_version=user.access_version + 1)
        case ("client", client_id):
            client = tables.clients[client_id]
            tables.clients[client_id] = replace(client, access_version=client.access_version + 1)


def _put_role(tables: _Tables, role: Role) -> None:
    _require(role.audience in tables.apis, f"API {role.audience!r}")
    tables.roles[role.audience, role.name] = role
    for holder, name in tables.held:
        if name == (role.audience, role.name):
            _raise_version(tables, holder)


def _grant(tables: _Tables, effect: AssignRole | RemoveRole) -> tuple[Holder, RoleName]:
    holders: Mapping[str, object] = tables.users if effect.holder_kind == "user" else tables.clients
    _require(effect.holder in holders, f"{effect.holder_kind} {effect.holder!r}")
    name = (effect.audience, effect.role)
    _require(name in tables.roles, f"role {effect.role!r}")
    return (effect.holder_kind, effect.holder), name


def _assign(tables: _Tables, effect: AssignRole) -> None:
    grant = _grant(tables, effect)
    if grant not in tables.held:
        tables.held.add(grant)
        _raise_version(tables, grant[0])


def _remove(tables: _Tables, effect: RemoveRole) -> None:
    grant = _grant(tables, effect)
    if grant in tables.held:
        tables.held.remove(grant)
        _raise_version(tables, grant[0])


def _store_key(tables: _Tables, key: StoredKey) -> None:
    counted = key.purpose is KeyPurpose.REFRESH and any(
        k.purpose is KeyPurpose.REFRESH and k.version == key.version for k in tables.keys.values()
    )
    _require_free(counted or key.kid in tables.keys, f"key {key.kid!r}")
    tables.keys[key.kid] = key


def _remove_expired(tables: _Tables, now: int, limit: int) -> int:
    before = limit
    for family in sorted(tables.families.values(), key=lambda f: f.absolute_deadline):
        if limit and family.absolute_deadline <= now:
            del tables.families[family.family_id]
            limit -= 1
    living = {family.session_id for family in tables.families.values()}
    for session in sorted(tables.sessions.values(), key=lambda s: s.absolute_deadline):
        if limit and session.absolute_deadline <= now and session.session_id not in living:
            del tables.sessions[session.session_id]
            limit -= 1
    for bucket in sorted(tables.buckets.values(), key=lambda b: b.updated_at):
        idle = bucket.updated_at <= now - _BUCKET_IDLE_SECONDS and bucket.blocked_until <= now
        if limit and idle:
            del tables.buckets[bucket.name]
            limit -= 1
    return before - limit


def _requested_api(tables: _Tables, client: Client | None, audience: str | None) -> Api | None:
    if audience is None and client is not None and client.audiences:
        audience = client.audiences[0]
    return None if audience is None else tables.apis.get(audience)


def _access(tables: _Tables, holder: Holder, audience: str) -> Access:
    roles = [
        tables.roles[name] for who, name in tables.held if who == holder and name[0] == audience
    ]
    permissions = {permission for role in roles for permission in role.permissions}
    return Access(tuple(sorted(role.name for role in roles)), tuple(sorted(permissions)))
