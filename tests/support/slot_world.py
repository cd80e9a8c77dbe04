"""People, clients and grants that hold a slot each, and what the slots say. Refuses to flip any.

Ming and Hua are clerks at ORDERS: he himself, she by the group `staff`. Ming is a writer at NOTES,
too. The client `web` is a clerk for itself; `exchanger` exchanges tokens of the others.
"""

from __future__ import annotations

from typing import Final

from tests.support.stores import (
    BROWSER_ID,
    NOTES,
    NOW,
    ORDERS,
    a_browser,
    a_client,
    a_family,
    a_session,
    a_user,
    an_api,
    run,
)

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    PutRole,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import StartBrowser
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Group, Role
from lingpai_server.core.slots import HeldSlot, SlotGrant, SlotRef, StatusChange
from lingpai_server.core.status_effects import AddMember, PutGroup, TakeSlot

MING: Final = "id-of-ming"
HUA: Final = "id-of-hua"
READ: Final = "orders:read"
WRITE: Final = "orders:write"
DEADLINE: Final = NOW + 9_000

GRANTS: Final = {
    "ming": SlotGrant("app", "app", ORDERS, "of-ming"),
    "ming notes": SlotGrant("app", "app", NOTES, "of-ming"),
    "ming exchanged": SlotGrant("exchanger", "app", ORDERS, "of-ming"),
    "ming web": SlotGrant("web", "web", ORDERS, "of-ming-web"),
    "hua": SlotGrant("app", "app", ORDERS, "of-hua"),
    "web": SlotGrant("web", "web", ORDERS),
    "web exchanged": SlotGrant("exchanger", "web", ORDERS),
    "exchanger": SlotGrant("exchanger", "exchanger", ORDERS),
}
PLACES: Final = {name: index for index, name in enumerate(GRANTS, start=1)}


def people() -> tuple[Effect, ...]:
    """Who there is, and what they may do."""
    return (
        *(CreateUser(a_user(name)) for name in ("ming", "hua")),
        *(CreateClient(a_client(name)) for name in ("app", "web", "exchanger")),
        *(CreateApi(an_api(audience)) for audience in (ORDERS, NOTES)),
        PutRole(Role(ORDERS, "clerk", (READ,))),
        PutRole(Role(ORDERS, "boss", (READ, WRITE))),
        PutRole(Role(NOTES, "writer", ("notes:write",))),
        PutGroup(Group("staff")),
        PutGroup(Group("board")),
        AddMember("staff", HUA),
        AssignRole("group", "staff", ORDERS, "clerk"),
        AssignRole("group", "board", ORDERS, "boss"),
        AssignRole("user", MING, ORDERS, "clerk"),
        AssignRole("user", MING, NOTES, "writer"),
        AssignRole("client", "web", ORDERS, "clerk"),
    )


def logins() -> tuple[Effect, ...]:
    """A session each: Ming's at `app` comes from a browser and has a refresh family."""
    return (
        StartBrowser(a_browser()),
        StartSession(a_session("of-ming", browser_id=BROWSER_ID)),
        StartFamily(a_family(session_id="of-ming")),
        StartSession(a_session("of-ming-web", client_id="web")),
        StartSession(a_session("of-hua", user_id=HUA)),
    )


def put(store: Store, *effects: Effect) -> None:
    """Apply them in one transaction."""
    run(store.apply(effects))


def populate(store: Store) -> None:
    """Everybody, with a VALID slot for each grant."""
    put(store, *people(), *logins())
    epoch, _ = run(store.load_status_mark())
    put(store, *(take(SlotRef(epoch, 1, PLACES[name]), GRANTS[name]) for name in GRANTS))


def take(
    slot: SlotRef,
    grant: SlotGrant,
    before: HeldSlot | None = None,
    *,
    held_until: int | None = DEADLINE,
    at: int = NOW,
) -> TakeSlot:
    """The grant takes this slot."""
    return TakeSlot(slot, grant, before, held_until, at)


def ref(store: Store, index: int, list_no: int = 1) -> SlotRef:
    """A place in the lists of now."""
    epoch, _ = run(store.load_status_mark())
    return SlotRef(epoch, list_no, index)


def held(store: Store, name: str, status: Status) -> HeldSlot:
    """What one of GRANTS holds since `populate`, if it says this."""
    return HeldSlot(ref(store, PLACES[name]), status)


def changes(store: Store, after: int = 0) -> tuple[StatusChange, ...]:
    """What differs since a number."""
    return run(store.load_status_changes(after, NOW)).changes


def told(store: Store) -> dict[str, Status]:
    """What the slots of GRANTS say, but for those that are VALID."""
    names = {index: name for name, index in PLACES.items()}
    return {names[change.index]: change.status for change in changes(store)}


def seq(store: Store) -> int:
    """The number of the last change."""
    _, number = run(store.load_status_mark())
    return number
