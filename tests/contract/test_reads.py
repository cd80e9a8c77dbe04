"""Facts for decisions, lists for the command line, and the outbox in order."""

from __future__ import annotations

from tests.support.stores import (
    FAMILY_ID,
    NOTES,
    NOW,
    ORDERS,
    a_client,
    a_family,
    a_login,
    a_session,
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
    PutRole,
    Record,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import ClientFacts, FamilyFacts, LoginFacts, Store
from lingpai_server.core.records import Access, Event, Role

CLERK = Access(("clerk",), ("orders:read",))
MING = a_user(access_version=2)  # raised by the role he was given


def test_login_facts_are_complete(store: Store) -> None:
    fill(store, people_and_apis())
    facts = run(store.load_login(username="ming", client_id="app", audience=ORDERS))
    assert facts == LoginFacts(a_client(), MING, an_api(), CLERK)


def test_without_an_audience_a_login_is_for_the_clients_first_api(store: Store) -> None:
    fill(store, people_and_apis())
    facts = run(store.load_login(username="ming", client_id="app", audience=None))
    assert facts.api == an_api(ORDERS)


def test_a_login_at_another_api_has_the_access_of_that_api(store: Store) -> None:
    fill(store, people_and_apis())
    facts = run(store.load_login(username="ming", client_id="app", audience=NOTES))
    assert (facts.api, facts.access) == (an_api(NOTES), Access())


def test_login_facts_leave_out_what_is_missing(store: Store) -> None:
    fill(store, people_and_apis())
    facts = run(store.load_login(username="nobody", client_id="nothing", audience="nowhere"))
    assert facts == LoginFacts(None, None, None, Access())


def test_a_client_without_apis_has_no_first_one(store: Store) -> None:
    fill(store, [CreateClient(a_client(audiences=())), CreateUser(a_user())])
    facts = run(store.load_login(username="ming", client_id="app", audience=None))
    assert facts == LoginFacts(a_client(audiences=()), a_user(), None, Access())


def test_family_facts_are_complete(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    assert run(store.load_family(FAMILY_ID)) == FamilyFacts(
        a_family(), a_session(), MING, a_client(), an_api(), CLERK
    )


def test_family_facts_join_the_roles_of_that_api_only(store: Store) -> None:
    fill(
        store,
        people_and_apis(),
        a_login(),
        [PutRole(Role(ORDERS, "boss", ("b", "a"))), PutRole(Role(NOTES, "reader", ("c",)))],
        [AssignRole("user", "id-of-ming", ORDERS, "boss")],
        [AssignRole("user", "id-of-ming", NOTES, "reader")],
    )
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.access == Access(("boss", "clerk"), ("a", "b", "orders:read"))


def test_family_facts_of_a_user_without_roles_have_no_access(store: Store) -> None:
    mei = a_user("mei")
    fill(
        store,
        people_and_apis(),
        [CreateUser(mei)],
        [StartSession(a_session(user_id=mei.user_id))],
        [StartFamily(a_family(user_id=mei.user_id))],
    )
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.access == Access()


def test_an_unknown_family_has_no_facts(store: Store) -> None:
    fill(store, people_and_apis(), a_login())
    assert run(store.load_family(b"\x00" * 16)) is None


def test_client_facts_have_the_clients_own_access(store: Store) -> None:
    fill(store, people_and_apis(), [AssignRole("client", "app", ORDERS, "clerk")])
    facts = run(store.load_client_facts(client_id="app", audience=None))
    assert facts == ClientFacts(a_client(access_version=2), an_api(), CLERK)


def test_client_facts_of_an_unknown_api_have_none(store: Store) -> None:
    fill(store, people_and_apis())
    facts = run(store.load_client_facts(client_id="app", audience="nowhere"))
    assert facts == ClientFacts(a_client(), None, Access())


def test_an_unknown_client_has_no_facts(store: Store) -> None:
    assert run(store.load_client_facts(client_id="app", audience=None)) is None
    assert run(store.load_client("app")) is None


def test_unknown_names_are_none(store: Store) -> None:
    assert run(store.load_user("nobody")) is None
    assert run(store.load_api(ORDERS)) is None
    assert run(store.load_role(ORDERS, "clerk")) is None


def test_lists_are_sorted(store: Store) -> None:
    users = (a_user("a"), a_user("b"), a_user("c"))
    fill(store, [CreateUser(users[1]), CreateUser(users[2]), CreateUser(users[0])])
    clients = (a_client("a"), a_client("b"))
    fill(store, [CreateClient(clients[1]), CreateClient(clients[0])])
    apis = (an_api(NOTES), an_api(ORDERS))
    fill(store, [CreateApi(apis[1]), CreateApi(apis[0])])
    roles = (Role(NOTES, "z", ()), Role(ORDERS, "a", ("p",)), Role(ORDERS, "b", ()))
    fill(store, [PutRole(roles[2]), PutRole(roles[1]), PutRole(roles[0])])
    assert run(store.list_users()) == users
    assert run(store.list_clients()) == clients
    assert run(store.list_apis()) == apis
    assert run(store.list_roles()) == roles


def test_an_event_comes_back_as_it_went_in(store: Store) -> None:
    full = Event(
        "login",
        NOW + 0.5,
        user_id="u",
        client_id="c",
        session_id="s",
        address="2001:db8::1",
        detail={"text": '"quoted" 令牌', "number": 2**53, "yes": True, "nothing": None},
    )
    bare = Event("start", NOW + 1.0)
    fill(store, [Record(full), Record(bare)])
    assert run(store.load_events(0, 10)) == ((1, full), (2, bare))


def test_events_are_numbered_in_order_and_read_from_a_number_on(store: Store) -> None:
    events = [Event(f"event-{number}", NOW + float(number)) for number in range(5)]
    fill(store, *([Record(event)] for event in events))
    assert run(store.load_events(2, 2)) == ((3, events[2]), (4, events[3]))
    assert run(store.load_events(5, 2)) == ()
