"""Logging out at the issuer, asked for by a client (RP-Initiated Logout 1.0).

The tests of the first part are named for the modules of the OpenID Foundation's conformance suite.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.support.signed_in import AFTERWARDS, COOKIE, SETTINGS, SignedIn
from tests.support.stores import NOW, fill

from lingpai.jose import base64url
from lingpai_server.app.end_session import EndSession
from lingpai_server.core.client_settings import SubjectType
from lingpai_server.core.effects import SetClientDisabled
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.outcomes import PageRefusal
from lingpai_server.protocol.end_session import (
    AskToConfirm,
    ComeByGet,
    EndSessionOutcome,
    LoggedOutPage,
    PostLogoutRedirect,
)

OTHER_COOKIE = Secret("the cookie of another browser")


@pytest.fixture
def scene() -> SignedIn:
    return SignedIn()


def use_case(scene: SignedIn) -> EndSession:
    return EndSession(scene.store, scene.keys, scene.policy, scene.clock)


def ask(
    scene: SignedIn, cookie: Secret[str] | None = COOKIE, *, posted: bool = False, **sent: str
) -> EndSessionOutcome:
    return asyncio.run(
        use_case(scene).start(sent, browser_secret=cookie, address="192.0.2.1", posted=posted)
    )


def confirm(
    scene: SignedIn, outcome: EndSessionOutcome, cookie: Secret[str] | None = COOKIE
) -> EndSessionOutcome:
    assert isinstance(outcome, AskToConfirm)
    return asyncio.run(
        use_case(scene).confirm(outcome.ticket, browser_secret=cookie, address="192.0.2.1")
    )


def assert_refused(scene: SignedIn, outcome: EndSessionOutcome, reason: str) -> None:
    """A page that says so, no redirect, and nobody was logged out."""
    assert isinstance(outcome, PageRefusal)
    assert outcome.refusal.reason == reason
    assert scene.is_signed_in()


# --- the ten modules ------------------------------------------------------------------------------


def test_rp_initiated_logout(scene: SignedIn) -> None:
    outcome = ask(
        scene, id_token_hint=scene.id_token(), post_logout_redirect_uri=AFTERWARDS, state="a b&c"
    )
    assert outcome == PostLogoutRedirect(f"{AFTERWARDS}?state=a+b%26c")
    assert not scene.is_signed_in()


def test_bad_post_logout_redirect_uri(scene: SignedIn) -> None:
    hint = scene.id_token()
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri="https://evil.example/bye")
    assert_refused(scene, outcome, "post_logout_redirect_uri_not_registered")


def test_modified_id_token_hint(scene: SignedIn) -> None:
    header, payload, signature = scene.id_token().split(".")
    altered = base64url.encode(base64url.decode(payload).replace(b"ming", b"wei!"))
    hint = f"{header}.{altered}.{signature}"
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)
    assert_refused(scene, outcome, "id_token_hint_invalid")


@pytest.mark.parametrize("kind", ["text", "unsigned"])
def test_bad_id_token_hint(scene: SignedIn, kind: str) -> None:
    _, payload, _ = scene.id_token().split(".")
    header = base64url.encode(b'{"alg":"none","typ":"JWT"}')
    unsigned = f"{header}.{payload}."
    hint = unsigned if kind == "unsigned" else "what.is.this"
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)
    assert_refused(scene, outcome, "id_token_hint_invalid")


def test_no_id_token_hint(scene: SignedIn) -> None:
    outcome = ask(scene, post_logout_redirect_uri=AFTERWARDS, state="a")
    assert isinstance(outcome, AskToConfirm)
    assert scene.is_signed_in()
    assert confirm(scene, outcome) == LoggedOutPage(None)  # no client vouches for the URI
    assert not scene.is_signed_in()


def test_no_params(scene: SignedIn) -> None:
    outcome = ask(scene)
    assert isinstance(outcome, AskToConfirm)
    assert confirm(scene, outcome) == LoggedOutPage(None)
    assert not scene.is_signed_in()


def test_no_post_logout_redirect_uri(scene: SignedIn) -> None:
    outcome = ask(scene, id_token_hint=scene.id_token(), state="a")
    assert outcome == LoggedOutPage(scene.client)
    assert not scene.is_signed_in()


def test_no_state(scene: SignedIn) -> None:
    outcome = ask(scene, id_token_hint=scene.id_token(), post_logout_redirect_uri=AFTERWARDS)
    assert outcome == PostLogoutRedirect(AFTERWARDS)


def test_only_state(scene: SignedIn) -> None:
    assert confirm(scene, ask(scene, state="a")) == LoggedOutPage(None)
    assert not scene.is_signed_in()


def test_query_added_to_post_logout_redirect_uri(scene: SignedIn) -> None:
    uri = f"{AFTERWARDS}?foo=bar"
    outcome = ask(scene, id_token_hint=scene.id_token(), post_logout_redirect_uri=uri)
    assert_refused(scene, outcome, "post_logout_redirect_uri_not_registered")


# --- what the hint has to show --------------------------------------------------------------------


def test_expired_hint_is_as_good_as_a_new_one(scene: SignedIn) -> None:  # section 2
    scene.now = NOW + 900
    assert isinstance(ask(scene, id_token_hint=scene.id_token()), LoggedOutPage)


def test_hint_of_another_client_is_refused(scene: SignedIn) -> None:  # section 2
    outcome = ask(scene, id_token_hint=scene.id_token(), client_id="other")
    assert_refused(scene, outcome, "id_token_hint_of_another_client")


def test_access_token_is_no_hint(scene: SignedIn) -> None:
    claims = {"iss": "https://id.example", "sub": "id-of-ming", "aud": "app", "exp": NOW}
    claims |= {"auth_time": NOW, "sid": "session-1"}
    raw = asyncio.run(scene.keys.sign(claims, algorithm="RS256", audience="app", typ="at+jwt"))
    assert_refused(scene, ask(scene, id_token_hint=raw), "id_token_hint_invalid")


def test_hint_of_another_users_login_asks_first(scene: SignedIn) -> None:
    other = scene.visit("session-of-wei", scene.sign_in(OTHER_COOKIE, "wei"))
    hint = scene.id_token(other)
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)
    assert isinstance(outcome, AskToConfirm)
    assert scene.is_signed_in()
    assert confirm(scene, outcome) == PostLogoutRedirect(AFTERWARDS)


def test_hint_of_an_older_login_of_the_same_user_will_do(scene: SignedIn) -> None:
    older = replace(scene.session, session_id="gone long ago")
    assert isinstance(ask(scene, id_token_hint=scene.id_token(older)), LoggedOutPage)
    assert not scene.is_signed_in()


def test_hint_of_an_older_login_of_another_user_asks_first(scene: SignedIn) -> None:
    older = replace(scene.session, session_id="gone long ago", user_id="id-of-wei")
    assert isinstance(ask(scene, id_token_hint=scene.id_token(older)), AskToConfirm)
    assert scene.is_signed_in()


def test_hint_with_a_pairwise_subject_is_understood() -> None:  # Core section 8.1
    scene = SignedIn(replace(SETTINGS, subject_type=SubjectType.PAIRWISE))
    older = replace(scene.session, session_id="gone long ago")
    assert isinstance(ask(scene, id_token_hint=scene.id_token(older)), LoggedOutPage)


def test_logout_ends_this_browser_and_no_other(scene: SignedIn) -> None:
    scene.visit("elsewhere", scene.sign_in(OTHER_COOKIE))
    ask(scene, id_token_hint=scene.id_token())
    assert not scene.is_signed_in(COOKIE)
    assert scene.is_signed_in(OTHER_COOKIE)


# --- clients --------------------------------------------------------------------------------------


def test_client_id_without_a_hint_asks_and_then_goes_back(scene: SignedIn) -> None:
    outcome = ask(scene, client_id="app", post_logout_redirect_uri=AFTERWARDS, state="s")
    assert isinstance(outcome, AskToConfirm)
    assert outcome.client == scene.client
    assert confirm(scene, outcome) == PostLogoutRedirect(f"{AFTERWARDS}?state=s")


def test_unknown_client_is_refused(scene: SignedIn) -> None:
    assert_refused(scene, ask(scene, client_id="nobody"), "client_unknown")


def test_uri_of_another_client_is_refused(scene: SignedIn) -> None:
    outcome = ask(scene, client_id="other", post_logout_redirect_uri=AFTERWARDS)
    assert_refused(scene, outcome, "post_logout_redirect_uri_not_registered")


def test_disabled_client_logs_out_but_is_not_gone_back_to(scene: SignedIn) -> None:
    hint = scene.id_token()
    fill(scene.store, [SetClientDisabled("app", disabled=True)])
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)
    assert_refused(scene, outcome, "post_logout_redirect_uri_not_registered")
    assert isinstance(ask(scene, id_token_hint=hint), LoggedOutPage)


def test_registered_uri_with_a_query_keeps_it() -> None:
    uri = f"{AFTERWARDS}?a=1"
    scene = SignedIn(replace(SETTINGS, post_logout_redirect_uris=(uri,)))
    hint = scene.id_token()
    outcome = ask(scene, id_token_hint=hint, post_logout_redirect_uri=uri, state="s")
    assert outcome == PostLogoutRedirect(f"{uri}&state=s")


def test_state_without_measure_is_refused(scene: SignedIn) -> None:
    assert_refused(scene, ask(scene, state="s" * 2049), "state_too_long")


# --- browsers -------------------------------------------------------------------------------------


def test_who_is_not_logged_in_is_logged_out_already(scene: SignedIn) -> None:
    for cookie in (None, OTHER_COOKIE):
        outcome = ask(scene, cookie, client_id="app", post_logout_redirect_uri=AFTERWARDS)
        assert outcome == PostLogoutRedirect(AFTERWARDS)
        assert ask(scene, cookie) == LoggedOutPage(None)


def test_browser_session_past_its_deadline_is_over(scene: SignedIn) -> None:
    scene.now = NOW + 1_000
    assert ask(scene) == LoggedOutPage(None)


def test_confirmation_of_another_browser_asks_again(scene: SignedIn) -> None:
    """An attacker may have the page, with its ticket, opened in the browser of a victim."""
    scene.sign_in(OTHER_COOKIE, "wei")
    outcome = ask(scene, OTHER_COOKIE)
    assert isinstance(confirm(scene, outcome, COOKIE), AskToConfirm)
    assert scene.is_signed_in()


@pytest.mark.parametrize("seconds", [3600, 99999])
def test_confirmation_page_does_not_wait_for_ever(scene: SignedIn, seconds: int) -> None:
    outcome = ask(scene)
    scene.now = NOW + seconds
    assert_refused(scene, confirm(scene, outcome), "logout_ticket_invalid")


def test_ticket_that_was_not_sealed_here_is_refused(scene: SignedIn) -> None:
    assert_refused(scene, confirm(scene, AskToConfirm("made up", None)), "logout_ticket_invalid")


def test_post_without_a_cookie_comes_again_by_get(scene: SignedIn) -> None:
    """A page of another site cannot send the cookie along by POST, being SameSite=Lax."""
    hint = scene.id_token()
    outcome = ask(scene, None, posted=True, id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)
    assert isinstance(outcome, ComeByGet)
    resumed = use_case(scene).resume(outcome.ticket, browser_secret=COOKIE, address=None)
    assert asyncio.run(resumed) == PostLogoutRedirect(AFTERWARDS)
    assert not scene.is_signed_in()


def test_ticket_of_a_post_confirms_nothing(scene: SignedIn) -> None:
    outcome = ask(scene, None, posted=True)
    assert isinstance(outcome, ComeByGet)
    answer = confirm(scene, AskToConfirm(outcome.ticket, None))
    assert_refused(scene, answer, "logout_ticket_invalid")


def test_post_with_the_cookie_is_answered_at_once(scene: SignedIn) -> None:
    assert isinstance(ask(scene, posted=True, id_token_hint=scene.id_token()), LoggedOutPage)


def test_logout_is_recorded(scene: SignedIn) -> None:
    ask(scene, id_token_hint=scene.id_token())
    (_, event) = asyncio.run(scene.store.load_events(0, 100))[-1]
    assert (event.kind, event.user_id, event.client_id) == (
        "browser.signed_out",
        "id-of-ming",
        "app",
    )
    assert (event.session_id, event.address) == ("session-1", "192.0.2.1")


def test_languages_are_passed_on(scene: SignedIn) -> None:
    outcome = ask(scene, ui_locales="zh-CN en")
    assert isinstance(outcome, AskToConfirm)
    assert outcome.ui_locales == ("zh-CN", "en")
    refused = ask(scene, ui_locales="zh-CN", client_id="nobody")
    assert isinstance(refused, PageRefusal)
    assert refused.ui_locales == ("zh-CN",)
