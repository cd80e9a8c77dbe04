"""Device grants (RFC 8628): polled, approved, redeemed, each as one compare-and-set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import (
    BROWSER_ID,
    DEVICE,
    NOW,
    ORDERS,
    a_browser,
    a_client,
    a_device,
    a_sign_in,
    an_api,
    an_approved_device,
    fill,
    people_and_apis,
    run,
)

from lingpai_server.core.effects import EndSessionsOfUser
from lingpai_server.core.flow_effects import EndBrowser, MoveDevice, StoreDevice
from lingpai_server.core.flow_records import DeviceFacts, DeviceGrant, DeviceState
from lingpai_server.core.ports import AlreadyExists, NotFound, StaleState, Store
from lingpai_server.core.records import Access

POLLED = a_device(polled_at=NOW + 0.123456789)
APPROVE = MoveDevice(a_device(), an_approved_device())


@pytest.fixture
def waiting(store: Store) -> Store:
    """A store with a device that waits, and a browser that somebody signed in with."""
    fill(store, people_and_apis(), a_sign_in(), [StoreDevice(a_device())])
    return store


def device_of(store: Store) -> DeviceGrant:
    """The grant, which must be there."""
    facts = run(store.load_device(DEVICE))
    assert facts is not None
    return facts.device


def test_a_device_comes_back_as_it_went_in_with_what_its_poll_needs(store: Store) -> None:
    device = a_device(jkt="thumb", authorization_details='[{"type":"order"}]')
    fill(store, people_and_apis(), [StoreDevice(device)])
    assert run(store.load_device(DEVICE)) == DeviceFacts(
        device, a_client(), an_api(), None, Access(), None
    )


def test_the_facts_of_an_approved_device_have_the_user_and_what_he_may_do(waiting: Store) -> None:
    fill(waiting, [APPROVE])
    user = run(waiting.load_user("ming"))
    assert run(waiting.load_device(DEVICE)) == DeviceFacts(
        an_approved_device(),
        a_client(),
        an_api(),
        user,
        Access(("clerk",), ("orders:read",)),
        a_browser(),
    )


def test_a_device_is_found_by_its_user_code(waiting: Store) -> None:
    assert run(waiting.load_device_by_user_code("WDJBMJHT")) == a_device()


def test_unknown_devices_are_none(waiting: Store) -> None:
    assert run(waiting.load_device(b"?" * 32)) is None
    assert run(waiting.load_device_by_user_code("ELSE")) is None


def test_a_user_code_is_taken_once(waiting: Store) -> None:
    with pytest.raises(AlreadyExists):
        run(waiting.apply((StoreDevice(a_device(b"?" * 32)),)))


def test_a_device_code_is_taken_once(waiting: Store) -> None:
    with pytest.raises(AlreadyExists):
        run(waiting.apply((StoreDevice(a_device(user_code="OTHER")),)))


@pytest.mark.parametrize("missing", ["client_id", "audience", "user_id"])
def test_a_device_needs_all_that_it_names(waiting: Store, missing: str) -> None:
    other = a_device(b"?" * 32, user_code="OTHER", **{missing: "nobody"})
    with pytest.raises(NotFound):
        run(waiting.apply((StoreDevice(other),)))


def test_a_poll_moves_the_time_of_the_last_one(waiting: Store) -> None:
    run(waiting.apply((MoveDevice(a_device(), POLLED),)))
    assert device_of(waiting) == POLLED


def test_a_move_from_the_very_time_that_was_stored_is_won(waiting: Store) -> None:
    slower = replace(POLLED, interval_seconds=10, polled_at=NOW + 1.1)
    fill(waiting, [MoveDevice(a_device(), POLLED)])
    fill(waiting, [MoveDevice(device_of(waiting), slower)])
    assert device_of(waiting) == slower


@pytest.mark.parametrize(
    "before",
    [
        a_device(state=DeviceState.APPROVED),
        a_device(interval_seconds=10),
        a_device(polled_at=NOW + 1.0),
        a_device(b"?" * 32),
    ],
)
def test_a_move_from_what_is_not_so_is_lost(waiting: Store, before: DeviceGrant) -> None:
    with pytest.raises(StaleState):
        run(waiting.apply((MoveDevice(before, POLLED),)))
    assert device_of(waiting) == a_device()


def test_a_device_is_approved_or_denied_but_once(waiting: Store) -> None:
    fill(waiting, [APPROVE])
    with pytest.raises(StaleState):
        run(waiting.apply((MoveDevice(a_device(), a_device(state=DeviceState.DENIED)),)))
    assert device_of(waiting) == an_approved_device()


def test_a_device_is_redeemed_once(waiting: Store) -> None:
    redeemed = an_approved_device(state=DeviceState.REDEEMED, session_id="session-1")
    redeem = MoveDevice(an_approved_device(), redeemed)
    fill(waiting, [APPROVE], [redeem])
    with pytest.raises(StaleState):
        run(waiting.apply((redeem,)))
    assert device_of(waiting) == redeemed


def test_an_approval_may_narrow_what_was_asked(waiting: Store) -> None:
    narrow = an_approved_device(scopes=(), authorization_details="[]")
    fill(waiting, [MoveDevice(a_device(), narrow)])
    assert device_of(waiting) == narrow


def test_a_move_never_changes_who_asks_for_what_and_until_when(waiting: Store) -> None:
    other = replace(
        an_approved_device(),
        user_code="OTHER",
        client_id="other",
        audience="other",
        jkt="other",
        expires_at=NOW + 9_999,
    )
    fill(waiting, [MoveDevice(a_device(), other)])
    assert device_of(waiting) == an_approved_device()
    assert device_of(waiting).audience == ORDERS


def test_an_approval_by_nobody_is_refused(waiting: Store) -> None:
    with pytest.raises(NotFound):
        run(waiting.apply((MoveDevice(a_device(), an_approved_device(user_id="nobody")),)))


@pytest.mark.parametrize("browser_id", [BROWSER_ID, b"?" * 32])
def test_an_approval_in_a_browser_session_that_has_ended_or_is_gone_is_lost(
    waiting: Store, browser_id: bytes
) -> None:
    fill(waiting, [EndBrowser(BROWSER_ID, NOW, "logout")])
    with pytest.raises(StaleState):
        run(waiting.apply((MoveDevice(a_device(), an_approved_device(browser_id=browser_id)),)))


def test_an_approved_device_is_still_polled_after_the_end_of_its_browser_session(
    waiting: Store,
) -> None:
    """Its facts tell of the end, so that the device can be told."""
    polled = an_approved_device(polled_at=NOW + 9.0)
    fill(waiting, [APPROVE], [EndBrowser(BROWSER_ID, NOW + 1, "logout")])
    fill(waiting, [MoveDevice(an_approved_device(), polled)])
    facts = run(waiting.load_device(DEVICE))
    assert facts is not None
    assert facts.device == polled
    assert facts.browser == a_browser(ended_at=NOW + 1, end_reason="logout")


def test_the_redemption_of_a_device_after_the_end_of_its_browser_session_is_lost(
    waiting: Store,
) -> None:
    """Signing out everywhere raises no access version: this is what stops a device on its way."""
    redeemed = an_approved_device(state=DeviceState.REDEEMED, session_id="session-1")
    fill(waiting, [APPROVE], [EndSessionsOfUser("id-of-ming", NOW + 1, "ended by operator")])
    with pytest.raises(StaleState):
        run(waiting.apply((MoveDevice(an_approved_device(), redeemed),)))
    assert device_of(waiting) == an_approved_device()
