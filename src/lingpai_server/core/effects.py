"""What a decision asks the store to do: a closed union, applied in one transaction or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lingpai_server.core.flow_effects import FlowEffect
from lingpai_server.core.records import (
    AccountStatus,
    Api,
    Bucket,
    Client,
    Event,
    Family,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.secret import Secret
from lingpai_server.core.status_effects import StatusEffect

HolderKind: TypeAlias = Literal["user", "client", "group"]


@dataclass(frozen=True, slots=True)
class RequireVersion:
    """Lost unless the thing still has the access version that the facts had."""

    kind: Literal["user", "client", "api"]
    key: str
    access_version: int


@dataclass(frozen=True, slots=True)
class StartSession:
    """A new session row; NotFound without its user and client. Lost if it has a browser session
    that has ended meanwhile, or whose row is gone, unless the session is offline."""

    session: Session


@dataclass(frozen=True, slots=True)
class StartFamily:
    """A new refresh family row; lost if its session has ended meanwhile."""

    family: Family


@dataclass(frozen=True, slots=True)
class RotateFamily:
    """Compare-and-set from `generation` to `generation + 1`; lost if another got there first,
    or if the family is revoked or its session ended meanwhile. Slides the idle deadline of both,
    the session's only ever forward."""

    family_id: bytes
    generation: int
    rotated_at: float
    idle_deadline: int


@dataclass(frozen=True, slots=True)
class SlideFamily:
    """The refresh of a family that does not rotate: lost unless the family still has `generation`,
    or if it is revoked or its session ended meanwhile. Slides the idle deadline of both, only ever
    forward."""

    family_id: bytes
    generation: int
    idle_deadline: int


@dataclass(frozen=True, slots=True)
class RevokeFamily:
    """Final. Revoking twice keeps the first time and reason, and is not lost; NotFound if the
    family is absent."""

    family_id: bytes
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """Final: ends the session and revokes its families. Ending twice keeps the first time and
    reason, and is not lost; NotFound if absent."""

    session_id: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndSessionsOfUser:
    """Ends every session of one user and revokes their families; ends his browser sessions."""

    user_id: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class MoveBucket:
    """Compare-and-set of a throttle bucket: lost unless it still is `before` (None: absent)."""

    before: Bucket | None
    after: Bucket


@dataclass(frozen=True, slots=True)
class RefundBucket:
    """Gives `count` attempts back after a success, never below zero; clears the block if asked.
    A bucket that is absent has nothing to give back."""

    name: str
    count: float
    clear: bool


@dataclass(frozen=True, slots=True)
class ReplacePasswordHash:
    """Compare-and-set of a password hash by the access version that its facts had. `reset` says
    that the password itself changed, which raises the access version; a rehash does not."""

    user_id: str
    access_version: int
    password_hash: Secret[str]
    reset: bool


@dataclass(frozen=True, slots=True)
class SetAccountStatus:
    """Locks or unlocks an account and raises its access version."""

    user_id: str
    status: AccountStatus


@dataclass(frozen=True, slots=True)
class SetClientDisabled:
    """Disables or enables a client and raises its access version; NotFound if it is absent or was
    deleted."""

    client_id: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class CreateUser:
    """A new user; AlreadyExists if the username is taken."""

    user: User


@dataclass(frozen=True, slots=True)
class CreateClient:
    """A new client; AlreadyExists if the identifier is taken."""

    client: Client


@dataclass(frozen=True, slots=True)
class CreateApi:
    """A new API; AlreadyExists if the audience is taken."""

    api: Api


@dataclass(frozen=True, slots=True)
class PutRole:
    """Creates a role or replaces its permissions; raises the access version of all who hold it,
    themselves or by a group."""

    role: Role


@dataclass(frozen=True, slots=True)
class AssignRole:
    """Gives a role to a user, a client or a group. Raises the holder's access version (of a group,
    its members'), unless the holder has it already; NotFound without the holder or the role."""

    holder_kind: HolderKind
    holder: str
    audience: str
    role: str


@dataclass(frozen=True, slots=True)
class RemoveRole:
    """Takes a role away. Raises the holder's access version (of a group, its members'), unless the
    holder never had it; NotFound without the holder or the role."""

    holder_kind: HolderKind
    holder: str
    audience: str
    role: str


@dataclass(frozen=True, slots=True)
class StoreKey:
    """A new sealed key; AlreadyExists if the kid, or the version of that purpose, is taken."""

    key: StoredKey


@dataclass(frozen=True, slots=True)
class MoveKey:
    """Compare-and-set of a key's state; lost unless it still is in `before`."""

    kid: str
    before: KeyState
    after: KeyState


@dataclass(frozen=True, slots=True)
class Record:
    """A row in the outbox, numbered by the store."""

    event: Event


Effect: TypeAlias = (
    RequireVersion
    | StartSession
    | StartFamily
    | RotateFamily
    | SlideFamily
    | RevokeFamily
    | EndSession
    | EndSessionsOfUser
    | MoveBucket
    | RefundBucket
    | ReplacePasswordHash
    | SetAccountStatus
    | SetClientDisabled
    | CreateUser
    | CreateClient
    | CreateApi
    | PutRole
    | AssignRole
    | RemoveRole
    | StoreKey
    | MoveKey
    | Record
    | FlowEffect
    | StatusEffect
)
Effects: TypeAlias = tuple[Effect, ...]
