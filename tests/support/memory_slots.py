"""Statuses and groups of a MemoryStore. Slots follow from what is true, not from what was done:
after each effect every slot that is somebody's is asked what it ought to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from tests.support.memory_tables import (
    Tables,
    access_of,
    end,
    end_browser,
    raise_version,
    require,
    require_free,
)

from lingpai.jwt.status_list import Status
from lingpai_server.core.ports import StaleState
from lingpai_server.core.records import AccountStatus, KeyState
from lingpai_server.core.slots import (
    LIST_SIZE,
    MAX_DENIED,
    MAX_TOKEN_SECONDS,
    HeldSlot,
    SlotGrant,
    SlotRef,
    StatusChange,
    StatusChanges,
)
from lingpai_server.core.status_effects import (
    AddMember,
    DeleteGroup,
    DenyToken,
    PutGroup,
    RemoveMember,
    RevokeKid,
    StartEpoch,
    StatusEffect,
    TakeSlot,
)

if TYPE_CHECKING:
    from tests.support.memory_tables import Place


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A slot that is or was taken; nobody's without a grant."""

    grant: SlotGrant | None
    status: Status = Status.VALID
    changed_seq: int = 0
    current: bool = True
    held_until: int | None = None


# --- effects --------------------------------------------------------------------------------------


def apply_status_effect(tables: Tables, effect: StatusEffect) -> None:
    """Do one effect on the copy that a transaction works on."""
    match effect:
        case TakeSlot():
            _take(tables, effect)
        case DenyToken():
            _deny(tables, effect)
        case RevokeKid(kid, at):
            if kid in tables.keys:
                tables.keys[kid] = replace(tables.keys[kid], state=KeyState.RETIRED)
            if kid not in tables.kids:
                tables.kids[kid] = at
                tables.status_seq += 1
        case StartEpoch():
            _start_epoch(tables, effect)
        case PutGroup(group):
            tables.groups[group.name] = group
        case DeleteGroup(name):
            _delete_group(tables, name)
        case AddMember(group_name, user_id):
            _require_both(tables, group_name, user_id)
            if (group_name, user_id) not in tables.members:
                tables.members.add((group_name, user_id))
                raise_version(tables, ("user", user_id))
        case RemoveMember(group_name, user_id):
            _require_both(tables, group_name, user_id)
            if (group_name, user_id) in tables.members:
                tables.members.remove((group_name, user_id))
                raise_version(tables, ("user", user_id))
        case _:
            assert_never(effect)


def _take(tables: Tables, effect: TakeSlot) -> None:
    slot, grant = effect.slot, effect.grant
    session = None if grant.session_id is None else tables.sessions.get(grant.session_id)
    ended = grant.session_id is not None and (session is None or session.ended_at is not None)
    place = (slot.list_no, slot.index)
    taken = place in tables.slots and tables.slots[place].grant is not None
    if slot.epoch != tables.epoch or ended or taken or held_slot(tables, grant) != effect.before:
        raise StaleState
    if effect.before is not None:
        given_up = (effect.before.ref.list_no, effect.before.ref.index)
        row = tables.slots[given_up]
        tables.slots[given_up] = replace(
            row, current=False, held_until=_sooner(row.held_until, effect.at + MAX_TOKEN_SECONDS)
        )
    seq = tables.slots[place].changed_seq if place in tables.slots else 0
    tables.slots[place] = SlotRow(grant, changed_seq=seq, held_until=effect.held_until)


def _deny(tables: Tables, effect: DenyToken) -> None:
    if effect.token_id in tables.denied:
        return
    unexpired = sum(expires_at > effect.at for expires_at in tables.denied.values())
    require_free(unexpired >= MAX_DENIED, f"{MAX_DENIED} denied tokens")
    tables.denied[effect.token_id] = effect.expires_at
    tables.status_seq += 1


def _start_epoch(tables: Tables, effect: StartEpoch) -> None:
    for session in list(tables.sessions.values()):
        end(tables, session, effect.at, effect.reason)
    for browser in list(tables.browsers.values()):
        end_browser(tables, browser, effect.at, effect.reason)
    tables.slots.clear()
    tables.denied.clear()
    tables.epoch = effect.epoch
    tables.status_seq += 1


def _delete_group(tables: Tables, name: str) -> None:
    require(name in tables.groups, f"group {name!r}")
    for group_name, user_id in [member for member in tables.members if member[0] == name]:
        tables.members.remove((group_name, user_id))
        raise_version(tables, ("user", user_id))
    tables.held = {grant for grant in tables.held if grant[0] != ("group", name)}
    del tables.groups[name]


def _require_both(tables: Tables, group: str, user_id: str) -> None:
    require(group in tables.groups, f"group {group!r}")
    require(user_id in tables.users, f"user {user_id!r}")


# --- what a slot ought to say ---------------------------------------------------------------------


def follow(before: Tables, after: Tables, *, at: int) -> None:
    """Let every slot say what is true after one effect; all that change have one number."""
    seq = max(before.status_seq, after.status_seq) + 1
    changed = False
    for place, row in list(after.slots.items()):
        status = _status(before, after, row)
        if status is row.status:
            continue
        held_until = row.held_until
        if status is Status.INVALID:
            held_until = _sooner(held_until, at + MAX_TOKEN_SECONDS)
        after.slots[place] = replace(row, status=status, changed_seq=seq, held_until=held_until)
        changed = True
    if changed:
        after.status_seq = seq


def _status(before: Tables, after: Tables, row: SlotRow) -> Status:
    if row.grant is None or row.status is Status.INVALID:
        return row.status
    if _is_over(after, row.grant) or _is_revoked(before, after, row.grant):
        return Status.INVALID
    if _is_barred(after, row.grant):
        return Status.SUSPENDED
    if row.status is Status.SUSPENDED:
        return Status.STALE
    tells_the_truth = _content(before, row.grant) == _content(after, row.grant)
    return row.status if tells_the_truth else Status.STALE


def _is_over(tables: Tables, grant: SlotGrant) -> bool:
    if {grant.client_id, grant.origin_client_id} & tables.deleted_clients.keys():
        return True
    session = tables.sessions.get(grant.session_id or "")
    return session is not None and session.ended_at is not None


def _is_revoked(before: Tables, after: Tables, grant: SlotGrant) -> bool:
    return any(
        family.session_id == grant.session_id
        and family.revoked_at is not None
        and before.families[family_id].revoked_at is None
        for family_id, family in after.families.items()
        if family_id in before.families
    )


def _is_barred(tables: Tables, grant: SlotGrant) -> bool:
    clients = [tables.clients.get(c) for c in (grant.client_id, grant.origin_client_id)]
    session = tables.sessions.get(grant.session_id or "")
    user = None if session is None else tables.users[session.user_id]
    locked = user is not None and user.status is AccountStatus.LOCKED
    return locked or any(client is not None and client.disabled for client in clients)


def _content(tables: Tables, grant: SlotGrant) -> object:
    """What a token of the grant would hold that may change."""
    clients = [tables.clients.get(c) for c in (grant.client_id, grant.origin_client_id)]
    reach = [None if client is None else (client.scopes, client.audiences) for client in clients]
    session = tables.sessions.get(grant.session_id or "")
    if grant.session_id is not None and session is None:
        return reach
    if session is not None:
        return reach, access_of(tables, ("user", session.user_id), grant.audience)
    return reach, access_of(tables, ("client", grant.origin_client_id), grant.audience)


def _sooner(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


# --- reads ----------------------------------------------------------------------------------------


def held_slot(tables: Tables, grant: SlotGrant) -> HeldSlot | None:
    """The current slot of a grant."""
    for (list_no, index), row in tables.slots.items():
        if row.grant == grant and row.current:
            return HeldSlot(SlotRef(tables.epoch, list_no, index), row.status)
    return None


def slot_of(
    tables: Tables, client_id: str, origin: str | None, audience: str, session_id: str | None
) -> HeldSlot | None:
    """The current slot of a client's grant, whose origin a session knows by itself."""
    session = None if session_id is None else tables.sessions.get(session_id)
    known = session.client_id if session is not None else origin
    if known is None:
        return None
    return held_slot(tables, SlotGrant(client_id, known, audience, session_id))


def offer_slot(tables: Tables, draws: Sequence[int]) -> SlotRef:
    """The first free place of those that were drawn, or one in a new list."""
    lists = max((list_no for list_no, _ in tables.slots), default=1)
    for draw in draws:
        place, index = divmod(draw % (lists * LIST_SIZE), LIST_SIZE)
        row = tables.slots.get((place + 1, index))
        if row is None or row.grant is None:
            return SlotRef(tables.epoch, place + 1, index)
    return SlotRef(tables.epoch, lists + 1, draws[0] % LIST_SIZE)


def status_changes(tables: Tables, after: int, now: int) -> StatusChanges:
    """What changed after a number, as it is now."""
    return StatusChanges(
        epoch=tables.epoch,
        seq=tables.status_seq,
        lists=max((list_no for list_no, _ in tables.slots), default=1),
        changes=tuple(
            StatusChange(*place, row.status)
            for place, row in sorted(tables.slots.items())
            if row.changed_seq > after and (after > 0 or row.status is not Status.VALID)
        ),
        denied=tuple((jti, exp) for jti, exp in tables.denied.items() if exp > now),
        kids=tuple(tables.kids),
    )


def give_back_slots(tables: Tables, limit: int, now: int) -> int:
    """Free those that no unexpired token can carry; how many."""
    held: list[tuple[int, Place]] = sorted(
        (row.held_until, place)
        for place, row in tables.slots.items()
        if row.held_until is not None and row.held_until <= now
    )
    due = [(place, tables.slots[place]) for _, place in held[:limit]]
    if any(row.status for _, row in due):
        tables.status_seq += 1
    for place, row in due:
        seq = row.changed_seq if row.status is Status.VALID else tables.status_seq
        tables.slots[place] = SlotRow(None, changed_seq=seq, current=False)
    return len(due)
