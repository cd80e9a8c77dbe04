"""What an operator asks a store about sessions, and what everybody asks about a single token."""

from __future__ import annotations

from tests.support.stores import NOW, a_client, a_session, a_user, run

from lingpai_server.core.effects import (
    CreateClient,
    CreateUser,
    Effect,
    EndSession,
    Record,
    StartSession,
)
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Event
from lingpai_server.core.status_effects import DenyToken


def put(store: Store, *effects: Effect) -> None:
    run(store.apply(effects))


def test_token_is_denied_from_the_commit_on(store: Store) -> None:
    assert not run(store.is_denied("one"))
    put(store, DenyToken("one", NOW + 60, NOW))
    assert run(store.is_denied("one"))
    assert not run(store.is_denied("ONE"))


def test_sessions_of_a_user_are_his_alone_and_the_newest_first(store: Store) -> None:
    put(store, CreateUser(a_user("mei")), CreateUser(a_user("lan")), CreateClient(a_client("app")))
    for name, user, at in (("a", "mei", NOW), ("b", "mei", NOW + 9), ("c", "lan", NOW + 5)):
        session = a_session(name, user_id=f"id-of-{user}", client_id="app", auth_time=at)
        put(store, StartSession(session))
    put(store, EndSession("a", NOW + 10, "logout"))
    listed = run(store.list_sessions("id-of-mei"))
    assert [(each.session_id, each.end_reason) for each in listed] == [("b", None), ("a", "logout")]
    assert run(store.list_sessions("nobody")) == ()


def test_events_of_a_session_are_the_newest_of_it_in_order(store: Store) -> None:
    kinds = [("one", "s"), ("two", "s"), ("three", "t"), ("four", "s"), ("five", None)]
    put(store, *(Record(Event(kind, NOW, session_id=name)) for kind, name in kinds))
    listed = run(store.list_session_events("s", 2))
    assert [(number, event.kind) for number, event in listed] == [(2, "two"), (4, "four")]
    assert run(store.list_session_events("x", 2)) == ()
