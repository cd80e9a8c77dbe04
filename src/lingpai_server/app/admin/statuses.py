"""What verifiers are told, in numbers, and how it begins anew after a restore. Signs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lingpai.jwt.status_list import Status
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.entropy import draw_epoch
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import KeyPurpose
from lingpai_server.core.slots import LIST_SIZE, StatusChanges
from lingpai_server.core.status_effects import StartEpoch

RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Standings:
    """What verifiers know: where the lists are, how many slots are in each status but VALID, how
    many tokens are denied alone, and which keys are revoked."""

    epoch: str
    seq: int
    lists: int
    slots: int
    statuses: Mapping[Status, int]
    denied: int
    kids: tuple[str, ...]


async def load_changes(office: Office) -> StatusChanges:
    """Everything that verifiers know now."""
    return await office.store.load_status_changes(0, office.seconds())


async def show_statuses(office: Office) -> Standings:
    """The numbers of it."""
    known = await load_changes(office)
    counts = Counter(change.status for change in known.changes)
    return Standings(
        epoch=known.epoch,
        seq=known.seq,
        lists=known.lists,
        slots=known.lists * LIST_SIZE,
        statuses={status: counts[status] for status in Status if status is not Status.VALID},
        denied=len(known.denied),
        kids=known.kids,
    )


async def start_epoch(office: Office) -> str:
    """New lists under a new name, an end to every session, and a new refresh key, since a backup
    knows neither what ended after it nor which refresh tokens were used. The name of the epoch.

    Raises Rejected if the store was never filled.
    """
    keys = await office.store.load_keys()
    versions = [key.version for key in keys if key.purpose is KeyPurpose.REFRESH]
    if not versions:
        raise Rejected("there is no refresh key: this store was never filled")
    epoch, now = draw_epoch(), office.seconds()
    await office.store.apply(
        [
            StartEpoch(epoch, now, RESTORED),
            StoreKey(office.maker.make_refresh_key(max(versions) + 1, now=now)),
            office.event(EventKind.EPOCH_STARTED, epoch=epoch, reason=RESTORED),
        ]
    )
    return epoch
