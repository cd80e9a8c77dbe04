"""Groups and roles: who holds what, by which way, and what each change leaves in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from tests.support.memory_store import MemoryStore
from tests.support.stores import ORDERS, a_client, a_user, an_api

from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.clients import grant_client_role, revoke_client_role
from lingpai_server.app.admin.groups import (
    add_member,
    create_group,
    delete_group,
    grant_group_role,
    list_groups,
    remove_member,
    revoke_group_role,
    show_group,
)
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.admin.roles import show_role
from lingpai_server.app.admin.users import grant_role, show_user
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.effects import CreateApi, CreateClient, CreateUser, PutRole
from lingpai_server.core.records import Event, Role
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey

T = TypeVar("T")
CLERK = Role(ORDERS, "clerk", ("orders:read",))
MANAGER = Role(ORDERS, "manager", ("orders:close",))


@pytest.fixture
def office() -> Iterator[Office]:
    """With mei, a client, and two roles."""
    hasher = Argon2Pool(Argon2Parameters(64, 1, 1), threads=1, queue=1)
    made = Office(MemoryStore(), SealedKeyMaker(SealingKey(Secret(bytes(32)))), hasher)
    run(
        made.store.apply(
            [
                CreateUser(a_user("mei")),
                CreateApi(an_api(ORDERS)),
                CreateClient(a_client("app")),
                PutRole(CLERK),
                PutRole(MANAGER),
            ]
        )
    )
    yield made
    hasher.close()


def run(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


def recorded(office: Office) -> list[Event]:
    return [event for _, event in run(office.store.load_events(0, 100))]


def last(office: Office) -> tuple[str, str | None, dict[str, Any]]:
    event = recorded(office)[-1]
    return str(event.kind), event.user_id, dict(event.detail)


def test_group_is_made_with_a_description_and_given_another(office: Office) -> None:
    run(create_group(office, "staff", "shop floor"))
    run(create_group(office, "staff", "all of us"))
    (group,) = run(list_groups(office))
    assert group.group.description == "all of us"
    assert last(office) == ("group.put", None, {"group": "staff"})


@pytest.mark.parametrize(
    ("name", "text"), [("", ""), (" a", ""), ("a\n", ""), ("a" * 200, ""), ("a", "\0")]
)
def test_group_that_cannot_be(office: Office, name: str, text: str) -> None:
    with pytest.raises(Rejected):
        run(create_group(office, name, text))
    assert recorded(office) == []


def test_member_holds_what_the_group_holds(office: Office) -> None:
    run(create_group(office, "staff", ""))
    run(grant_group_role(office, "staff", ORDERS, "manager"))
    assert last(office)[2] == {"group": "staff", "audience": ORDERS, "role": "manager"}
    run(add_member(office, "staff", "mei"))
    assert last(office) == ("group.member_added", "id-of-mei", {"group": "staff"})
    shown = run(show_group(office, "staff"))
    assert [user.username for user in shown.members] == ["mei"]
    assert shown.roles == (MANAGER,)
    assert run(show_user(office, "mei")).access[ORDERS].roles == ("manager",)


def test_user_is_shown_with_the_ways_of_each_role(office: Office) -> None:
    run(create_group(office, "staff", ""))
    run(grant_group_role(office, "staff", ORDERS, "manager"))
    run(add_member(office, "staff", "mei"))
    run(grant_role(office, "mei", ORDERS, "clerk"))
    shown = run(show_user(office, "mei"))
    assert shown.access[ORDERS].roles == ("clerk", "manager")
    assert shown.own == (CLERK,)
    assert shown.by_group == {"staff": (MANAGER,)}


def test_what_came_with_a_group_goes_with_it(office: Office) -> None:
    run(create_group(office, "staff", ""))
    run(grant_group_role(office, "staff", ORDERS, "manager"))
    run(add_member(office, "staff", "mei"))
    run(remove_member(office, "staff", "mei"))
    assert last(office)[0] == "group.member_removed"
    assert run(show_user(office, "mei")).access == {}
    run(add_member(office, "staff", "mei"))
    run(revoke_group_role(office, "staff", ORDERS, "manager"))
    assert last(office)[0] == "role.revoked"
    assert run(show_user(office, "mei")).access == {}
    run(grant_group_role(office, "staff", ORDERS, "manager"))
    gone = run(delete_group(office, "staff"))
    assert len(gone.members) == 1
    assert last(office) == ("group.deleted", None, {"group": "staff", "members": 1})
    assert run(show_user(office, "mei")).access == {}


def test_role_says_who_was_given_it(office: Office) -> None:
    run(create_group(office, "staff", ""))
    run(add_member(office, "staff", "mei"))
    run(grant_group_role(office, "staff", ORDERS, "clerk"))
    run(grant_role(office, "mei", ORDERS, "clerk"))
    run(grant_client_role(office, "app", ORDERS, "clerk"))
    shown = run(show_role(office, ORDERS, "clerk"))
    assert (shown.users, shown.groups, shown.clients) == (("mei",), ("staff",), ("app",))
    assert shown.members == 1


def test_client_holds_a_role_for_itself(office: Office) -> None:
    run(grant_client_role(office, "app", ORDERS, "clerk"))
    event = recorded(office)[-1]
    assert (str(event.kind), event.client_id) == ("role.granted", "app")
    assert run(office.store.list_held_roles("client", "app")) == (CLERK,)
    run(revoke_client_role(office, "app", ORDERS, "clerk"))
    assert run(office.store.list_held_roles("client", "app")) == ()


@pytest.mark.parametrize(
    "act",
    [
        lambda office: show_group(office, "nobody"),
        lambda office: delete_group(office, "nobody"),
        lambda office: add_member(office, "nobody", "mei"),
        lambda office: remove_member(office, "nobody", "mei"),
        lambda office: grant_group_role(office, "nobody", ORDERS, "clerk"),
        lambda office: grant_client_role(office, "nobody", ORDERS, "clerk"),
        lambda office: grant_client_role(office, "app", ORDERS, "nothing"),
        lambda office: revoke_client_role(office, "app", ORDERS, "nothing"),
        lambda office: show_role(office, ORDERS, "nothing"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_recorded(office: Office, act: Any) -> None:
    with pytest.raises(Rejected):
        run(act(office))
    assert recorded(office) == []
