"""Groups: who is in one, what they have by it, and whose access version is raised."""

from __future__ import annotations

import pytest
from tests.support.slot_world import HUA, MING, READ, WRITE, logins, people, put
from tests.support.stores import (
    BROWSER_ID,
    CODE,
    DEVICE,
    FAMILY_ID,
    ORDERS,
    a_code,
    an_approved_device,
    fill,
    run,
)

from lingpai_server.core.effects import AssignRole, Effect, PutRole, RemoveRole
from lingpai_server.core.flow_effects import StoreCode, StoreDevice
from lingpai_server.core.ports import NotFound, Store
from lingpai_server.core.records import Access, Group, Role
from lingpai_server.core.status_effects import AddMember, DeleteGroup, PutGroup, RemoveMember

BOSS_AND_CLERK = Access(("boss", "clerk"), (READ, WRITE))


@pytest.fixture
def store(store: Store) -> Store:
    """With people, their groups and their sessions."""
    fill(store, people(), logins())
    return store


def versions(store: Store) -> tuple[int, int]:
    """Ming's and Hua's access versions."""
    users = {user.user_id: user.access_version for user in run(store.list_users())}
    return users[MING], users[HUA]


def test_a_group_reads_as_it_was_put(store: Store) -> None:
    put(store, PutGroup(Group("guests", "Who visits")))
    assert run(store.load_group("guests")) == Group("guests", "Who visits")
    put(store, PutGroup(Group("guests", "Visitors")))
    assert run(store.load_group("guests")) == Group("guests", "Visitors")
    assert [group.name for group in run(store.list_groups())] == ["board", "guests", "staff"]
    assert run(store.load_group("nobody")) is None


def test_members_are_listed_by_name_and_groups_of_a_member_too(store: Store) -> None:
    put(store, AddMember("staff", MING), AddMember("board", MING))
    assert [user.username for user in run(store.list_members("staff"))] == ["hua", "ming"]
    assert [group.name for group in run(store.list_groups_of(MING))] == ["board", "staff"]
    put(store, RemoveMember("staff", HUA))
    assert [user.username for user in run(store.list_members("staff"))] == ["ming"]
    assert run(store.list_groups_of(HUA)) == ()
    assert run(store.list_members("nobody")) == ()


def test_roles_are_listed_of_who_was_given_them(store: Store) -> None:
    clerk = Role(ORDERS, "clerk", (READ,))
    assert run(store.list_held_roles("group", "staff")) == (clerk,)
    assert run(store.list_held_roles("user", HUA)) == ()
    assert [role.name for role in run(store.list_held_roles("user", MING))] == ["writer", "clerk"]
    assert run(store.list_held_roles("client", "web")) == (clerk,)


def test_a_deleted_group_is_forgotten_with_all_of_it(store: Store) -> None:
    put(store, DeleteGroup("staff"))
    assert run(store.load_group("staff")) is None
    put(store, PutGroup(Group("staff")), AddMember("staff", MING))
    assert run(store.list_members("staff")) == (run(store.load_user("ming")),)
    assert run(store.list_held_roles("group", "staff")) == ()


@pytest.mark.parametrize(
    "effect",
    [
        DeleteGroup("nobody"),
        AddMember("nobody", MING),
        AddMember("staff", "nobody"),
        RemoveMember("nobody", MING),
        RemoveMember("staff", "nobody"),
        AssignRole("group", "nobody", ORDERS, "clerk"),
        AssignRole("group", "staff", ORDERS, "nothing"),
        RemoveRole("group", "nobody", ORDERS, "clerk"),
        RemoveRole("group", "staff", ORDERS, "nothing"),
    ],
)
def test_what_is_not_there_is_not_found(store: Store, effect: Effect) -> None:
    with pytest.raises(NotFound):
        put(store, effect)


@pytest.mark.parametrize(
    ("effect", "raised"),
    [
        (AddMember("board", MING), (1, 0)),
        (AddMember("staff", MING), (1, 0)),  # though he has all of it
        (AddMember("staff", HUA), (0, 0)),
        (RemoveMember("staff", HUA), (0, 1)),
        (RemoveMember("staff", MING), (0, 0)),
        (DeleteGroup("staff"), (0, 1)),
        (PutGroup(Group("staff", "The staff")), (0, 0)),
        (AssignRole("group", "staff", ORDERS, "boss"), (0, 1)),
        (AssignRole("group", "staff", ORDERS, "clerk"), (0, 0)),
        (RemoveRole("group", "staff", ORDERS, "clerk"), (0, 1)),
        (RemoveRole("group", "staff", ORDERS, "boss"), (0, 0)),
        (PutRole(Role(ORDERS, "clerk", (WRITE,))), (1, 1)),
        (PutRole(Role(ORDERS, "clerk", (READ,))), (1, 1)),  # though it is as it was
        (PutRole(Role(ORDERS, "boss", (WRITE,))), (0, 0)),
    ],
)
def test_a_change_raises_the_access_versions_of_those_it_may_concern(
    store: Store, effect: Effect, raised: tuple[int, int]
) -> None:
    ming, hua = versions(store)
    put(store, effect)
    assert versions(store) == (ming + raised[0], hua + raised[1])


def test_who_holds_a_role_himself_and_by_a_group_has_it_once(store: Store) -> None:
    put(store, AddMember("staff", MING))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.access == Access(("clerk",), (READ,))


def test_every_flow_reads_what_a_user_has_by_his_groups(store: Store) -> None:
    put(store, AddMember("board", MING), AddMember("staff", MING))
    put(store, StoreCode(a_code()), StoreDevice(an_approved_device()))
    login = run(store.load_login(username="ming", client_id="app", audience=ORDERS))
    family = run(store.load_family(FAMILY_ID))
    code = run(store.load_code(CODE))
    device = run(store.load_device(DEVICE))
    authorize = run(store.load_authorize(client_id="app", audience=ORDERS, browser_id=BROWSER_ID))
    exchange = run(
        store.load_exchange(
            client_id="exchanger",
            audience=ORDERS,
            user_id=MING,
            session_id="of-ming",
            subject_client_id=None,
        )
    )
    assert family is not None
    assert code is not None
    assert device is not None
    for facts in (login, family, code, device, authorize, exchange):
        assert facts.access == BOSS_AND_CLERK
