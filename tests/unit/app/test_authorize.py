"""The authorization endpoint over a store in memory: pages that wait, and the answers to them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.support.given_keys import GivenKeys
from tests.support.signed_in import COOKIE, SETTINGS, SignedIn
from tests.support.stores import NOW, ORDERS, a_client, an_api, fill

from lingpai_server.app.authorize import TICKET_SECONDS, Authorize
from lingpai_server.core.effects import CreateApi, CreateClient
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.outcomes import (
    AuthorizationResponse,
    AuthorizeOutcome,
    NeedsConsent,
    NeedsLogin,
    PageRefusal,
)

CALLBACK = "https://app.example/cb"
WEIS_COOKIE = Secret("the cookie that wei has in the same browser, in its place")


@pytest.fixture
def scene() -> SignedIn:
    """Somebody is logged in; `third` is a client that has to ask."""
    scene = SignedIn()
    client = a_client(
        "third",
        first_party=False,
        grant_types=("authorization_code", "refresh_token"),
        scopes=("openid", "orders:read"),
        audiences=(ORDERS,),
        settings=SETTINGS,
    )
    fill(scene.store, [CreateApi(an_api()), CreateClient(client)])
    return scene


def use_case(scene: SignedIn) -> Authorize:
    return Authorize(scene.store, scene.keys, GivenKeys(), scene.policy, scene.clock)


def ask(scene: SignedIn, cookie: Secret[str] | None = COOKIE, **changes: str) -> AuthorizeOutcome:
    sent = {
        "client_id": "third",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid orders:read",
        "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    } | changes
    return asyncio.run(use_case(scene).start(sent, browser_secret=cookie, address="192.0.2.1"))


def answer(
    scene: SignedIn, ticket: str, cookie: Secret[str] | None = COOKIE, *, allow: bool = True
) -> AuthorizeOutcome:
    return asyncio.run(
        use_case(scene).consent(ticket, allow=allow, browser_secret=cookie, address="192.0.2.1")
    )


def resume(scene: SignedIn, ticket: str, cookie: Secret[str] | None = COOKIE) -> AuthorizeOutcome:
    return asyncio.run(use_case(scene).resume(ticket, browser_secret=cookie, address="192.0.2.1"))


def consent_page(scene: SignedIn, **changes: str) -> NeedsConsent:
    outcome = ask(scene, COOKIE, **changes)
    assert isinstance(outcome, NeedsConsent)
    return outcome


def parameters_of(outcome: AuthorizeOutcome) -> dict[str, Any]:
    assert isinstance(outcome, AuthorizationResponse)
    return dict(outcome.parameters)


# --- consent --------------------------------------------------------------------------------------


def test_yes_on_the_page_that_was_shown_gives_a_code(scene: SignedIn) -> None:
    page = consent_page(scene)
    assert page.user.username == "ming"
    parameters = parameters_of(answer(scene, page.ticket))
    assert "code" in parameters
    assert parameters["state"] == "s"
    assert parameters["iss"] == scene.policy.issuer


def test_a_yes_is_remembered(scene: SignedIn) -> None:
    answer(scene, consent_page(scene).ticket)
    assert "code" in parameters_of(ask(scene))


def test_no_tells_the_client_that_access_is_denied(scene: SignedIn) -> None:
    parameters = parameters_of(answer(scene, consent_page(scene).ticket, allow=False))
    assert parameters["error"] == "access_denied"
    assert "code" not in parameters


@pytest.mark.parametrize("allow", [True, False])
def test_an_answer_after_a_change_of_accounts_is_a_question_to_the_new_one(
    scene: SignedIn, allow: bool
) -> None:
    """Ming is shown the page; wei logs in by another tab; the button of ming's page is pressed."""
    page = consent_page(scene)
    scene.sign_in(WEIS_COOKIE, "wei")
    asked_again = answer(scene, page.ticket, WEIS_COOKIE, allow=allow)
    assert isinstance(asked_again, NeedsConsent)
    assert asked_again.user.username == "wei"
    assert isinstance(ask(scene, WEIS_COOKIE), NeedsConsent)  # and nothing was remembered for wei
    assert "code" in parameters_of(answer(scene, asked_again.ticket, WEIS_COOKIE))


def test_a_yes_without_a_browser_session_asks_for_a_login(scene: SignedIn) -> None:
    page = consent_page(scene)
    assert isinstance(answer(scene, page.ticket, None), NeedsLogin)
    scene.end_browser()
    assert isinstance(answer(scene, page.ticket), NeedsLogin)


def test_a_login_page_cannot_be_answered_with_a_yes(scene: SignedIn) -> None:
    page = ask(scene, None)
    assert isinstance(page, NeedsLogin)
    assert isinstance(answer(scene, page.ticket), NeedsConsent)


# --- tickets --------------------------------------------------------------------------------------


def test_a_request_goes_on_after_the_login_as_it_was(scene: SignedIn) -> None:
    page = ask(scene, None, state="what the client knows")
    assert isinstance(page, NeedsLogin)
    asked = resume(scene, page.ticket)
    assert isinstance(asked, NeedsConsent)
    assert parameters_of(answer(scene, asked.ticket))["state"] == "what the client knows"


def test_a_ticket_is_over_after_an_hour(scene: SignedIn) -> None:
    page = consent_page(scene)
    scene.now = float(NOW + TICKET_SECONDS)
    for outcome in (resume(scene, page.ticket), answer(scene, page.ticket)):
        assert isinstance(outcome, PageRefusal)
        assert outcome.refusal.reason == "ticket_over"


def test_a_ticket_that_was_changed_is_refused_and_never_redirects(scene: SignedIn) -> None:
    ticket = consent_page(scene).ticket
    changed = ticket[:-2] + ("AA" if ticket[-2:] != "AA" else "BB")
    for text in (changed, "", "x", ticket + "x"):
        assert isinstance(resume(scene, text), PageRefusal)
        assert isinstance(answer(scene, text), PageRefusal)


def test_a_login_that_is_cancelled_tells_the_client(scene: SignedIn) -> None:
    page = ask(scene, None)
    assert isinstance(page, NeedsLogin)
    outcome = asyncio.run(use_case(scene).cancel(page.ticket))
    assert parameters_of(outcome)["error"] == "access_denied"


# --- hints ----------------------------------------------------------------------------------------


def test_a_hint_at_the_user_who_is_logged_in_changes_nothing(scene: SignedIn) -> None:
    page = ask(scene, id_token_hint=scene.id_token())
    assert isinstance(page, NeedsConsent)


def test_a_hint_at_somebody_else_asks_for_a_login_or_fails_without_one(scene: SignedIn) -> None:
    scene.sign_in(WEIS_COOKIE, "wei")
    hint = scene.id_token()
    assert isinstance(ask(scene, WEIS_COOKIE, id_token_hint=hint), NeedsLogin)
    silent = ask(scene, WEIS_COOKIE, id_token_hint=hint, prompt="none")
    assert parameters_of(silent)["error"] == "login_required"


def test_a_hint_that_this_issuer_never_signed_names_nobody(scene: SignedIn) -> None:
    silent = ask(scene, id_token_hint="e30.e30.AAAA", prompt="none")
    assert parameters_of(silent)["error"] == "login_required"
