"""Users, clients, APIs and roles: names are taken once, and a change of access raises a version."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    NOTES,
    ORDERS,
    a_client,
    a_user,
    an_api,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    PutRole,
    RemoveRole,
    ReplacePasswordHash,
    RequireVersion,
    SetAccountStatus,
    SetClientDisabled,
)
from lingpai_server.core.ports import AlreadyExists, NotFound, StaleState, Store
from lingpai_server.core.records import Access, AccountStatus, Role
from lingpai_server.core.secret import Secret

NEW_HASH = Secret("$argon2id$new")


@pytest.fixture
def peopled(store: Store) -> Store:
    """A store with a user, a client, two APIs and one assigned role."""
    fill(store, people_and_apis())
    return store


def user_version(store: Store, username: str = "ming") -> int:
    """The access version of a user, who must be there."""
    user = run(store.load_user(username))
    assert user is not None
    return user.access_version


def client_version(store: Store) -> int:
    """The access version of the client."""
    client = run(store.load_client("app"))
    assert client is not None
    return client.access_version


def user_access(store: Store, audience: str = ORDERS) -> Access:
    """What the user may do there, as a login would learn it."""
    facts = run(store.load_login(username="ming", client_id="app", audience=audience))
    return facts.access


def test_a_user_comes_back_as_he_went_in(store: Store) -> None:
    plain = a_user("明", status=AccountStatus.LOCKED, access_version=3)
    bare = a_user("mei", password_hash=None)
    fill(store, [CreateUser(plain), CreateUser(bare)])
    assert run(store.load_user("明")) == plain
    assert run(store.load_user("mei")) == bare


def test_a_client_comes_back_as_it_went_in(store: Store) -> None:
    client = a_client(secret_sha256=b"\x00" * 32, first_party=False, disabled=True, audiences=())
    fill(store, [CreateClient(client)])
    assert run(store.load_client("app")) == client


def test_an_api_comes_back_as_it_went_in(store: Store) -> None:
    api = an_api(scopes=('with "quotes"', "令牌"), access_ttl_seconds=60)
    fill(store, [CreateApi(api)])
    assert run(store.load_api(ORDERS)) == api


@pytest.mark.parametrize(
    "effect",
    [
        CreateUser(a_user(user_id="another")),
        CreateUser(a_user("another", user_id="id-of-ming")),
        CreateClient(a_client()),
        CreateApi(an_api()),
    ],
    ids=["username", "user_id", "client_id", "audience"],
)
def test_a_name_is_taken_once(peopled: Store, effect: Effect) -> None:
    with pytest.raises(AlreadyExists):
        run(peopled.apply((effect,)))


def test_the_name_that_is_taken_is_told_and_no_secret(peopled: Store) -> None:
    with pytest.raises(AlreadyExists) as caught:
        run(peopled.apply((CreateUser(a_user()),)))
    assert "ming" in str(caught.value)
    assert "argon2" not in str(caught.value)


@pytest.mark.parametrize(
    "required",
    [
        RequireVersion("user", "id-of-ming", 2),  # raised once, by the role he was given
        RequireVersion("client", "app", 1),
        RequireVersion("api", ORDERS, 1),
    ],
    ids=lambda required: required.kind,
)
def test_a_required_version_is_met_or_the_effect_is_lost(
    peopled: Store, required: RequireVersion
) -> None:
    run(peopled.apply((required,)))
    for version in (required.access_version - 1, required.access_version + 1):
        with pytest.raises(StaleState):
            run(peopled.apply((replace(required, access_version=version),)))


@pytest.mark.parametrize("kind", ["user", "client", "api"])
def test_a_required_version_of_nothing_is_lost(peopled: Store, kind: str) -> None:
    required: dict[str, RequireVersion] = {
        "user": RequireVersion("user", "nobody", 1),
        "client": RequireVersion("client", "nobody", 1),
        "api": RequireVersion("api", "nobody", 1),
    }
    with pytest.raises(StaleState):
        run(peopled.apply((required[kind],)))


def test_a_password_reset_raises_the_version(peopled: Store) -> None:
    run(peopled.apply((ReplacePasswordHash("id-of-ming", 2, NEW_HASH, reset=True),)))
    assert run(peopled.load_user("ming")) == a_user(password_hash=NEW_HASH, access_version=3)


def test_a_rehash_does_not_raise_the_version(peopled: Store) -> None:
    run(peopled.apply((ReplacePasswordHash("id-of-ming", 2, NEW_HASH, reset=False),)))
    assert run(peopled.load_user("ming")) == a_user(password_hash=NEW_HASH, access_version=2)


@pytest.mark.parametrize("reset", [True, False])
def test_a_rehash_of_an_old_password_is_lost_after_a_reset(peopled: Store, reset: bool) -> None:
    run(peopled.apply((ReplacePasswordHash("id-of-ming", 2, NEW_HASH, reset=True),)))
    with pytest.raises(StaleState):
        run(peopled.apply((ReplacePasswordHash("id-of-ming", 2, Secret("old"), reset=reset),)))
    assert run(peopled.load_user("ming")) == a_user(password_hash=NEW_HASH, access_version=3)


def test_a_password_of_nobody_is_lost(peopled: Store) -> None:
    with pytest.raises(StaleState):
        run(peopled.apply((ReplacePasswordHash("nobody", 1, NEW_HASH, reset=True),)))


def test_locking_and_unlocking_raise_the_version(peopled: Store) -> None:
    fill(peopled, [SetAccountStatus("id-of-ming", AccountStatus.LOCKED)])
    assert run(peopled.load_user("ming")) == a_user(status=AccountStatus.LOCKED, access_version=3)
    fill(peopled, [SetAccountStatus("id-of-ming", AccountStatus.ACTIVE)])
    assert run(peopled.load_user("ming")) == a_user(access_version=4)


def test_disabling_and_enabling_a_client_raise_its_version(peopled: Store) -> None:
    run(peopled.apply((SetClientDisabled("app", disabled=True),)))
    assert run(peopled.load_client("app")) == a_client(disabled=True, access_version=2)
    run(peopled.apply((SetClientDisabled("app", disabled=False),)))
    assert run(peopled.load_client("app")) == a_client(access_version=3)


def test_disabling_no_client_says_so(peopled: Store) -> None:
    with pytest.raises(NotFound):
        run(peopled.apply((SetClientDisabled("nobody", disabled=True),)))


def test_locking_nobody_says_so(peopled: Store) -> None:
    with pytest.raises(NotFound):
        run(peopled.apply((SetAccountStatus("nobody", AccountStatus.LOCKED),)))


def test_a_role_comes_back_as_it_went_in(peopled: Store) -> None:
    role = Role(NOTES, "reader", ("notes:read", "notes:list"))
    fill(peopled, [PutRole(role)])
    assert run(peopled.load_role(NOTES, "reader")) == role
    assert run(peopled.load_role(ORDERS, "reader")) is None


def test_a_role_needs_its_api(peopled: Store) -> None:
    with pytest.raises(NotFound):
        run(peopled.apply((PutRole(Role("https://nowhere.example", "reader", ())),)))


def test_a_changed_role_raises_the_version_of_all_who_hold_it_and_of_no_other(
    peopled: Store,
) -> None:
    fill(peopled, [CreateUser(a_user("mei")), AssignRole("client", "app", ORDERS, "clerk")])
    before = (user_version(peopled), client_version(peopled), user_version(peopled, "mei"))
    fill(peopled, [PutRole(Role(ORDERS, "clerk", ("orders:read", "orders:refund")))])
    after = (user_version(peopled), client_version(peopled), user_version(peopled, "mei"))
    assert after == (before[0] + 1, before[1] + 1, before[2])
    assert user_access(peopled).permissions == ("orders:read", "orders:refund")


def test_a_role_of_the_same_name_at_another_api_is_another_role(peopled: Store) -> None:
    fill(peopled, [PutRole(Role(NOTES, "clerk", ("notes:write",)))])
    assert user_version(peopled) == 2
    assert user_access(peopled, NOTES) == Access()


@pytest.mark.parametrize("kind", ["user", "client"])
def test_a_role_given_twice_raises_the_version_once(peopled: Store, kind: str) -> None:
    fill(peopled, [PutRole(Role(NOTES, "reader", ("notes:read",)))])
    give = (
        AssignRole("user", "id-of-ming", NOTES, "reader")
        if kind == "user"
        else AssignRole("client", "app", NOTES, "reader")
    )
    version = user_version if kind == "user" else client_version
    before = version(peopled)
    fill(peopled, [give], [give])
    assert version(peopled) == before + 1


@pytest.mark.parametrize("kind", ["user", "client"])
def test_a_role_taken_twice_raises_the_version_once(peopled: Store, kind: str) -> None:
    fill(peopled, [AssignRole("client", "app", ORDERS, "clerk")])
    take = (
        RemoveRole("user", "id-of-ming", ORDERS, "clerk")
        if kind == "user"
        else RemoveRole("client", "app", ORDERS, "clerk")
    )
    version = user_version if kind == "user" else client_version
    before = version(peopled)
    fill(peopled, [take], [take])
    assert version(peopled) == before + 1


def test_a_role_that_was_taken_gives_nothing(peopled: Store) -> None:
    assert user_access(peopled) == Access(("clerk",), ("orders:read",))
    fill(peopled, [RemoveRole("user", "id-of-ming", ORDERS, "clerk")])
    assert user_access(peopled) == Access()


@pytest.mark.parametrize(
    "effect",
    [
        AssignRole("user", "nobody", ORDERS, "clerk"),
        AssignRole("client", "nobody", ORDERS, "clerk"),
        AssignRole("user", "id-of-ming", ORDERS, "nothing"),
        AssignRole("client", "app", "https://nowhere.example", "clerk"),
        RemoveRole("user", "nobody", ORDERS, "clerk"),
        RemoveRole("client", "nobody", ORDERS, "clerk"),
        RemoveRole("user", "id-of-ming", ORDERS, "nothing"),
    ],
)
def test_giving_or_taking_what_is_not_there_says_so(peopled: Store, effect: Effect) -> None:
    with pytest.raises(NotFound):
        run(peopled.apply((effect,)))


def test_permissions_of_several_roles_are_joined_and_sorted(peopled: Store) -> None:
    fill(
        peopled,
        [PutRole(Role(ORDERS, "boss", ("orders:write", "orders:read")))],
        [AssignRole("user", "id-of-ming", ORDERS, "boss")],
    )
    assert user_access(peopled) == Access(("boss", "clerk"), ("orders:read", "orders:write"))
