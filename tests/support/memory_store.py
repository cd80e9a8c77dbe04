"""MemoryStore: the storage port in dicts, for tests that want no file. Refuses to be durable.

A unit of work changes a copy, which takes the place of the original when all of it went well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tests.support import memory_flows as flows
from tests.support import memory_slots as slots
from tests.support.memory_effects import apply_effect
from tests.support.memory_expiry import remove_expired
from tests.support.memory_tables import (
    Tables,
    access_of,
    requested_api,
)

from lingpai_server.core.effects import (
    Effect,
    HolderKind,
)
from lingpai_server.core.flow_records import (
    AuthorizeFacts,
    BrowserFacts,
    CodeFacts,
    DeviceFacts,
    DeviceGrant,
    ExchangeFacts,
    LogoutNotice,
    PushedRequest,
    SessionFacts,
)
from lingpai_server.core.ports import (
    ClientFacts,
    FamilyFacts,
    LoginFacts,
    StoreUnavailable,
)
from lingpai_server.core.records import (
    Access,
    Api,
    Bucket,
    Client,
    Event,
    Group,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.slots import SlotRef, StatusChanges


class MemoryStore:
    """The `Store` of core/ports.py in memory."""

    def __init__(self) -> None:
        self._tables = Tables()
        self._version = 0
        self._closed = False

    async def apply(self, effects: Sequence[Effect]) -> None:
        """All effects, or none."""
        tables = self._open().copy()
        for effect in effects:
            apply_effect(tables, effect)
        if effects:
            self._commit(tables)

    async def remove_expired(self, now: int, limit: int) -> int:
        """Delete at most `limit` rows that no longer matter at `now`."""
        tables = self._open().copy()
        removed = remove_expired(tables, now, limit)
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
        api = requested_api(tables, client, audience)
        access = Access()
        if user is not None and api is not None:
            access = access_of(tables, ("user", user.user_id), api.audience)
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
            access_of(tables, ("user", family.user_id), family.audience),
            slots.slot_of(tables, family.client_id, None, family.audience, family.session_id),
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
        api = requested_api(tables, client, audience)
        if api is None:
            return ClientFacts(client, None, Access())
        access = access_of(tables, ("client", client_id), api.audience)
        slot = slots.slot_of(tables, client_id, client_id, api.audience, None)
        return ClientFacts(client, api, access, slot)

    async def load_user(self, username: str) -> User | None:
        """One user by canonical name."""
        return next((u for u in self._open().users.values() if u.username == username), None)

    async def load_api(self, audience: str) -> Api | None:
        """One API."""
        return self._open().apis.get(audience)

    async def load_role(self, audience: str, name: str) -> Role | None:
        """One role of one API."""
        return self._open().roles.get((audience, name))

    async def load_user_by_id(self, user_id: str) -> User | None:
        """One user by identifier."""
        return self._open().users.get(user_id)

    async def load_authorize(
        self, *, client_id: str, audience: str | None, browser_id: bytes | None
    ) -> AuthorizeFacts:
        """Facts for an authorization request."""
        return flows.authorize_facts(self._open(), client_id, audience, browser_id)

    async def load_code(self, code_sha256: bytes) -> CodeFacts | None:
        """Facts for the redemption of a code."""
        return flows.code_facts(self._open(), code_sha256)

    async def load_pushed(self, request_sha256: bytes) -> PushedRequest | None:
        """A pushed request, used or not."""
        return self._open().pushed.get(request_sha256)

    async def load_device(self, device_sha256: bytes) -> DeviceFacts | None:
        """Facts for a device that polls."""
        return flows.device_facts(self._open(), device_sha256)

    async def load_device_by_user_code(self, user_code: str) -> DeviceGrant | None:
        """The device grant with that user code."""
        devices = self._open().devices.values()
        return next((d for d in devices if d.user_code == user_code), None)

    async def load_browser(self, browser_id: bytes) -> BrowserFacts | None:
        """A browser session and its user."""
        return flows.browser_facts(self._open(), browser_id)

    async def load_session(self, session_id: str) -> SessionFacts | None:
        """A session with its user and client."""
        return flows.session_facts(self._open(), session_id)

    async def load_exchange(
        self,
        *,
        client_id: str,
        audience: str,
        user_id: str | None,
        session_id: str | None,
        subject_client_id: str | None,
    ) -> ExchangeFacts:
        """Facts for a token exchange."""
        return flows.exchange_facts(
            self._open(),
            client_id=client_id,
            audience=audience,
            user_id=user_id,
            session_id=session_id,
            subject_client_id=subject_client_id,
        )

    async def load_logout_notices(
        self, now: int, limit: int, *, skip_clients: Collection[str] = ()
    ) -> tuple[LogoutNotice, ...]:
        """Ended sessions whose clients are to be told."""
        return flows.logout_notices(self._open(), now, limit, skip_clients)

    async def offer_slot(self, draws: Sequence[int]) -> SlotRef:
        """A slot that is free."""
        return slots.offer_slot(self._open(), draws)

    async def load_status_mark(self) -> tuple[str, int]:
        """The epoch and the number of its last change."""
        tables = self._open()
        return tables.epoch, tables.status_seq

    async def load_status_changes(self, after: int, now: int) -> StatusChanges:
        """What differs from what was true at the number `after`."""
        return slots.status_changes(self._open(), after, now)

    async def is_denied(self, token_id: str) -> bool:
        """Whether a single token was denied."""
        return token_id in self._open().denied

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
        """All clients by identifier, but those that were deleted."""
        tables = self._open()
        there = (c for c in tables.clients.values() if c.client_id not in tables.deleted_clients)
        return tuple(sorted(there, key=lambda c: c.client_id))

    async def list_apis(self) -> tuple[Api, ...]:
        """All APIs by audience."""
        return tuple(sorted(self._open().apis.values(), key=lambda a: a.audience))

    async def list_roles(self) -> tuple[Role, ...]:
        """All roles by audience and name."""
        return tuple(role for _, role in sorted(self._open().roles.items()))

    async def load_group(self, name: str) -> Group | None:
        """One group by name."""
        return self._open().groups.get(name)

    async def list_groups(self) -> tuple[Group, ...]:
        """All groups by name."""
        return tuple(group for _, group in sorted(self._open().groups.items()))

    async def list_members(self, group: str) -> tuple[User, ...]:
        """The users in a group, by name."""
        tables = self._open()
        users = (tables.users[user_id] for name, user_id in tables.members if name == group)
        return tuple(sorted(users, key=lambda user: user.username))

    async def list_groups_of(self, user_id: str) -> tuple[Group, ...]:
        """The groups that a user is in, by name."""
        tables = self._open()
        names = sorted(name for name, member in tables.members if member == user_id)
        return tuple(tables.groups[name] for name in names)

    async def list_held_roles(self, kind: HolderKind, holder: str) -> tuple[Role, ...]:
        """What a user, client or group was given itself, by audience and name."""
        tables = self._open()
        names = sorted(name for who, name in tables.held if who == (kind, holder))
        return tuple(tables.roles[name] for name in names)

    async def list_sessions(self, user_id: str) -> tuple[Session, ...]:
        """A user's sessions, ended ones too, the newest login first."""
        found = (s for s in self._open().sessions.values() if s.user_id == user_id)
        return tuple(sorted(found, key=lambda s: (-s.auth_time, s.session_id)))

    async def list_session_events(
        self, session_id: str, limit: int
    ) -> tuple[tuple[int, Event], ...]:
        """The newest outbox rows of one session, oldest first."""
        numbered = enumerate(self._open().events, start=1)
        return tuple(pair for pair in numbered if pair[1].session_id == session_id)[-limit:]

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

    def _open(self) -> Tables:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return self._tables

    def _commit(self, tables: Tables) -> None:
        self._tables = tables
        self._version += 1
