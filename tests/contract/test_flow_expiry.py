"""remove_expired for the flows: what is used once goes at its expiry, a browser a day later."""

from __future__ import annotations

import pytest
from tests.support.stores import (
    BROWSER_ID,
    CODE,
    DEVICE,
    NOW,
    PUSHED,
    a_browser,
    a_code,
    a_consent,
    a_device,
    a_pushed_request,
    a_session,
    a_sign_in,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import Effect, StartSession
from lingpai_server.core.flow_effects import (
    PutConsent,
    RedeemCode,
    Spend,
    StartBrowser,
    StoreCode,
    StoreDevice,
    StorePushed,
    UsePushed,
)
from lingpai_server.core.ports import AlreadySpent, Store

DEADLINE = NOW + 9_000
A_DAY = 86_400


@pytest.fixture
def signed_in(store: Store) -> Store:
    """A store with one browser session."""
    fill(store, people_and_apis(), a_sign_in())
    return store


@pytest.mark.parametrize("redeemed", [True, False])
def test_a_code_goes_at_its_expiry_redeemed_or_not(signed_in: Store, redeemed: bool) -> None:
    fill(signed_in, [StoreCode(a_code(expires_at=NOW + 60))])
    if redeemed:
        fill(signed_in, [RedeemCode(CODE, NOW + 1, "session-1")])
    assert run(signed_in.remove_expired(NOW + 59, 100)) == 0
    assert run(signed_in.load_code(CODE)) is not None
    assert run(signed_in.remove_expired(NOW + 60, 100)) == 1
    assert run(signed_in.load_code(CODE)) is None


@pytest.mark.parametrize("used", [True, False])
def test_a_pushed_request_goes_at_its_expiry_used_or_not(signed_in: Store, used: bool) -> None:
    fill(signed_in, [StorePushed(a_pushed_request(expires_at=NOW + 90))])
    if used:
        fill(signed_in, [UsePushed(PUSHED, NOW + 1)])
    assert run(signed_in.remove_expired(NOW + 89, 100)) == 0
    assert run(signed_in.load_pushed(PUSHED)) is not None
    assert run(signed_in.remove_expired(NOW + 90, 100)) == 1
    assert run(signed_in.load_pushed(PUSHED)) is None


def test_a_device_goes_at_its_expiry_and_its_user_code_is_free(signed_in: Store) -> None:
    fill(signed_in, [StoreDevice(a_device(expires_at=NOW + 600))])
    assert run(signed_in.remove_expired(NOW + 599, 100)) == 0
    assert run(signed_in.load_device(DEVICE)) is not None
    assert run(signed_in.remove_expired(NOW + 600, 100)) == 1
    assert run(signed_in.load_device(DEVICE)) is None
    fill(signed_in, [StoreDevice(a_device(b"?" * 32))])


def test_a_mark_counts_until_it_is_removed_at_its_expiry(store: Store) -> None:
    spend = Spend("dpop", b"s" * 32, NOW + 60)
    fill(store, [spend])
    assert run(store.remove_expired(NOW + 59, 100)) == 0
    with pytest.raises(AlreadySpent):
        run(store.apply((spend,)))
    assert run(store.remove_expired(NOW + 60, 100)) == 1
    fill(store, [spend])


def test_a_browser_session_goes_a_day_after_its_absolute_deadline(signed_in: Store) -> None:
    """By then nothing that came from it is on its way, so its absence can mean that it is over."""
    assert run(signed_in.remove_expired(DEADLINE + A_DAY - 1, 100)) == 0
    assert run(signed_in.load_browser(BROWSER_ID)) is not None
    assert run(signed_in.remove_expired(DEADLINE + A_DAY, 100)) == 1
    assert run(signed_in.load_browser(BROWSER_ID)) is None


def test_what_came_from_a_browser_session_may_outlive_its_row(signed_in: Store) -> None:
    session = a_session(browser_id=BROWSER_ID, offline=True, absolute_deadline=NOW + 10 * A_DAY)
    late = a_code(expires_at=NOW + 10 * A_DAY)
    fill(signed_in, [StartSession(session), StoreCode(late)])
    assert run(signed_in.remove_expired(DEADLINE + A_DAY, 100)) == 1
    found, code = run(signed_in.load_session("session-1")), run(signed_in.load_code(CODE))
    assert found is not None
    assert found.session == session
    assert code is not None
    assert (code.code, code.browser) == (late, None)


def test_a_consent_never_goes_by_itself(signed_in: Store) -> None:
    fill(signed_in, [PutConsent(a_consent())])
    run(signed_in.remove_expired(NOW + 10_000 * A_DAY, 100))
    facts = run(signed_in.load_authorize(client_id="app", audience=None, browser_id=BROWSER_ID))
    assert facts.browser is None
    fill(signed_in, a_sign_in())
    facts = run(signed_in.load_authorize(client_id="app", audience=None, browser_id=BROWSER_ID))
    assert facts.consent == a_consent()


def test_a_batch_takes_no_more_than_its_limit_over_all_tables(signed_in: Store) -> None:
    short_lived: tuple[Effect, ...] = (
        StartBrowser(a_browser(b"o" * 32, absolute_deadline=NOW)),
        StoreCode(a_code()),
        StorePushed(a_pushed_request()),
        StoreDevice(a_device()),
        Spend("dpop", b"s" * 32, NOW + 60),
    )
    fill(signed_in, short_lived)
    late = DEADLINE + A_DAY - 1
    assert [run(signed_in.remove_expired(late, 2)) for _ in range(4)] == [2, 2, 1, 0]
