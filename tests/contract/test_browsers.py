"""Browser sessions: what ends with them, what outlives them, and what cannot start in one."""

from __future__ import annotations

import pytest
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOW,
    a_browser,
    a_code,
    a_device,
    a_family,
    a_session,
    a_sign_in,
    a_user,
    an_approved_device,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import (
    CreateUser,
    EndSession,
    EndSessionsOfUser,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import (
    EndBrowser,
    MoveDevice,
    RedeemCode,
    RenewBrowser,
    SlideBrowser,
    StartBrowser,
    StoreCode,
    StoreDevice,
)
from lingpai_server.core.flow_records import BrowserFacts, BrowserSession, SessionFacts
from lingpai_server.core.ports import AlreadyExists, NotFound, StaleState, Store

OTHER_ID = b"o" * 32
END = EndBrowser(BROWSER_ID, NOW + 5, "logout")


@pytest.fixture
def signed_in(store: Store) -> Store:
    """A store with one browser session."""
    fill(store, people_and_apis(), a_sign_in())
    return store


def browser_of(store: Store, browser_id: bytes = BROWSER_ID) -> BrowserSession:
    """The browser session, which must be there."""
    facts = run(store.load_browser(browser_id))
    assert facts is not None
    return facts.browser


def session_of(store: Store, session_id: str) -> SessionFacts:
    """The session, which must be there."""
    facts = run(store.load_session(session_id))
    assert facts is not None
    return facts


def test_a_browser_session_comes_back_as_it_went_in_with_its_user(store: Store) -> None:
    browser = a_browser(amr=("pwd", "otp"), acr="")
    fill(store, people_and_apis(), [StartBrowser(browser)])
    user = run(store.load_user("ming"))
    assert user is not None
    assert run(store.load_browser(BROWSER_ID)) == BrowserFacts(browser, user)


def test_an_unknown_browser_session_is_none(store: Store) -> None:
    assert run(store.load_browser(BROWSER_ID)) is None


def test_a_browser_session_is_begun_once(signed_in: Store) -> None:
    with pytest.raises(AlreadyExists):
        run(signed_in.apply((StartBrowser(a_browser()),)))


def test_a_browser_session_needs_its_user(signed_in: Store) -> None:
    with pytest.raises(NotFound):
        run(signed_in.apply((StartBrowser(a_browser(OTHER_ID, user_id="nobody")),)))


def test_the_idle_deadline_slides_forward_and_never_back(signed_in: Store) -> None:
    run(signed_in.apply((SlideBrowser(BROWSER_ID, NOW + 2_000),)))
    run(signed_in.apply((SlideBrowser(BROWSER_ID, NOW + 1_500),)))
    assert browser_of(signed_in) == a_browser(idle_deadline=NOW + 2_000)


def test_nothing_slides_in_a_browser_session_that_has_ended_or_is_gone(signed_in: Store) -> None:
    fill(signed_in, [END])
    slides = (SlideBrowser(BROWSER_ID, NOW + 2_000), SlideBrowser(OTHER_ID, NOW + 2_000))
    run(signed_in.apply(slides))
    assert browser_of(signed_in).idle_deadline == NOW + 1_000


def test_the_end_keeps_its_first_time_and_reason(signed_in: Store) -> None:
    fill(signed_in, [END], [EndBrowser(BROWSER_ID, NOW + 9, "again")])
    assert browser_of(signed_in) == a_browser(ended_at=NOW + 5, end_reason="logout")


def test_the_end_of_an_unknown_browser_session_says_so(signed_in: Store) -> None:
    with pytest.raises(NotFound):
        run(signed_in.apply((EndBrowser(OTHER_ID, NOW, "logout"),)))


def test_the_end_ends_the_sessions_that_came_from_it_and_revokes_their_families(
    signed_in: Store,
) -> None:
    fill(
        signed_in,
        [StartSession(a_session(browser_id=BROWSER_ID)), StartFamily(a_family())],
        [END],
    )
    facts = run(signed_in.load_family(FAMILY_ID))
    assert facts is not None
    ended = a_session(browser_id=BROWSER_ID, ended_at=NOW + 5, end_reason="logout")
    assert facts.session == ended
    assert facts.family == a_family(revoked_at=NOW + 5, revoked_reason="logout")


def test_the_end_leaves_offline_sessions_and_those_of_other_browsers(signed_in: Store) -> None:
    offline = a_session("offline", browser_id=BROWSER_ID, offline=True)
    elsewhere = a_session("elsewhere", browser_id=OTHER_ID)
    without = a_session("without")
    started = [StartSession(session) for session in (offline, elsewhere, without)]
    families = [
        StartFamily(a_family(bytes([number]) * 16, session_id=session.session_id))
        for number, session in enumerate((offline, elsewhere, without))
    ]
    fill(signed_in, [StartBrowser(a_browser(OTHER_ID))], started, families, [END])
    for session in (offline, elsewhere, without):
        assert session_of(signed_in, session.session_id).session == session
    for number in range(3):
        facts = run(signed_in.load_family(bytes([number]) * 16))
        assert facts is not None
        assert facts.family.revoked_at is None


def test_the_end_does_not_touch_an_earlier_end_of_a_session(signed_in: Store) -> None:
    fill(signed_in, [StartSession(a_session(browser_id=BROWSER_ID))])
    fill(signed_in, [EndSession("session-1", NOW + 1, "revoked")], [END])
    assert session_of(signed_in, "session-1").session.end_reason == "revoked"


RENEW = RenewBrowser(BROWSER_ID, a_browser(OTHER_ID, auth_time=NOW + 5), NOW + 5, "again")


def test_a_renewed_browser_session_is_another_one_and_the_old_one_is_over(
    signed_in: Store,
) -> None:
    fill(signed_in, [RENEW])
    assert browser_of(signed_in, OTHER_ID) == RENEW.browser
    old = browser_of(signed_in)
    assert (old.ended_at, old.end_reason) == (NOW + 5, "again")


def test_sessions_go_on_in_the_renewed_browser_session_and_end_with_it(signed_in: Store) -> None:
    bound = a_session("bound", browser_id=BROWSER_ID)
    offline = a_session("offline", browser_id=BROWSER_ID, offline=True)
    over = a_session("over", browser_id=BROWSER_ID)
    fill(
        signed_in,
        [StartSession(bound), StartSession(offline), StartSession(over)],
        [EndSession("over", NOW + 1, "logout"), StartFamily(a_family(session_id="bound"))],
        [RENEW],
    )
    assert session_of(signed_in, "bound").session.browser_id == OTHER_ID
    assert session_of(signed_in, "bound").session.ended_at is None
    assert session_of(signed_in, "offline").session.browser_id == OTHER_ID
    assert session_of(signed_in, "over").session.browser_id == BROWSER_ID
    family = run(signed_in.load_family(FAMILY_ID))
    assert family is not None
    assert family.family.revoked_at is None
    fill(signed_in, [EndBrowser(OTHER_ID, NOW + 9, "logout")])
    assert session_of(signed_in, "bound").session.ended_at == NOW + 9
    assert session_of(signed_in, "offline").session.ended_at is None
    assert session_of(signed_in, "over").session.end_reason == "logout"


def test_a_code_of_before_is_redeemed_in_the_renewed_browser_session(signed_in: Store) -> None:
    code = a_code()
    fill(signed_in, [StoreCode(code)], [RENEW])
    facts = run(signed_in.load_code(code.code_sha256))
    assert facts is not None
    assert facts.browser == RENEW.browser
    fill(signed_in, [RedeemCode(code.code_sha256, NOW + 6, "session-1")])


def test_a_device_approved_before_is_redeemed_in_the_renewed_browser_session(
    signed_in: Store,
) -> None:
    waiting = a_device()
    approve = MoveDevice(waiting, an_approved_device())
    fill(signed_in, [StoreDevice(waiting)], [approve], [RENEW])
    facts = run(signed_in.load_device(waiting.device_sha256))
    assert facts is not None
    assert facts.browser == RENEW.browser


def test_a_browser_session_that_is_over_gone_or_anothers_is_not_renewed(signed_in: Store) -> None:
    fill(signed_in, [CreateUser(a_user("wei"))])
    anothers = RenewBrowser(BROWSER_ID, a_browser(OTHER_ID, user_id="id-of-wei"), NOW, "again")
    gone = RenewBrowser(b"g" * 32, a_browser(OTHER_ID), NOW, "again")
    for effect in (anothers, gone):
        with pytest.raises(StaleState):
            run(signed_in.apply([effect]))
    fill(signed_in, [END])
    with pytest.raises(StaleState):
        run(signed_in.apply([RENEW]))
    assert run(signed_in.load_browser(OTHER_ID)) is None


def test_of_two_renewals_at_once_one_is_lost(signed_in: Store) -> None:
    """Two tabs of one browser, one login page each."""
    third = RenewBrowser(BROWSER_ID, a_browser(b"t" * 32), NOW + 5, "again")
    fill(signed_in, [RENEW])
    with pytest.raises(StaleState):
        run(signed_in.apply([third]))


def test_no_session_starts_in_a_browser_session_that_has_ended(signed_in: Store) -> None:
    fill(signed_in, [END])
    with pytest.raises(StaleState):
        run(signed_in.apply((StartSession(a_session(browser_id=BROWSER_ID)),)))


def test_no_session_starts_in_a_browser_session_that_is_gone(signed_in: Store) -> None:
    with pytest.raises(StaleState):
        run(signed_in.apply((StartSession(a_session(browser_id=OTHER_ID)),)))


@pytest.mark.parametrize("browser_id", [BROWSER_ID, OTHER_ID])
def test_an_offline_session_starts_whatever_became_of_its_browser(
    signed_in: Store, browser_id: bytes
) -> None:
    """OpenID Connect Core section 11: offline access is for when the user is not there."""
    fill(signed_in, [END], [StartSession(a_session(browser_id=browser_id, offline=True))])
    assert session_of(signed_in, "session-1").session.ended_at is None


@pytest.mark.parametrize("browser_id", [BROWSER_ID, OTHER_ID])
def test_no_code_is_stored_for_a_browser_session_that_has_ended_or_is_gone(
    signed_in: Store, browser_id: bytes
) -> None:
    fill(signed_in, [END])
    with pytest.raises(StaleState):
        run(signed_in.apply((StoreCode(a_code(browser_id=browser_id)),)))


def test_ending_all_of_a_user_ends_his_browser_sessions_and_no_other(signed_in: Store) -> None:
    mei = a_user("mei")
    of_mei = a_browser(b"m" * 32, user_id=mei.user_id)
    fill(
        signed_in,
        [CreateUser(mei), StartBrowser(of_mei), StartBrowser(a_browser(OTHER_ID))],
        [EndBrowser(OTHER_ID, NOW + 1, "logout")],
        [EndSessionsOfUser("id-of-ming", NOW + 4, "password_reset")],
    )
    ended = a_browser(ended_at=NOW + 4, end_reason="password_reset")
    assert browser_of(signed_in) == ended
    assert browser_of(signed_in, OTHER_ID).end_reason == "logout"
    assert browser_of(signed_in, b"m" * 32) == of_mei
