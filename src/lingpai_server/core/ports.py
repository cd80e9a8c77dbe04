"""What the use cases ask of the world: a store, a signer, a password hasher. No implementation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lingpai_server.core.effects import Effect, HolderKind
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
from lingpai_server.core.records import (
    Access,
    Api,
    Bucket,
    Client,
    Event,
    Family,
    Group,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import HeldSlot, SlotRef, StatusChanges


class StaleState(Exception):
    """A compare-and-set was lost: what the decision was made on is no longer true."""


class AlreadyExists(Exception):
    """The name to be created is taken. The message says which, and never a secret."""


class NotFound(Exception):
    """An effect names a row that is not there. The message says which."""


class AlreadySpent(Exception):
    """What may be used once was used before. The message is the purpose, never the value."""


class StoreUnavailable(Exception):
    """The store cannot answer now (locked, full, read-only, gone); nothing was written."""


class HasherBusy(Exception):
    """The hashing queue is full. `retry_after_seconds` is an honest guess, at least 1."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("the password hashing queue is full")
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """All that a login needs to know, read in one snapshot. What is missing is None."""

    client: Client | None
    user: User | None
    api: Api | None
    access: Access


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """A refresh family with its session, user, client, API and what the user may do there now.

    `slot` is the status slot that the grant holds, None for one older than status slots."""

    family: Family
    session: Session
    user: User
    client: Client
    api: Api
    access: Access
    slot: HeldSlot | None = None


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """A client with one of its APIs, what the client itself may do there, and the status slot that
    its own tokens for it have, once there was one."""

    client: Client
    api: Api | None
    access: Access
    slot: HeldSlot | None = None


class Store(Protocol):
    """The storage port. Every method may raise StoreUnavailable."""

    async def apply(self, effects: Sequence[Effect]) -> None:
        """Do all of it in one durable transaction, or none. Returns after the commit is durable.

        Raises StaleState, AlreadyExists, AlreadySpent, NotFound or StoreUnavailable.
        """

    async def remove_expired(self, now: int, limit: int) -> int:
        """Delete at most `limit` rows that can matter to nobody at `now`; how many were deleted.

        Families and sessions past their absolute deadline, browser sessions a day later; codes,
        devices, pushed requests and spent marks past their expiry; throttle buckets that have
        decayed; deleted clients, a day later, that nothing refers to. A session whose client has
        not been told of its end stays, until it has been over for a day.
        Slots whose tokens have all expired are given back: VALID, and nobody's.
        Ask again while it answers `limit`.
        """

    async def load_login(
        self, *, username: str, client_id: str, audience: str | None
    ) -> LoginFacts:
        """Facts for a login; without `audience`, the API is the client's first."""

    async def load_family(self, family_id: bytes) -> FamilyFacts | None:
        """Facts for a refresh, a revocation or a logout."""

    async def load_client(self, client_id: str) -> Client | None:
        """One client by its identifier."""

    async def load_client_facts(
        self, *, client_id: str, audience: str | None
    ) -> ClientFacts | None:
        """Facts for client credentials; without `audience`, the API is the client's first."""

    async def load_user(self, username: str) -> User | None:
        """One user by canonical name."""

    async def load_api(self, audience: str) -> Api | None:
        """One API by its audience."""

    async def load_role(self, audience: str, name: str) -> Role | None:
        """One role of one API."""

    async def load_authorize(
        self, *, client_id: str, audience: str | None, browser_id: bytes | None
    ) -> AuthorizeFacts:
        """Facts for an authorization request; without `audience`, the API is the client's first,
        or USERINFO_AUDIENCE for a client that has none."""

    async def load_code(self, code_sha256: bytes) -> CodeFacts | None:
        """Facts for the redemption of a code, redeemed or not."""

    async def load_pushed(self, request_sha256: bytes) -> PushedRequest | None:
        """A pushed request, used or not."""

    async def load_device(self, device_sha256: bytes) -> DeviceFacts | None:
        """Facts for a device that polls."""

    async def load_device_by_user_code(self, user_code: str) -> DeviceGrant | None:
        """The device grant with that user code, for the page that approves it."""

    async def load_browser(self, browser_id: bytes) -> BrowserFacts | None:
        """A browser session, ended or not, and its user."""

    async def load_session(self, session_id: str) -> SessionFacts | None:
        """A session, ended or not, with its user and client."""

    async def load_exchange(
        self,
        *,
        client_id: str,
        audience: str,
        user_id: str | None,
        session_id: str | None,
        subject_client_id: str | None,
    ) -> ExchangeFacts:
        """Facts for a token exchange; the subject is a user or a client."""

    async def load_logout_notices(
        self, now: int, limit: int, *, skip_clients: Collection[str] = ()
    ) -> tuple[LogoutNotice, ...]:
        """Ended sessions whose clients are to be told, due at `now` or before, oldest first.

        Those of `skip_clients` are left out, so that a client that has many and answers slowly
        does not stand before the others."""

    async def load_user_by_id(self, user_id: str) -> User | None:
        """One user by identifier."""

    async def offer_slot(self, draws: Sequence[int]) -> SlotRef:
        """A slot that is free: the first free place among those that `draws` name, which are
        uniform in [0, 2**64), over all lists; if none is, one in a list that does not exist yet.
        Nothing is taken: TakeSlot does that, and may find that another was quicker."""

    async def load_status_mark(self) -> tuple[str, int]:
        """The epoch, and the number of its last change; asked many times a second."""

    async def load_status_changes(self, after: int, now: int) -> StatusChanges:
        """What every verifier is to know, if it knows everything up to the number `after`."""

    async def is_denied(self, token_id: str) -> bool:
        """Whether a single token was denied; asked whenever somebody shows us one, so it is quick.
        One that has expired may be forgotten."""

    async def load_buckets(self, names: Sequence[str]) -> Mapping[str, Bucket]:
        """The throttle buckets of these names; an untouched one is absent."""

    async def load_keys(self) -> tuple[StoredKey, ...]:
        """Every stored key that is not retired, oldest first."""

    async def load_events(self, after: int, limit: int) -> tuple[tuple[int, Event], ...]:
        """Outbox rows with a sequence number above `after`, in order."""

    async def list_session_events(
        self, session_id: str, limit: int
    ) -> tuple[tuple[int, Event], ...]:
        """The newest `limit` outbox rows of one session, oldest first, for the command line."""

    async def list_users(self) -> tuple[User, ...]:
        """All users by name, for the command line."""

    async def list_clients(self) -> tuple[Client, ...]:
        """All clients by identifier but those that were deleted, for the command line."""

    async def list_apis(self) -> tuple[Api, ...]:
        """All APIs by audience, for the command line."""

    async def list_roles(self) -> tuple[Role, ...]:
        """All roles by audience and name, for the command line."""

    async def load_group(self, name: str) -> Group | None:
        """One group by name."""

    async def list_groups(self) -> tuple[Group, ...]:
        """All groups by name, for the command line."""

    async def list_members(self, group: str) -> tuple[User, ...]:
        """The users in a group by name, for the command line."""

    async def list_held_roles(self, kind: HolderKind, holder: str) -> tuple[Role, ...]:
        """The roles that a user, client or group was given itself, by audience and name."""

    async def list_sessions(self, user_id: str) -> tuple[Session, ...]:
        """A user's sessions, ended ones too, the newest login first, for the command line."""

    async def list_groups_of(self, user_id: str) -> tuple[Group, ...]:
        """The groups that a user is in, by name."""

    async def ping(self) -> None:
        """Prove that the store can be read and written; raises StoreUnavailable."""

    async def data_version(self) -> int:
        """A number that changes when any process commits a change; cheap to ask."""

    async def close(self) -> None:
        """Finish what was accepted, then let go of everything."""


class Signer(Protocol):
    """Signs claims with the active key for an algorithm, or with an API's own secret."""

    async def sign(
        self,
        claims: Mapping[str, Any],
        *,
        algorithm: str,
        audience: str,
        typ: str,
        max_payload_bytes: int = 4096,
    ) -> str:
        """One compact JWT. HS256 takes the secret of the API named by `audience`.

        Raises LookupError when the ring has no active key for it, BudgetExceeded for claims that
        are longer as JSON.
        """


class PasswordHasher(Protocol):
    """Argon2id with a bound on threads, memory and queue."""

    async def hash(self, password: Secret[str]) -> Secret[str]:
        """A PHC string with a fresh salt. Raises HasherBusy."""

    async def verify(self, password: Secret[str], password_hash: Secret[str] | None) -> bool:
        """Whether it matches; against None it burns the same time and says False.

        Raises HasherBusy.
        """

    def needs_rehash(self, password_hash: Secret[str]) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
