"""/authorize, /signin and /consent, as a browser goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.support.house import FORM, ISSUER, PEER
from tests.support.page_house import PAYMENT, REDIRECT, PageHouse, Shown, Visitor
from tests.support.stores import run

from lingpai_server.core.effects import SetAccountStatus
from lingpai_server.core.records import AccountStatus

FOREIGN = (("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"))


@pytest.fixture
def house() -> Iterator[PageHouse]:
    made = PageHouse()
    yield made
    made.close()


@pytest.fixture
def visitor(house: PageHouse) -> Visitor:
    return Visitor(house)


def at_consent(house: PageHouse, visitor: Visitor, **parameters: str) -> Shown:
    return visitor.sign_in(visitor.get(house.authorize_url(**parameters)))


def labels(shown: Shown) -> dict[str | None, str | None]:
    inputs = {values.get("id"): values for tag, values in shown.tags if tag == "input"}
    labelled = [values.get("for") for tag, values in shown.tags if tag == "label"]
    return {name: inputs[name].get("autocomplete") for name in labelled}


# --- the way -----------------------------------------------------------------------------------


def test_login_and_consent_lead_back_to_the_client(house: PageHouse, visitor: Visitor) -> None:
    """RFC 6749 section 4.1.2, RFC 9207."""
    answer = visitor.submit(at_consent(house, visitor), "allow")
    assert answer.status == 303
    assert answer.location.startswith(REDIRECT + "?")
    assert answer.answered["state"] == "the state"
    assert answer.answered["iss"] == ISSUER
    assert answer.answered["code"].startswith("lp_ac_")


def test_client_of_the_house_needs_no_consent(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url("own"))
    answer = visitor.sign_in(login)
    assert answer.location.startswith(REDIRECT + "?code=")


def test_login_page_says_which_app_asks(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url())
    assert login.status == 200
    assert "to continue to <bdi>Corner Shop</bdi>" in login.text


def test_fields_are_labelled_and_known_to_password_managers(
    house: PageHouse, visitor: Visitor
) -> None:
    """WCAG 2.2, 1.3.5 and 3.3.2."""
    found = labels(visitor.get(house.authorize_url()))
    assert found["username"] == "username"
    assert found["password"] == "current-password"


def test_hint_of_the_client_is_filled_in(house: PageHouse, visitor: Visitor) -> None:
    """OpenID Connect Core section 3.1.2.1, `login_hint`."""
    login = visitor.get(house.authorize_url(login_hint='mei"><b>'))
    assert login.form.fields["username"] == 'mei"><b>'


def test_second_client_finds_the_user_logged_in(house: PageHouse, visitor: Visitor) -> None:
    visitor.sign_in(visitor.get(house.authorize_url("own")))
    assert visitor.get(house.authorize_url("own")).status == 303


def test_consent_is_remembered(house: PageHouse, visitor: Visitor) -> None:
    visitor.submit(at_consent(house, visitor), "allow")
    assert "code" in visitor.get(house.authorize_url()).answered


def test_denied_consent_is_told_to_the_client(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(at_consent(house, visitor), "deny")
    assert answer.answered["error"] == "access_denied"


def test_cancelled_login_is_told_to_the_client(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(visitor.get(house.authorize_url()), "cancel")
    assert answer.status == 303
    assert answer.answered["error"] == "access_denied"
    assert visitor.cookie is None


def test_consent_tells_scopes_in_words(house: PageHouse, visitor: Visitor) -> None:
    consent = at_consent(house, visitor, scope="openid email orders:read orders:purge")
    for text in ("Corner Shop", "See your email address", "See your orders", "orders:purge", "mei"):
        assert text in consent.text
    assert "your password" in consent.text


def test_consent_tells_details(house: PageHouse, visitor: Visitor) -> None:
    """RFC 9396 section 2."""
    details = f'[{{"type": "{PAYMENT}", "amount": "12.50"}}]'
    consent = at_consent(house, visitor, authorization_details=details)
    assert "12.50" in consent.text


def test_user_may_take_another_account(house: PageHouse, visitor: Visitor) -> None:
    consent = at_consent(house, visitor)
    (other,) = [link for link in consent.links if "other=" in link]
    login = visitor.get(other)
    assert login.form.action == "/signin"
    assert "password" in login.form.fields


def test_form_post_answers_by_a_form(house: PageHouse, visitor: Visitor) -> None:
    """OAuth 2.0 Form Post Response Mode section 2."""
    answer = visitor.submit(at_consent(house, visitor, response_mode="form_post"), "allow")
    assert answer.status == 200
    assert answer.form.action == REDIRECT
    assert set(answer.form.fields) >= {"code", "state", "iss"}
    assert "script-src 'self'" in (answer.reply.header("content-security-policy") or "")
    assert answer.reply.header("referrer-policy") == "strict-origin"


# --- reload and back ---------------------------------------------------------------------------


def test_page_after_a_login_can_be_loaded_again(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url())
    typed = {"username": "mei", "password": "correct horse battery staple"}
    answer = visitor.submit(login, "signin", **typed)
    assert answer.status == 303
    first, again = visitor.get(answer.location), visitor.get(answer.location)
    assert first.form.action == again.form.action == "/consent"


def test_going_back_to_the_login_page_goes_on_with_the_session(
    house: PageHouse, visitor: Visitor
) -> None:
    consent = at_consent(house, visitor)
    assert visitor.get(house.authorize_url()).form.action == consent.form.action


def test_form_is_answered_by_get_alone(house: PageHouse, visitor: Visitor) -> None:
    """RFC 9700 section 4.12: 303, never 307."""
    typed = {"username": "mei", "password": "correct horse battery staple"}
    login = visitor.get(house.authorize_url("own"))
    assert visitor.submit(login, "signin", **typed).status == 303


@pytest.mark.parametrize("path", ["/signin", "/consent", "/signin?ticket=nonsense"])
def test_page_that_was_never_asked_for_says_so(visitor: Visitor, path: str) -> None:
    shown = visitor.get(path)
    assert shown.status == 400
    assert "no longer valid" in shown.text


def test_ticket_that_has_waited_for_too_long_is_not_taken(
    house: PageHouse, visitor: Visitor
) -> None:
    login = visitor.get(house.authorize_url())
    house.now += 3600
    shown = visitor.get("/signin?" + urlencode({"ticket": login.form.fields["ticket"]}))
    assert shown.status == 400
    assert "no longer valid" in shown.text


def test_consent_of_somebody_who_has_logged_out_meanwhile_asks_for_a_login(
    house: PageHouse, visitor: Visitor
) -> None:
    consent = at_consent(house, visitor)
    visitor.cookie = None
    answer = visitor.submit(consent, "allow")
    assert answer.status == 303
    assert "password" in visitor.get(answer.location).form.fields


# --- logins that fail --------------------------------------------------------------------------


def test_wrong_password_is_said_on_the_page(house: PageHouse, visitor: Visitor) -> None:
    shown = visitor.sign_in(visitor.get(house.authorize_url()), "wrong", remember="yes")
    assert shown.status == 403
    assert 'role="alert"' in shown.text
    assert "The username or the password is wrong" in shown.text
    assert shown.form.fields["username"] == "mei"
    assert shown.form.fields["password"] == ""
    assert "checked" in shown.text
    assert visitor.cookie is None


def test_page_after_a_mistake_still_leads_on(house: PageHouse, visitor: Visitor) -> None:
    shown = visitor.sign_in(visitor.get(house.authorize_url()), "wrong")
    assert visitor.sign_in(shown).form.action == "/consent"


def test_page_does_not_tell_whether_a_user_exists(house: PageHouse, visitor: Visitor) -> None:
    """ASVS 5.0 requirement 6.3.8; nor whether an account is locked."""
    login = visitor.get(house.authorize_url())
    answers = [
        visitor.sign_in(login, "wrong", username=name) for name in ("mei", "nobody", "\u200b", "")
    ]
    run(house.store.apply([SetAccountStatus("id-of-mei", AccountStatus.LOCKED)]))
    answers.append(visitor.sign_in(login))
    shown = {
        answer.text.replace(f'value="{answer.form.fields["username"]}"', "").replace(
            answer.form.fields["ticket"], ""
        )
        for answer in answers
    }
    assert {answer.status for answer in answers} == {403}
    assert len({len(text.replace(" autofocus", "")) for text in shown}) == 1


def test_too_many_attempts_are_told_with_the_time_to_wait(
    house: PageHouse, visitor: Visitor
) -> None:
    login = visitor.get(house.authorize_url())
    for _ in range(6):
        visitor.sign_in(login, "wrong")
    shown = visitor.sign_in(login)
    assert shown.status == 429
    assert shown.reply.header("retry-after") is not None
    assert "Try again in" in shown.text


def test_failed_login_does_not_go_on_as_somebody_else(house: PageHouse, visitor: Visitor) -> None:
    """A session that the browser has already is not what was typed for."""
    login = visitor.get(house.authorize_url("own"))
    visitor.sign_in(visitor.get(house.authorize_url("own")))
    shown = visitor.sign_in(login, "wrong", username="wei")
    assert shown.status == 403
    assert shown.form.action == "/signin"


# --- the cookie --------------------------------------------------------------------------------


def cookie_of(house: PageHouse, visitor: Visitor, **typed: str) -> str:
    typed = {"username": "mei", "password": "correct horse battery staple"} | typed
    login = visitor.get(house.authorize_url(prompt="login"))
    answer = visitor.submit(login, "signin", **typed)
    return answer.reply.header("set-cookie") or ""


def test_cookie_is_out_of_reach_of_scripts_and_other_hosts(
    house: PageHouse, visitor: Visitor
) -> None:
    """ASVS 5.0 requirements 3.3.1 to 3.3.4."""
    name, _, rest = cookie_of(house, visitor).partition("=")
    assert name == "__Host-lingpai-session"
    assert rest.split("; ")[1:] == ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"]


def test_cookie_outlives_the_browser_only_if_the_user_says_so(
    house: PageHouse, visitor: Visitor
) -> None:
    assert "Max-Age" not in cookie_of(house, visitor)
    assert "Max-Age=7776000" in cookie_of(house, visitor, remember="yes")


def test_login_replaces_the_session_that_the_browser_had(
    house: PageHouse, visitor: Visitor
) -> None:
    visitor.cookie = "planted"
    at_consent(house, visitor)
    assert visitor.cookie not in {None, "planted"}


def test_cookie_that_comes_twice_is_refused(house: PageHouse, visitor: Visitor) -> None:
    visitor.cookie = "one; __Host-lingpai-session=two"
    shown = visitor.get(house.authorize_url())
    assert shown.status == 400
    assert "<h1>" in shown.text


# --- other sites -------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [FOREIGN, (), (("origin", "null"),)])
@pytest.mark.parametrize("path", ["/signin", "/consent", "/device"])
def test_form_of_another_site_is_refused(
    house: PageHouse, visitor: Visitor, path: str, headers: tuple[tuple[str, str], ...]
) -> None:
    """Login CSRF too: nobody may be logged in to an account of the attacker's choice."""
    login = visitor.get(house.authorize_url())
    typed = {"username": "mei", "password": "correct horse battery staple", "action": "allow"}
    fields = {**login.form.fields, "user_code": "WDJB-MJHT", **typed}
    shown = visitor.post(path, fields, headers)
    assert shown.status == 403
    assert "did not come from our own page" in shown.text
    assert shown.reply.header("set-cookie") is None


def test_form_of_a_sibling_host_is_refused(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url())
    sibling = (("origin", "https://other.example"), ("sec-fetch-site", "same-site"))
    assert visitor.post("/signin", login.form.fields, sibling).status == 403


def posted(house: PageHouse, visitor: Visitor, **parameters: str) -> Shown:
    sent = dict(parse_qs(urlsplit(house.authorize_url(**parameters)).query))
    fields = {name: values[0] for name, values in sent.items()}
    cookie, visitor.cookie = visitor.cookie, None  # SameSite=Lax
    answer = visitor.post("/authorize", fields, FOREIGN)
    visitor.cookie = cookie
    return answer


def test_request_that_is_posted_comes_again_by_get(house: PageHouse, visitor: Visitor) -> None:
    """OpenID Connect Core section 3.1.2.1: both methods."""
    answer = posted(house, visitor)
    assert answer.status == 303
    assert answer.location.startswith("/authorize?")
    assert "shop.example" not in answer.location
    assert visitor.get(answer.location).form.action == "/signin"


def test_request_that_is_posted_finds_the_session(house: PageHouse, visitor: Visitor) -> None:
    """The cookie is SameSite=Lax: the post comes without it, and what follows brings it."""
    visitor.sign_in(visitor.get(house.authorize_url("own")))
    answer = posted(house, visitor, client_id="own", prompt="none")
    assert "code" in visitor.get(answer.location).answered


def test_request_that_was_posted_waits_ten_minutes(house: PageHouse, visitor: Visitor) -> None:
    answer = posted(house, visitor)
    house.now += 600
    assert visitor.get(answer.location).status == 400


def test_request_that_would_get_lost_in_an_address_is_refused(
    house: PageHouse, visitor: Visitor
) -> None:
    answer = posted(house, visitor, state="x" * 20_000)
    assert answer.status == 400
    assert "push it instead" in answer.text


# --- languages ---------------------------------------------------------------------------------


def test_page_speaks_the_language_of_the_browser(house: PageHouse) -> None:
    login = Visitor(house, "zh-CN,zh;q=0.9,en;q=0.8").get(house.authorize_url())
    assert '<html lang="zh-CN">' in login.text
    assert "登录" in login.text


def test_page_speaks_the_language_that_the_client_asks_for(
    house: PageHouse, visitor: Visitor
) -> None:
    login = visitor.get(house.authorize_url(ui_locales="fr zh-Hans"))
    assert '<html lang="zh-CN">' in login.text
    consent = visitor.sign_in(login)
    assert "查看您的订单" in consent.text


def test_language_chosen_on_the_page_lasts(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url())
    (switch,) = login.links
    chosen = visitor.get(switch)
    assert '<html lang="zh-CN">' in chosen.text
    assert '<html lang="zh-CN">' in visitor.sign_in(chosen, "wrong").text
    assert '<html lang="zh-CN">' in visitor.sign_in(chosen).text


# --- what cannot be answered -------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": REDIRECT + "?more"},
    ],
)
def test_error_before_client_and_redirect_are_known_stays_here(
    house: PageHouse, visitor: Visitor, changed: dict[str, str]
) -> None:
    """RFC 6749 section 4.1.2.1; RFC 9700 section 4.11: no open redirector."""
    shown = visitor.get(house.authorize_url(**changed))
    assert shown.status == 400
    assert shown.reply.header("location") is None
    assert "This request cannot be answered" in shown.text


def test_parameter_that_is_repeated_stays_here(house: PageHouse, visitor: Visitor) -> None:
    """RFC 6749 section 3.1."""
    shown = visitor.get(house.authorize_url() + "&state=another")
    assert shown.status == 400
    assert "more than once" in shown.text


def test_unreadable_request_is_answered_by_a_page_in_the_users_language(house: PageHouse) -> None:
    headers = (("accept-language", "zh"), ("content-type", "text/plain"))
    shown = Shown(house.ask("POST", "/authorize", headers, b"x"))
    assert shown.status == 415
    assert '<html lang="zh-CN">' in shown.text


def test_body_that_is_too_long_is_answered_by_a_page(house: PageHouse) -> None:
    shown = Shown(house.ask("POST", "/authorize", (FORM,), b"x" * 70_000, peer=PEER))
    assert shown.status == 413
    assert "<h1>" in shown.text


# --- headers -----------------------------------------------------------------------------------


def test_page_is_framed_by_nobody_and_runs_nothing(house: PageHouse, visitor: Visitor) -> None:
    """RFC 9700 section 4.16, ASVS 5.0 section 3.4."""
    reply = visitor.get(house.authorize_url()).reply
    policy = reply.header("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert reply.header("x-frame-options") == "DENY"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("cross-origin-opener-policy") == "same-origin"
    assert reply.header("referrer-policy") == "same-origin"
    assert reply.header("cache-control") == "no-store"
    assert (reply.header("strict-transport-security") or "").startswith("max-age=63072000")


def test_client_never_hears_the_address_of_a_page(house: PageHouse, visitor: Visitor) -> None:
    """RFC 9700 section 4.2: the redirect carries no referrer."""
    answer = visitor.submit(at_consent(house, visitor), "allow")
    assert answer.reply.header("referrer-policy") == "no-referrer"


def test_assets_are_kept_for_ever(house: PageHouse, visitor: Visitor) -> None:
    login = visitor.get(house.authorize_url())
    (stylesheet,) = [
        values["href"] or ""
        for tag, values in login.tags
        if tag == "link" and values["rel"] == "stylesheet"
    ]
    reply = visitor.get(stylesheet).reply
    assert reply.status == 200
    assert reply.header("content-type") == "text/css; charset=utf-8"
    assert reply.header("cache-control") == "public, max-age=31536000, immutable"


def test_issuer_with_a_path_has_its_pages_below_it() -> None:
    house = PageHouse("https://id.example/tenant")
    visitor = Visitor(house)
    origin = (("origin", "https://id.example"), ("sec-fetch-site", "same-origin"))
    login = visitor.get("/tenant" + house.authorize_url("own"))
    assert login.form.action == "/tenant/signin"
    typed = {"username": "mei", "password": "correct horse battery staple"}
    answer = visitor.post(login.form.action, {**login.form.fields, **typed}, origin)
    assert answer.location.startswith("/tenant/signin?")
    assert visitor.get(answer.location).location.startswith(REDIRECT)
    house.close()
