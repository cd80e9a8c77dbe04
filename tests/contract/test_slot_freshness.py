"""A change of roles, permissions or groups: STALE for exactly those whose claims are others now."""

from __future__ import annotations

import pytest
from tests.support.slot_world import (
    HUA,
    MING,
    READ,
    WRITE,
    populate,
    put,
    seq,
    told,
)
from tests.support.stores import NOTES, ORDERS, run

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import AssignRole, Effect, PutRole, RemoveRole
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Access, Group, Role
from lingpai_server.core.status_effects import AddMember, DeleteGroup, PutGroup, RemoveMember

OF_MING = {"ming", "ming exchanged", "ming web"}  # at ORDERS
OF_WEB = {"web", "web exchanged"}  # of the client itself
CLERKS = OF_MING | OF_WEB | {"hua"}

CHANGES: dict[str, tuple[Effect, set[str]]] = {
    "a role with other permissions": (PutRole(Role(ORDERS, "clerk", (READ, WRITE))), CLERKS),
    "a role without permissions": (PutRole(Role(ORDERS, "clerk", ())), CLERKS),
    "a role as it was": (PutRole(Role(ORDERS, "clerk", (READ,))), set()),
    "a role that nobody holds": (PutRole(Role(ORDERS, "boss", ())), set()),
    "a new role": (PutRole(Role(ORDERS, "guest", (READ,))), set()),
    "a role at another API": (PutRole(Role(NOTES, "writer", ())), {"ming notes"}),
    "a role for a user": (AssignRole("user", MING, ORDERS, "boss"), OF_MING),
    "a role that he has": (AssignRole("user", MING, ORDERS, "clerk"), set()),
    "a role that she has by a group": (AssignRole("user", HUA, ORDERS, "clerk"), set()),
    "a user without a role": (RemoveRole("user", MING, ORDERS, "clerk"), OF_MING),
    "a user without a role that he had not": (RemoveRole("user", MING, ORDERS, "boss"), set()),
    "a role for a client": (AssignRole("client", "web", ORDERS, "boss"), OF_WEB),
    "a client without a role": (RemoveRole("client", "web", ORDERS, "clerk"), OF_WEB),
    "a role for a client of sessions": (AssignRole("client", "app", ORDERS, "boss"), set()),
    "a role for who exchanges": (AssignRole("client", "exchanger", ORDERS, "boss"), {"exchanger"}),
    "a role for a group": (AssignRole("group", "staff", ORDERS, "boss"), {"hua"}),
    "a role for a group without members": (AssignRole("group", "board", ORDERS, "clerk"), set()),
    "a group without a role": (RemoveRole("group", "staff", ORDERS, "clerk"), {"hua"}),
    "a member more": (AddMember("board", MING), OF_MING),
    "a member who has all of it": (AddMember("staff", MING), set()),
    "a member who is one": (AddMember("staff", HUA), set()),
    "a member less": (RemoveMember("staff", HUA), {"hua"}),
    "a member less that was none": (RemoveMember("board", HUA), set()),
    "no group any more": (DeleteGroup("staff"), {"hua"}),
    "no group without members any more": (DeleteGroup("board"), set()),
    "another description": (PutGroup(Group("staff", "The staff")), set()),
}


@pytest.fixture
def store(store: Store) -> Store:
    """With a VALID slot for each grant."""
    populate(store)
    return store


@pytest.mark.parametrize("name", CHANGES)
def test_exactly_those_are_stale_whose_claims_are_others(store: Store, name: str) -> None:
    effect, names = CHANGES[name]
    put(store, effect)
    assert told(store) == dict.fromkeys(names, Status.STALE)


@pytest.mark.parametrize("name", CHANGES)
def test_all_of_a_change_has_one_number_and_nothing_has_none(store: Store, name: str) -> None:
    effect, names = CHANGES[name]
    number = seq(store)
    put(store, effect)
    assert seq(store) == number + bool(names)
    assert run(store.load_status_changes(seq(store), 0)).changes == ()


def test_who_has_the_permissions_by_another_role_is_not_stale(store: Store) -> None:
    put(store, AssignRole("user", MING, ORDERS, "boss"), PutRole(Role(ORDERS, "guest", ())))
    number = seq(store)
    put(store, PutRole(Role(ORDERS, "clerk", (READ, WRITE))))
    changed = {c.index for c in run(store.load_status_changes(number, 0)).changes}
    assert changed == {5, 6, 7}  # Hua, web and what was exchanged for web


def test_who_loses_a_group_but_not_what_it_gave_is_not_stale(store: Store) -> None:
    put(store, AssignRole("user", HUA, ORDERS, "clerk"))
    put(store, RemoveMember("staff", HUA))
    assert told(store) == {}
    put(store, RemoveRole("user", HUA, ORDERS, "clerk"))
    assert told(store) == {"hua": Status.STALE}


def test_two_changes_that_cancel_out_in_one_transaction_leave_the_slot_stale(store: Store) -> None:
    """Each effect is judged by itself: it costs a refresh, and never a wrong claim."""
    put(
        store,
        RemoveRole("user", MING, ORDERS, "clerk"),
        AssignRole("user", MING, ORDERS, "clerk"),
    )
    assert told(store) == dict.fromkeys(OF_MING, Status.STALE)


def test_a_user_may_do_what_he_and_his_groups_may(store: Store) -> None:
    put(store, AddMember("board", MING), AddMember("staff", MING))
    facts = run(store.load_login(username="ming", client_id="app", audience=ORDERS))
    assert facts.access == Access(("boss", "clerk"), (READ, WRITE))
    facts = run(store.load_login(username="hua", client_id="app", audience=NOTES))
    assert facts.access == Access()
