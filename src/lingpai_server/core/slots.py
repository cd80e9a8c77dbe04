"""Status slots (docs/adr/0005): where a grant's tokens say whether they still count. Records only.

A slot is two bits in a list of `LIST_SIZE`. A grant holds one; all its access tokens carry it. It
never becomes another grant's while an unexpired token can carry it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai.jwt.status_list import Status

LIST_SIZE = 2**17  # slots a list
OFFERS = 32  # places that are looked at for a free slot: a list is some three quarters full by then
MAX_TOKEN_SECONDS = 3600  # the longest that an API's access tokens may live
MAX_DENIED = 10_000  # single tokens that may be denied at a time: every verifier holds them all


@dataclass(frozen=True, slots=True)
class SlotRef:
    """The slot `index` of the list `list_no` of an epoch; lists count from 1."""

    epoch: str
    list_no: int
    index: int

    @property
    def list_id(self) -> str:
        """The list's name in its URI: another after every restore from a backup."""
        return f"{self.epoch}-{self.list_no}"


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """The slot that a grant holds now, and what it says."""

    ref: SlotRef
    status: Status


@dataclass(frozen=True, slots=True)
class SlotGrant:
    """Whose slot it is: a client's tokens for one API, in a user's session or for itself.

    `origin_client_id` is the client whose grant it comes from: the session's, or the one that a
    token without a user speaks for. It is `client_id` itself but for what was exchanged.
    """

    client_id: str
    origin_client_id: str
    audience: str
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a slot says now."""

    list_no: int
    index: int
    status: Status


@dataclass(frozen=True, slots=True)
class StatusChanges:
    """All that differs from what was true at the number `after`, in one snapshot.

    It is the state of what changed, not its history: `seq` is the number to ask from next.
    `denied` holds every denied token that has not expired by its `jti`, with its `exp`, and `kids`
    every revoked key, whenever that was. `lists` is how many lists there are.
    """

    epoch: str
    seq: int
    lists: int
    changes: tuple[StatusChange, ...] = ()
    denied: tuple[tuple[str, int], ...] = ()
    kids: tuple[str, ...] = ()
