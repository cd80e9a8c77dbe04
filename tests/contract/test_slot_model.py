"""Whatever happens in whatever order, both stores say the same, and INVALID is left by nobody."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.memory_store import MemoryStore
from tests.support.slot_world import GRANTS, HUA, MING, logins, people, put, ref, take
from tests.support.stores import BROWSER_ID, FAMILY_ID, NOTES, NOW, ORDERS, run

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    AssignRole,
    Effect,
    EndSession,
    EndSessionsOfUser,
    PutRole,
    RemoveRole,
    RevokeFamily,
    SetAccountStatus,
    SetClientDisabled,
)
from lingpai_server.core.flow_effects import DeleteClient, EndBrowser
from lingpai_server.core.ports import NotFound, StaleState, Store
from lingpai_server.core.records import AccountStatus, Role
from lingpai_server.core.slots import MAX_TOKEN_SECONDS, HeldSlot, SlotGrant, StatusChanges
from lingpai_server.core.status_effects import (
    AddMember,
    DeleteGroup,
    DenyToken,
    RemoveMember,
    RevokeKid,
    StartEpoch,
    TakeSlot,
)
from lingpai_server.storage.sqlite import SqliteStore

FIRST, SECOND = "a" * 16, "b" * 16
LATER = NOW + MAX_TOKEN_SECONDS
USERS = st.sampled_from((MING, HUA))
CLIENTS = st.sampled_from(("app", "web", "exchanger"))
ROLES = st.sampled_from(((ORDERS, "clerk"), (ORDERS, "boss"), (NOTES, "writer")))
GROUPS = st.sampled_from(("staff", "board"))
SESSIONS = st.sampled_from(("of-ming", "of-ming-web", "of-hua"))
HOLDERS = st.one_of(
    st.tuples(st.just("user"), USERS),
    st.tuples(st.just("client"), CLIENTS),
    st.tuples(st.just("group"), GROUPS),
)
PERMISSIONS = st.sampled_from(((), ("read",), ("write",), ("read", "write")))
EFFECTS: st.SearchStrategy[Effect] = st.one_of(
    st.builds(lambda role, held: PutRole(Role(role[0], role[1], held)), ROLES, PERMISSIONS),
    st.builds(lambda who, role: AssignRole(*who, *role), HOLDERS, ROLES),
    st.builds(lambda who, role: RemoveRole(*who, *role), HOLDERS, ROLES),
    st.builds(AddMember, GROUPS, USERS),
    st.builds(RemoveMember, GROUPS, USERS),
    st.builds(SetAccountStatus, USERS, st.sampled_from(AccountStatus)),
    st.builds(SetClientDisabled, CLIENTS, st.booleans()),
    st.builds(lambda session: EndSession(session, NOW, "end"), SESSIONS),
    st.sampled_from(
        (
            DeleteGroup("staff"),
            DenyToken("one", NOW + 60, NOW),
            RevokeKid("kid-1", NOW),
            RevokeFamily(FAMILY_ID, NOW, "end"),
            EndBrowser(BROWSER_ID, NOW, "end"),
            EndSessionsOfUser(HUA, NOW, "end"),
            DeleteClient("exchanger", 1, NOW),
            StartEpoch(SECOND, NOW, "restored"),
        )
    ),
)
STEPS = st.one_of(EFFECTS, st.sampled_from(sorted(GRANTS)), st.just(LATER))
"""What is done, whose grant takes a slot, or when what is due is given back."""


@settings(max_examples=50, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=25))
def test_both_stores_say_the_same_and_invalid_is_final(steps: list[Effect | str | int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores: tuple[Store, Store] = (MemoryStore(), SqliteStore.open(Path(folder, "l.db")))
        for store in stores:
            put(store, StartEpoch(FIRST, NOW, "new"), *people(), *logins())
        ends: set[tuple[int, int]] = set()
        for number, step in enumerate((*sorted(GRANTS), *steps)):
            assert len({do(store, step, number) for store in stores}) == 1
            told, *others = map(all_that_is_told, stores)
            assert others == [told]
            found = {(c.list_no, c.index) for c in told.changes if c.status is Status.INVALID}
            assert ends <= found or step == LATER or isinstance(step, StartEpoch)
            ends = found
        for store in stores:
            run(store.close())


def do(store: Store, step: Effect | str | int, number: int) -> str:
    """One step; what came of it."""
    if isinstance(step, int):
        return str(run(store.remove_expired(step, 5)))
    if isinstance(step, str) and is_barred(store, GRANTS[step]):
        return "barred"  # no decision would take one
    try:
        put(store, take_for(store, step, number) if isinstance(step, str) else step)
    except (NotFound, StaleState) as error:
        return type(error).__name__
    return "done"


def take_for(store: Store, name: str, number: int) -> TakeSlot:
    """A slot of its own for the grant, for whatever it holds."""
    return take(ref(store, number), GRANTS[name], slot_of(store, GRANTS[name]))


def is_barred(store: Store, grant: SlotGrant) -> bool:
    """Whether the user is locked or a client disabled."""
    facts = None if grant.session_id is None else run(store.load_session(grant.session_id))
    locked = facts is not None and facts.user.status is AccountStatus.LOCKED
    clients = (run(store.load_client(c)) for c in (grant.client_id, grant.origin_client_id))
    return locked or any(client is None or client.disabled for client in clients)


def slot_of(store: Store, grant: SlotGrant) -> HeldSlot | None:
    """What the grant holds."""
    facts = store.load_exchange(
        client_id=grant.client_id,
        audience=grant.audience,
        user_id=None,
        session_id=grant.session_id,
        subject_client_id=grant.origin_client_id,
    )
    return run(facts).slot


def all_that_is_told(store: Store) -> StatusChanges:
    """In an order that is the same everywhere, with what is VALID again."""
    found = run(store.load_status_changes(1, NOW))
    changes = sorted(found.changes, key=attrgetter("list_no", "index"))
    not_valid = {change for change in changes if change.status is not Status.VALID}
    assert set(run(store.load_status_changes(0, NOW)).changes) == not_valid
    return replace(found, changes=tuple(changes))
