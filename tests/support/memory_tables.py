"""What a MemoryStore holds, and what several of its effects share. Refuses to know any effect."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from lingpai_server.core.effects import HolderKind
from lingpai_server.core.flow_records import (
    AuthorizationCode,
    BrowserSession,
    Consent,
    DeviceGrant,
    PushedRequest,
)
from lingpai_server.core.ports import AlreadyExists, NotFound
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

if TYPE_CHECKING:
    from tests.support.memory_slots import SlotRow

Holder: TypeAlias = tuple[HolderKind, str]
Place: TypeAlias = tuple[int, int]  # list, index
RoleName: TypeAlias = tuple[str, str]  # audience, name
Notice: TypeAlias = tuple[int, int]  # attempts, due at
ConsentName: TypeAlias = tuple[str, str, str]  # user, client, audience
Mark: TypeAlias = tuple[str, bytes]  # purpose, digest


@dataclass(slots=True)
class Tables:
    """Everything there is; a transaction works on a copy."""

    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    deleted_clients: dict[str, int] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)
    roles: dict[RoleName, Role] = field(default_factory=dict)
    held: set[tuple[Holder, RoleName]] = field(default_factory=set)
    sessions: dict[str, Session] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    families: dict[bytes, Family] = field(default_factory=dict)
    browsers: dict[bytes, BrowserSession] = field(default_factory=dict)
    codes: dict[bytes, AuthorizationCode] = field(default_factory=dict)
    pushed: dict[bytes, PushedRequest] = field(default_factory=dict)
    devices: dict[bytes, DeviceGrant] = field(default_factory=dict)
    consents: dict[ConsentName, Consent] = field(default_factory=dict)
    spent: dict[Mark, int] = field(default_factory=dict)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    keys: dict[str, StoredKey] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    slots: dict[Place, SlotRow] = field(default_factory=dict)
    denied: dict[str, int] = field(default_factory=dict)
    kids: dict[str, int] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)  # group, user
    epoch: str = "0" * 16
    status_seq: int = 0

    def copy(self) -> Tables:
        """A copy that shares the records, which never change."""
        return Tables(*(_copy(getattr(self, each.name)) for each in fields(self)))


def _copy(value: Any) -> Any:
    return value if isinstance(value, str | int) else value.copy()


def require(there: bool, what: str) -> None:
    """Raise NotFound unless it is there."""
    if not there:
        raise NotFound(f"{what} is not there")


def require_free(taken: bool, what: str) -> None:
    """Raise AlreadyExists if it is taken."""
    if taken:
        raise AlreadyExists(f"{what} is already there")


def raise_version(tables: Tables, holder: Holder) -> None:
    """Raise the access version of a user, of a client, of the members of a group."""
    match holder:
        case ("user", user_id):
            user = tables.users[user_id]
            tables.users[user_id] = replace(user, access_version=user.access_version + 1)
        case ("client", client_id):
            client = tables.clients[client_id]
            tables.clients[client_id] = replace(client, access_version=client.access_version + 1)
        case ("group", name):
            for _, user_id in [member for member in tables.members if member[0] == name]:
                raise_version(tables, ("user", user_id))


def browser_lives(tables: Tables, browser_id: bytes) -> bool:
    """Whether the browser session is there and has not ended."""
    browser = tables.browsers.get(browser_id)
    return browser is not None and browser.ended_at is None


def revoke(tables: Tables, family: Family, at: int, reason: str) -> None:
    """Final; the first time and reason stay."""
    if family.revoked_at is None:
        revoked = replace(family, revoked_at=at, revoked_reason=reason)
        tables.families[family.family_id] = revoked


def end(tables: Tables, session: Session, at: int, reason: str) -> None:
    """Final, with all families of it; a client that wants to hear of it is to be told."""
    if session.ended_at is None:
        tables.sessions[session.session_id] = replace(session, ended_at=at, end_reason=reason)
        if session.notify:
            tables.notices[session.session_id] = (0, at)
    for family in list(tables.families.values()):
        if family.session_id == session.session_id:
            revoke(tables, family, at, reason)


def end_browser(tables: Tables, browser: BrowserSession, at: int, reason: str) -> None:
    """Final, without the sessions that came from it."""
    if browser.ended_at is None:
        ended = replace(browser, ended_at=at, end_reason=reason)
        tables.browsers[browser.browser_id] = ended


def requested_api(tables: Tables, client: Client | None, audience: str | None) -> Api | None:
    """The API that was asked for; without a wish, the client's first."""
    if audience is None and client is not None and client.audiences:
        audience = client.audiences[0]
    return None if audience is None else tables.apis.get(audience)


def access_of(tables: Tables, holder: Holder, audience: str) -> Access:
    """What a user, by his groups too, or a client may do at one API."""
    groups = {("group", group) for group, user in tables.members if ("user", user) == holder}
    names = {name for who, name in tables.held if who in {holder, *groups}}
    roles = [tables.roles[name] for name in names if name[0] == audience]
    permissions = {permission for role in roles for permission in role.permissions}
    return Access(tuple(sorted(role.name for role in roles)), tuple(sorted(permissions)))
