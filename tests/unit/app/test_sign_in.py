"""Signing in at the login page: the same door as POST /login, and a browser session behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.support.house import ISSUER, PASSWORD, PEER, House
from tests.support.stores import a_browser, a_session, a_user, run

from lingpai_server.accounts.throttle import ThrottlePolicy
from lingpai_server.app.sign_in import SignIn
from lingpai_server.core.effects import CreateUser, SetAccountStatus, StartSession
from lingpai_server.core.flow_effects import StartBrowser
from lingpai_server.core.flow_records import BrowserFacts, BrowserSession
from lingpai_server.core.records import AccountStatus, Event
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.sign_in import SignedIn
from lingpai_server.sessions.browsers import browser_id_of
from lingpai_server.sessions.policy import SessionPolicy

SESSIONS = SessionPolicy(idle_seconds=100, absolute_seconds=1000)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@pytest.fixture
def sign_in(house: House) -> SignIn:
    policy = IssuePolicy(ISSUER, SESSIONS)
    return SignIn(house.store, house.hasher, policy, ThrottlePolicy(), lambda: house.now)


def attempt(
    sign_in: SignIn,
    password: str = PASSWORD,
    *,
    username: str = "mei",
    old: Secret[str] | None = None,
) -> SignedIn | Refusal:
    return run(sign_in(username, Secret(password), PEER, old))


def signed_in(sign_in: SignIn, *, old: Secret[str] | None = None) -> SignedIn:
    reply = attempt(sign_in, old=old)
    assert isinstance(reply, SignedIn)
    return reply


def refused(sign_in: SignIn, password: str = PASSWORD, *, username: str = "mei") -> Refusal:
    reply = attempt(sign_in, password, username=username)
    assert isinstance(reply, Refusal)
    return reply


def stored(house: House, secret: Secret[str]) -> BrowserFacts:
    facts = run(house.store.load_browser(browser_id_of(secret)))
    assert facts is not None
    return facts


def events(house: House, kind: str) -> list[Event]:
    return [event for _, event in run(house.store.load_events(0, 100)) if event.kind == kind]


def test_right_password_starts_a_browser_session(house: House, sign_in: SignIn) -> None:
    reply = signed_in(sign_in)
    facts = stored(house, reply.secret)
    assert facts.browser == reply.browser
    assert facts.user.username == "mei"


def test_session_tells_when_and_how_the_user_logged_in(house: House, sign_in: SignIn) -> None:
    browser = signed_in(sign_in).browser
    assert browser.auth_time == int(house.now)
    assert browser.amr == ("pwd",)
    assert browser.acr == "urn:lingpai:acr:password"


def test_both_deadlines_are_the_policys(house: House, sign_in: SignIn) -> None:
    browser = signed_in(sign_in).browser
    assert browser.idle_deadline == int(house.now) + 100
    assert browser.absolute_deadline == int(house.now) + 1000


def test_store_never_sees_the_cookies_secret(house: House, sign_in: SignIn) -> None:
    reply = signed_in(sign_in)
    assert len(reply.secret.reveal()) == 43
    assert reply.secret.reveal().encode() not in reply.browser.browser_id
    assert reply.secret.reveal() not in repr(reply)


def test_every_login_is_a_secret_of_its_own(sign_in: SignIn) -> None:
    assert len({signed_in(sign_in).secret.reveal() for _ in range(3)}) == 3


def test_name_is_read_however_it_is_typed(sign_in: SignIn) -> None:
    assert isinstance(attempt(sign_in, username="  MEI "), SignedIn)


def test_login_ends_the_browser_session_of_before(house: House, sign_in: SignIn) -> None:
    """ASVS 5.0 requirement 7.2.4."""
    first = signed_in(sign_in)
    signed_in(sign_in, old=first.secret)
    ended = stored(house, first.secret).browser
    assert ended.ended_at == int(house.now)
    assert ended.end_reason == "signed_in_again"


def start_session(house: House, browser: BrowserSession) -> None:
    """A client's session that came from a browser session."""
    session = a_session("before", user_id=browser.user_id, browser_id=browser.browser_id)
    run(house.store.apply([StartSession(session)]))


def test_sessions_of_the_same_user_go_on_after_another_login(house: House, sign_in: SignIn) -> None:
    """One client asked for a fresh login; that is no logout from the others."""
    first = signed_in(sign_in)
    start_session(house, first.browser)
    second = signed_in(sign_in, old=first.secret)
    facts = run(house.store.load_session("before"))
    assert facts is not None
    assert facts.session.ended_at is None
    assert facts.session.browser_id == second.browser.browser_id


def test_sessions_of_another_user_end_with_the_login(house: House, sign_in: SignIn) -> None:
    run(house.store.apply([CreateUser(a_user("wei"))]))
    secret = Secret("the cookie of wei")
    wei = a_browser(
        browser_id_of(secret),
        user_id="id-of-wei",
        auth_time=int(house.now),
        idle_deadline=int(house.now) + 100,
        absolute_deadline=int(house.now) + 1000,
    )
    run(house.store.apply([StartBrowser(wei)]))
    start_session(house, wei)
    signed_in(sign_in, old=secret)
    facts = run(house.store.load_session("before"))
    assert facts is not None
    assert facts.session.ended_at == int(house.now)
    assert stored(house, secret).browser.end_reason == "signed_in_as_another"


def test_secret_that_a_browser_brings_along_is_never_taken_over(
    house: House, sign_in: SignIn
) -> None:
    """Session fixation: a planted cookie names no session after the login either."""
    planted = Secret("planted")
    assert signed_in(sign_in, old=planted).secret.reveal() != "planted"
    assert run(house.store.load_browser(browser_id_of(planted))) is None


def test_failed_login_leaves_the_session_that_the_browser_had(
    house: House, sign_in: SignIn
) -> None:
    first = signed_in(sign_in)
    attempt(sign_in, "wrong", old=first.secret)
    assert stored(house, first.secret).browser.ended_at is None


def test_refusals_do_not_tell_whether_the_user_exists(house: House, sign_in: SignIn) -> None:
    """ASVS 5.0 requirement 6.3.8; a locked account looks like a wrong password too."""
    answers = [refused(sign_in, "wrong"), refused(sign_in, username="nobody")]
    answers.append(refused(sign_in, username="\N{ZERO WIDTH SPACE}"))
    run(house.store.apply([SetAccountStatus("id-of-mei", AccountStatus.LOCKED)]))
    answers += [refused(sign_in), refused(sign_in, "not \ud800 text")]
    assert {replace(answer, reason="") for answer in answers} == {
        Refusal(ErrorCode.INVALID_GRANT, "", "The username or the password is wrong.")
    }


def test_reason_is_kept_for_the_audit_log(house: House, sign_in: SignIn) -> None:
    refused(sign_in, "wrong")
    refused(sign_in, username="nobody")
    failed = events(house, "login.failed")
    assert [event.detail["reason"] for event in failed] == ["password_wrong", "user_unknown"]
    assert [event.address for event in failed] == [PEER, PEER]


def test_success_is_an_event(house: House, sign_in: SignIn) -> None:
    signed_in(sign_in)
    (event,) = events(house, "browser.signed_in")
    assert event.user_id == "id-of-mei"


def test_guesses_are_throttled_with_those_at_the_login_endpoint(
    house: House, sign_in: SignIn
) -> None:
    for _ in range(3):
        house.login("wrong password")
    for _ in range(2):
        refused(sign_in, "wrong password")
    reply = refused(sign_in)
    assert reply.code is ErrorCode.SLOW_DOWN
    assert reply.retry_after_seconds is not None


def test_success_gives_its_own_attempt_back(house: House, sign_in: SignIn) -> None:
    signed_in(sign_in)
    pair = f"pair:mei|{PEER}"
    assert run(house.store.load_buckets([pair]))[pair].failures == 0


def test_busy_hasher_refuses_and_counts_nothing() -> None:
    """Room is looked for before the attempt is counted."""
    house = House(hash_threads=1, hash_queue=0)
    sign_in = SignIn(
        house.store, house.hasher, IssuePolicy(ISSUER), ThrottlePolicy(), lambda: house.now
    )

    async def scenario() -> SignedIn | Refusal:
        busy = asyncio.create_task(house.hasher.hash(Secret("something else")))
        await asyncio.sleep(0)
        try:
            return await sign_in("mei", Secret(PASSWORD), PEER, None)
        finally:
            await busy

    reply = run(scenario())
    house.close()
    assert isinstance(reply, Refusal)
    assert reply.code is ErrorCode.TEMPORARILY_UNAVAILABLE
    assert run(house.store.load_buckets([f"pair:mei|{PEER}"])) == {}
