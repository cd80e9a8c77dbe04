"""/end-session, as a browser comes to it (RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from tests.support.page_house import AFTERWARDS, PageHouse, Shown, Visitor

FOREIGN = (("origin", "https://shop.example"), ("sec-fetch-site", "cross-site"))
BACK = {"client_id": "shop", "post_logout_redirect_uri": AFTERWARDS, "state": "s"}


@pytest.fixture
def house() -> Iterator[PageHouse]:
    made = PageHouse()
    yield made
    made.close()


@pytest.fixture
def visitor(house: PageHouse) -> Visitor:
    made = Visitor(house)
    made.sign_in(made.get(house.authorize_url()))
    assert made.cookie is not None
    return made


def asked(visitor: Visitor, **parameters: str) -> Shown:
    return visitor.get("/end-session?" + urlencode(parameters))


def is_signed_in(house: PageHouse, visitor: Visitor) -> bool:
    return visitor.get(house.authorize_url()).form.action == "/consent"


def test_user_is_asked_first(house: PageHouse, visitor: Visitor) -> None:
    shown = asked(visitor, **BACK)
    assert shown.status == 200
    assert "<bdi>Corner Shop</bdi> asks whether you want to sign out" in shown.text
    assert is_signed_in(house, visitor)


def test_yes_signs_out_and_goes_back(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(asked(visitor, **BACK), "confirm")
    assert answer.status == 303
    assert answer.location == f"{AFTERWARDS}?state=s"
    assert visitor.cookie is None


def test_yes_without_a_way_back_says_that_it_is_done(visitor: Visitor) -> None:
    answer = visitor.submit(asked(visitor), "confirm")
    assert answer.status == 303
    assert visitor.cookie is None
    assert "You are signed out" in visitor.get(answer.location).text


def test_browser_is_signed_out_for_all_that_still_know_its_cookie(
    house: PageHouse, visitor: Visitor
) -> None:
    """ASVS 5.0 requirement 7.4.1."""
    kept = visitor.cookie
    visitor.submit(asked(visitor, **BACK), "confirm")
    visitor.cookie = kept
    assert not is_signed_in(house, visitor)


def test_no_changes_nothing(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(asked(visitor, **BACK), "stay")
    assert "You are still signed in" in answer.text
    assert is_signed_in(house, visitor)


def test_confirmation_from_another_site_is_refused(house: PageHouse, visitor: Visitor) -> None:
    """Logout CSRF."""
    question = asked(visitor, **BACK)
    fields = {**question.form.fields, "action": "confirm"}
    assert visitor.post("/end-session", fields, FOREIGN).status == 403
    assert is_signed_in(house, visitor)


def test_request_that_a_client_posts_comes_again_by_get(house: PageHouse, visitor: Visitor) -> None:
    """RP-Initiated Logout section 2: both methods; the cookie is SameSite=Lax."""
    cookie, visitor.cookie = visitor.cookie, None
    answer = visitor.post("/end-session", BACK, FOREIGN)
    assert answer.status == 303
    visitor.cookie = cookie
    question = visitor.get(answer.location)
    assert visitor.submit(question, "confirm").location == f"{AFTERWARDS}?state=s"


def test_redirect_that_is_not_registered_stays_here(visitor: Visitor) -> None:
    sent = BACK | {"post_logout_redirect_uri": "https://evil.example/"}
    shown = asked(visitor, **sent)
    assert shown.status == 400
    assert shown.reply.header("location") is None


def test_client_chooses_the_language(visitor: Visitor) -> None:
    shown = asked(visitor, ui_locales="zh-CN")
    assert '<html lang="zh-CN">' in shown.text
    done = visitor.get(visitor.submit(shown, "confirm").location)
    assert "您已退出登录" in done.text


def test_nobody_to_sign_out_is_done_already(house: PageHouse) -> None:
    shown = asked(Visitor(house))
    assert shown.status == 200
    assert "You are signed out" in shown.text
