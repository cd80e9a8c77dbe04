"""/device: a person with a code (RFC 8628 section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.page_house import USER_CODE, PageHouse, Shown, Visitor
from tests.support.stores import run

from lingpai_server.core.flow_records import DeviceState

CODE_PAGE = f"/device?user_code={USER_CODE}"


@pytest.fixture
def house() -> Iterator[PageHouse]:
    made = PageHouse()
    yield made
    made.close()


@pytest.fixture
def visitor(house: PageHouse) -> Visitor:
    return Visitor(house)


def state(house: PageHouse) -> DeviceState:
    device = run(house.store.load_device_by_user_code(USER_CODE.replace("-", "")))
    assert device is not None
    return device.state


def at_question(visitor: Visitor) -> Shown:
    return visitor.sign_in(visitor.get(CODE_PAGE))


def test_code_is_asked_for(visitor: Visitor) -> None:
    shown = visitor.get("/device")
    assert shown.status == 200
    assert shown.form.method == "get"
    assert "user_code" in shown.form.fields


def test_whoever_has_a_code_logs_in_first(visitor: Visitor) -> None:
    login = visitor.get(CODE_PAGE)
    assert login.form.action == "/signin"
    assert login.form.fields["user_code"] == USER_CODE
    assert "Corner Shop" not in login.text


def test_wrong_password_asks_again(visitor: Visitor) -> None:
    shown = visitor.sign_in(visitor.get(CODE_PAGE), "wrong")
    assert shown.status == 403
    assert shown.form.fields["user_code"] == USER_CODE


def test_question_shows_the_code_the_app_and_what_it_may(visitor: Visitor) -> None:
    """RFC 8628 section 5.4: the user compares the code."""
    shown = at_question(visitor)
    for text in (USER_CODE, "Corner Shop", "See your orders", "Go on only if you started this"):
        assert text in shown.text


def test_nothing_is_let_in_by_a_link(house: PageHouse, visitor: Visitor) -> None:
    """RFC 8628 section 3.3.1: the complete URI still asks."""
    at_question(visitor)
    visitor.get(CODE_PAGE)
    assert state(house) is DeviceState.PENDING


def test_device_is_let_in(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(at_question(visitor), "allow")
    assert answer.status == 303
    assert "Your device is connected" in visitor.get(answer.location).text
    assert state(house) is DeviceState.APPROVED


def test_device_is_turned_away(house: PageHouse, visitor: Visitor) -> None:
    answer = visitor.submit(at_question(visitor), "deny")
    assert "Nothing was connected" in visitor.get(answer.location).text
    assert state(house) is DeviceState.DENIED


def test_code_that_nobody_waits_with_is_asked_for_again(visitor: Visitor) -> None:
    at_question(visitor)
    shown = visitor.get("/device?user_code=BBBB-BBBB")
    assert shown.status == 403
    assert "No device is waiting with this code" in shown.text
    assert shown.form.fields["user_code"] == "BBBB-BBBB"


def test_code_is_good_for_one_answer(visitor: Visitor) -> None:
    question = at_question(visitor)
    visitor.submit(question, "allow")
    assert visitor.submit(question, "allow").status == 403


def test_guesses_are_throttled(visitor: Visitor) -> None:
    """RFC 8628 section 5.1."""
    at_question(visitor)
    for _ in range(6):
        visitor.get("/device?user_code=BBBB-BBBB")
    shown = visitor.get(CODE_PAGE)
    assert shown.status == 429
    assert "Try again in" in shown.text


def test_answer_that_is_none_goes_back_to_the_start(house: PageHouse, visitor: Visitor) -> None:
    question = at_question(visitor)
    assert visitor.submit(question, "perhaps").location == "/device"
    assert state(house) is DeviceState.PENDING


def test_user_may_take_another_account(visitor: Visitor) -> None:
    (other,) = [link for link in at_question(visitor).links if "other=" in link]
    assert visitor.get(other).form.action == "/signin"


def test_cancelled_login_goes_back_to_the_start(visitor: Visitor) -> None:
    assert visitor.submit(visitor.get(CODE_PAGE), "cancel").location == "/device"


def test_form_ends_here(visitor: Visitor) -> None:
    policy = at_question(visitor).reply.header("content-security-policy") or ""
    assert "form-action 'self';" in policy


def test_language_chosen_on_the_page_lasts(visitor: Visitor) -> None:
    start = visitor.get("/device?lang=zh-CN")
    assert start.form.fields["lang"] == "zh-CN"
    login = visitor.get(f"{CODE_PAGE}&lang=zh-CN")
    question = visitor.sign_in(login)
    done = visitor.get(visitor.submit(question, "allow").location)
    assert '<html lang="zh-CN">' in done.text
