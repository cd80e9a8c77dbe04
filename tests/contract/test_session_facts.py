"""What introspection, userinfo, logout and token exchange are decided on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOTES,
    ORDERS,
    a_client,
    a_family,
    a_session,
    a_sign_in,
    an_api,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import AssignRole, CreateClient, StartFamily, StartSession
from lingpai_server.core.flow_records import ExchangeFacts, SessionFacts
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Access

CLERK = Access(("clerk",), ("orders:read",))


@pytest.fixture
def live(store: Store) -> Store:
    """A store with one session."""
    fill(store, people_and_apis(), a_sign_in(), [StartSession(a_session())])
    return store


def exchange_of(
    store: Store,
    *,
    client_id: str = "app",
    audience: str = ORDERS,
    user_id: str | None = None,
    session_id: str | None = None,
    subject_client_id: str | None = None,
) -> ExchangeFacts:
    """What a token exchange is decided on."""
    return run(
        store.load_exchange(
            client_id=client_id,
            audience=audience,
            user_id=user_id,
            session_id=session_id,
            subject_client_id=subject_client_id,
        )
    )


def test_a_session_comes_back_as_it_went_in_with_its_user_and_client(store: Store) -> None:
    session = a_session(
        browser_id=BROWSER_ID,
        acr="urn:lingpai:acr:password",
        offline=True,
        notify=True,
        claims='{"id_token":{"auth_time":{"essential":true}}}',
    )
    fill(store, people_and_apis(), a_sign_in(), [StartSession(session)])
    user = run(store.load_user("ming"))
    assert user is not None
    assert run(store.load_session("session-1")) == SessionFacts(session, user, a_client())


def test_an_unknown_session_has_no_facts(store: Store) -> None:
    assert run(store.load_session("session-1")) is None


def test_a_family_comes_back_with_what_it_is_bound_to(live: Store) -> None:
    family = a_family(jkt="thumb", x5t="certificate", authorization_details='[{"type":"order"}]')
    fill(live, [StartFamily(family)])
    facts = run(live.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.family == family


def test_an_exchange_for_a_user_has_him_his_session_and_what_he_may_do(live: Store) -> None:
    user = run(live.load_user("ming"))
    facts = exchange_of(live, user_id="id-of-ming", session_id="session-1")
    assert facts == ExchangeFacts(a_client(), an_api(), user, a_session(), CLERK)


def test_an_exchange_for_a_client_has_what_that_client_may_do(live: Store) -> None:
    fill(live, [CreateClient(a_client("job")), AssignRole("client", "job", ORDERS, "clerk")])
    facts = exchange_of(live, subject_client_id="job")
    job = replace(a_client("job"), access_version=2)
    assert facts == ExchangeFacts(a_client(), an_api(), None, None, CLERK, job)
    assert exchange_of(live, audience=NOTES, subject_client_id="job").access == Access()


def test_an_exchange_lacks_what_is_not_there(live: Store) -> None:
    facts = exchange_of(
        live, client_id="nobody", audience="nowhere", user_id="nobody", session_id="none"
    )
    assert facts == ExchangeFacts(None, None, None, None, Access())


def test_an_exchange_takes_the_user_where_both_are_named(live: Store) -> None:
    fill(live, [AssignRole("client", "app", ORDERS, "clerk")])
    facts = exchange_of(live, audience=ORDERS, user_id="nobody", subject_client_id="app")
    assert facts.access == Access()
