"""Consents, and the facts of an authorization request that they are part of."""

from __future__ import annotations

import pytest
from tests.support.stores import (
    BROWSER_ID,
    NOTES,
    NOW,
    ORDERS,
    a_browser,
    a_client,
    a_consent,
    a_sign_in,
    a_user,
    an_api,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import CreateApi, CreateClient, CreateUser
from lingpai_server.core.flow_effects import EndBrowser, PutConsent, RemoveConsents
from lingpai_server.core.flow_records import AuthorizeFacts, Consent
from lingpai_server.core.ports import NotFound, Store
from lingpai_server.core.records import USERINFO_AUDIENCE, Access


@pytest.fixture
def signed_in(store: Store) -> Store:
    """A store with one browser session."""
    fill(store, people_and_apis(), a_sign_in())
    return store


def facts_of(
    store: Store,
    *,
    client_id: str = "app",
    audience: str | None = ORDERS,
    browser_id: bytes | None = BROWSER_ID,
) -> AuthorizeFacts:
    """What an authorization request is decided on."""
    return run(store.load_authorize(client_id=client_id, audience=audience, browser_id=browser_id))


def consent_of(store: Store, audience: str = ORDERS) -> Consent | None:
    """What the user let the client have at one API."""
    return facts_of(store, audience=audience).consent


def test_a_consent_comes_back_as_it_went_in(signed_in: Store) -> None:
    fill(signed_in, [PutConsent(a_consent(scopes=("a", "b")))])
    assert consent_of(signed_in) == a_consent(scopes=("a", "b"))
    assert consent_of(signed_in, NOTES) is None


def test_a_consent_takes_the_place_of_the_last_one(signed_in: Store) -> None:
    later = a_consent(scopes=("b",), granted_at=NOW + 1)
    fill(signed_in, [PutConsent(a_consent())], [PutConsent(later)])
    assert consent_of(signed_in) == later


@pytest.mark.parametrize("missing", ["user_id", "client_id", "audience"])
def test_a_consent_needs_all_that_it_names(signed_in: Store, missing: str) -> None:
    with pytest.raises(NotFound):
        run(signed_in.apply((PutConsent(a_consent(**{missing: "nobody"})),)))


def test_all_consents_for_a_client_are_forgotten_and_no_other(signed_in: Store) -> None:
    mei, other = a_user("mei"), a_client("other")
    of_mei = a_consent(user_id=mei.user_id)
    fill(signed_in, [CreateUser(mei), CreateClient(other)])
    kept = [PutConsent(of_mei), PutConsent(a_consent(client_id="other"))]
    gone = [PutConsent(a_consent()), PutConsent(a_consent(audience=NOTES))]
    fill(signed_in, kept, gone, [RemoveConsents("id-of-ming", "app")])
    assert consent_of(signed_in) is None
    assert consent_of(signed_in, NOTES) is None
    assert facts_of(signed_in, client_id="other").consent == a_consent(client_id="other")


def test_forgetting_no_consent_is_no_error(signed_in: Store) -> None:
    fill(signed_in, [RemoveConsents("nobody", "nothing")])


def test_facts_of_a_signed_in_browser_have_its_user_and_what_he_may_do(signed_in: Store) -> None:
    user = run(signed_in.load_user("ming"))
    assert facts_of(signed_in) == AuthorizeFacts(
        a_client(), an_api(), a_browser(), user, Access(("clerk",), ("orders:read",)), None
    )


@pytest.mark.parametrize("browser_id", [None, b"?" * 32])
def test_facts_without_a_browser_session_have_neither_user_nor_access_nor_consent(
    signed_in: Store, browser_id: bytes | None
) -> None:
    fill(signed_in, [PutConsent(a_consent())])
    assert facts_of(signed_in, browser_id=browser_id) == AuthorizeFacts(
        a_client(), an_api(), None, None, Access(), None
    )


def test_facts_tell_that_the_browser_session_has_ended(signed_in: Store) -> None:
    fill(signed_in, [EndBrowser(BROWSER_ID, NOW + 1, "logout")])
    assert facts_of(signed_in).browser == a_browser(ended_at=NOW + 1, end_reason="logout")


def test_without_a_wish_the_api_is_the_first_of_the_client(signed_in: Store) -> None:
    assert facts_of(signed_in, audience=None).api == an_api(ORDERS)


def test_without_a_wish_the_api_of_a_client_that_has_none_is_userinfo(signed_in: Store) -> None:
    fill(signed_in, [CreateClient(a_client("bare", audiences=()))])
    assert facts_of(signed_in, client_id="bare", audience=None).api is None
    fill(signed_in, [CreateApi(an_api(USERINFO_AUDIENCE))])
    facts = facts_of(signed_in, client_id="bare", audience=None)
    assert facts.api == an_api(USERINFO_AUDIENCE)


def test_facts_of_an_unknown_client_or_api_lack_it(signed_in: Store) -> None:
    assert facts_of(signed_in, client_id="nobody").client is None
    assert facts_of(signed_in, client_id="nobody", audience=None).api is None
    unknown = facts_of(signed_in, audience="nowhere")
    assert (unknown.api, unknown.access, unknown.consent) == (None, Access(), None)
    assert unknown.user is not None
