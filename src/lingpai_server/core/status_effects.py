"""What reaches every verifier: slots taken, tokens denied, keys revoked. And who is in a group.

Most slots change with something else: an end, a lock, a role. The store flips them in the
transaction of that effect, to

- INVALID with RevokeFamily, EndSession, EndSessionsOfUser, EndBrowser, DeleteClient: final;
- SUSPENDED with SetAccountStatus (locked) and SetClientDisabled; STALE when that is undone;
- STALE with PutRole, AssignRole, RemoveRole, PutGroup, DeleteGroup, AddMember and RemoveMember for
  exactly the grants whose roles or permissions differ afterwards, and with ReplaceClient for all of
  a client's grants if its scopes or audiences changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lingpai_server.core.records import Group
from lingpai_server.core.slots import HeldSlot, SlotGrant, SlotRef


@dataclass(frozen=True, slots=True)
class TakeSlot:
    """The grant's slot is `slot` from now on, VALID. Lost if somebody has taken that slot, unless
    the grant still holds `before`, with that status (None: holds none), or if its session has ended
    or is gone. What it held before is kept from others until no token that carries it can be
    unexpired, an hour (MAX_TOKEN_SECONDS) after `at`. `held_until` is when no token of the grant
    can be unexpired any more, None for a grant without an end.

    Goes with a RequireVersion for everybody whose permissions are in the token."""

    slot: SlotRef
    grant: SlotGrant
    before: HeldSlot | None
    held_until: int | None
    at: int


@dataclass(frozen=True, slots=True)
class DenyToken:
    """Denies one token until it expires. Denying twice is not lost. AlreadyExists with MAX_DENIED
    unexpired ones there: whatever needs more denies a grant."""

    token_id: str
    expires_at: int
    at: int


@dataclass(frozen=True, slots=True)
class RevokeKid:
    """Final: nothing that this key signed is good any more; its StoredKey, if there, is RETIRED."""

    kid: str
    at: int


@dataclass(frozen=True, slots=True)
class StartEpoch:
    """After a restore: the lists begin anew under another name, and all sessions, families and
    browser sessions end with `reason`, since what happened since the backup is not known."""

    epoch: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class PutGroup:
    """Creates a group, or replaces its description."""

    group: Group


@dataclass(frozen=True, slots=True)
class DeleteGroup:
    """Forgets a group, its members and what they had by it; NotFound without it. Raises the access
    versions of its members."""

    name: str


@dataclass(frozen=True, slots=True)
class AddMember:
    """Puts a user into a group, with all its roles. Raises the user's access version, unless he was
    in it; NotFound without either."""

    group: str
    user_id: str


@dataclass(frozen=True, slots=True)
class RemoveMember:
    """Takes a user out of a group. Raises the user's access version, unless he was not in it;
    NotFound without either."""

    group: str
    user_id: str


StatusEffect: TypeAlias = (
    TakeSlot
    | DenyToken
    | RevokeKid
    | StartEpoch
    | PutGroup
    | DeleteGroup
    | AddMember
    | RemoveMember
)
