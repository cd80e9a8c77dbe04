"""What every verifier is told: the state of what changed, denied tokens, revoked keys, epochs."""

from __future__ import annotations

import pytest
from tests.support.racing import RACERS, race
from tests.support.slot_world import (
    GRANTS,
    MING,
    PLACES,
    changes,
    held,
    populate,
    put,
    ref,
    seq,
    take,
    told,
)
from tests.support.stores import (
    BROWSER_ID,
    FAMILY_ID,
    NOW,
    ORDERS,
    a_key,
    a_session,
    fill,
    people_and_apis,
    run,
)

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    Effect,
    EndSession,
    EndSessionsOfUser,
    PutRole,
    RotateFamily,
    SetAccountStatus,
    SetClientDisabled,
    StartSession,
    StoreKey,
)
from lingpai_server.core.flow_effects import DeleteClient
from lingpai_server.core.ports import AlreadyExists, Store
from lingpai_server.core.records import AccountStatus, Role
from lingpai_server.core.slots import (
    LIST_SIZE,
    MAX_DENIED,
    MAX_TOKEN_SECONDS,
    HeldSlot,
    SlotGrant,
    StatusChange,
    StatusChanges,
)
from lingpai_server.core.status_effects import DenyToken, RevokeKid, StartEpoch

LOGOUT = EndSession("of-hua", NOW, "logout")
NEW_EPOCH = "fedcba9876543210"


def known(store: Store, after: int = 0, now: int = NOW) -> StatusChanges:
    return run(store.load_status_changes(after, now))


# --- slots ----------------------------------------------------------------------------------------


def test_an_empty_store_has_one_list_and_nothing_to_tell(store: Store) -> None:
    epoch, number = run(store.load_status_mark())
    assert len(epoch) == 16
    assert set(epoch) <= set("0123456789abcdef")
    assert known(store) == StatusChanges(epoch, number, lists=1)


def test_what_changed_is_told_as_it_is_now(store: Store) -> None:
    populate(store)
    put(store, SetAccountStatus("id-of-hua", AccountStatus.LOCKED))
    put(store, LOGOUT)
    assert changes(store) == (StatusChange(1, PLACES["hua"], Status.INVALID),)


def test_only_what_changed_after_a_number_is_told(store: Store) -> None:
    populate(store)
    put(store, LOGOUT)
    number = seq(store)
    assert changes(store, number) == ()
    put(store, EndSession("of-ming-web", NOW, "logout"))
    assert changes(store, number) == (StatusChange(1, PLACES["ming web"], Status.INVALID),)
    assert len(changes(store, number - 1)) == 2


@pytest.mark.parametrize(
    "effect",
    [
        EndSessionsOfUser(MING, NOW, "password_reset"),
        SetAccountStatus(MING, AccountStatus.LOCKED),
        SetClientDisabled("web", disabled=True),
        SetClientDisabled("exchanger", disabled=True),
        PutRole(Role(ORDERS, "clerk", ())),
        DeleteClient("web", 2, NOW),
        DenyToken("one", NOW + 60, NOW),
        RevokeKid("kid-1", NOW),
        StartEpoch(NEW_EPOCH, NOW, "restored"),
    ],
)
def test_all_that_one_effect_changes_has_one_number(store: Store, effect: Effect) -> None:
    populate(store)
    number = seq(store)
    put(store, effect)
    assert seq(store) == number + 1


def test_what_changes_nothing_has_no_number(store: Store) -> None:
    populate(store)
    put(store, LOGOUT)
    number = seq(store)
    put(store, LOGOUT, RotateFamily(FAMILY_ID, 0, float(NOW), NOW + 10))
    put(store, SetAccountStatus(MING, AccountStatus.ACTIVE))
    assert seq(store) == number


def test_a_flip_and_its_cause_are_told_together(store: Store) -> None:
    """A snapshot never has the one without the other."""
    populate(store)
    units: list[tuple[Effect, ...]] = [(DenyToken(f"{n}", NOW + 60, NOW),) for n in range(RACERS)]
    race(store, [*units, (LOGOUT,)])
    found = known(store)
    assert found.seq == RACERS + 1 == len(found.denied) + len(found.changes)


# --- given back -----------------------------------------------------------------------------------


def test_a_slot_is_given_back_when_no_token_that_carries_it_is_unexpired(store: Store) -> None:
    fill(store, people_and_apis(), [StartSession(a_session())])
    grant = SlotGrant("app", "app", ORDERS, "session-1")
    other = SlotGrant("app", "app", ORDERS)
    put(store, take(ref(store, 7), grant, held_until=NOW + 50))
    assert run(store.remove_expired(NOW + 49, 99)) == 0
    assert run(store.offer_slot([7, 8])) == ref(store, 8)
    assert run(store.remove_expired(NOW + 50, 99)) == 1
    assert run(store.offer_slot([7, 8])) == ref(store, 7)
    put(store, take(ref(store, 7), other))


def test_a_slot_without_an_end_is_never_given_back(store: Store) -> None:
    fill(store, people_and_apis())
    put(store, take(ref(store, 7), SlotGrant("app", "app", ORDERS), held_until=None))
    assert run(store.remove_expired(NOW * 2, 99)) == 0


def test_a_slot_that_was_given_up_is_kept_an_hour_from_then(store: Store) -> None:
    fill(store, people_and_apis())
    grant = SlotGrant("app", "app", ORDERS)
    put(store, take(ref(store, 7), grant, held_until=None))
    before = HeldSlot(ref(store, 7), Status.VALID)
    put(store, take(ref(store, 8), grant, before, held_until=None, at=NOW + 10))
    assert run(store.remove_expired(NOW + 9 + MAX_TOKEN_SECONDS, 99)) == 0
    assert run(store.remove_expired(NOW + 10 + MAX_TOKEN_SECONDS, 99)) == 1
    assert run(store.offer_slot([7])) == ref(store, 7)


def test_a_slot_that_is_given_back_is_valid_and_verifiers_hear_of_it(store: Store) -> None:
    populate(store)
    put(store, LOGOUT)
    number = seq(store)
    run(store.remove_expired(NOW + MAX_TOKEN_SECONDS, 99))
    assert changes(store, number) == (StatusChange(1, PLACES["hua"], Status.VALID),)
    assert changes(store) == ()
    put(store, take(ref(store, PLACES["hua"]), SlotGrant("app", "app", ORDERS)))
    assert changes(store) == ()


def test_the_return_of_a_valid_slot_tells_verifiers_nothing(store: Store) -> None:
    populate(store)
    number = seq(store)
    assert run(store.remove_expired(NOW + 9_000, 99)) > len(GRANTS)
    assert seq(store) == number


def test_no_more_slots_are_given_back_than_asked_for(store: Store) -> None:
    populate(store)
    put(store, EndSessionsOfUser(MING, NOW, "password_reset"))
    assert run(store.remove_expired(NOW + MAX_TOKEN_SECONDS, 3)) == 3
    assert len(told(store)) == 1


def test_a_slot_given_back_follows_its_last_holder_no_more(store: Store) -> None:
    populate(store)
    put(store, PutRole(Role(ORDERS, "clerk", ())))
    put(store, take(ref(store, 99), GRANTS["ming"], held(store, "ming", Status.STALE)))
    run(store.remove_expired(NOW + MAX_TOKEN_SECONDS, 99))
    put(store, EndSession("of-ming", NOW + MAX_TOKEN_SECONDS, "logout"))
    said = {change.index: change.status for change in changes(store)}
    assert PLACES["ming"] not in said
    assert said[99] is Status.INVALID


# --- denied tokens --------------------------------------------------------------------------------


def test_denied_tokens_are_told_until_they_expire_whatever_was_known(store: Store) -> None:
    put(store, DenyToken("one", NOW + 60, NOW), DenyToken("two", NOW + 30, NOW))
    assert known(store).denied == (("one", NOW + 60), ("two", NOW + 30))
    assert known(store, after=seq(store)).denied == known(store).denied
    assert known(store, now=NOW + 30).denied == (("one", NOW + 60),)


def test_a_token_is_denied_once(store: Store) -> None:
    put(store, DenyToken("one", NOW + 60, NOW))
    number = seq(store)
    put(store, DenyToken("one", NOW + 60, NOW + 1))
    assert seq(store) == number
    assert known(store).denied == (("one", NOW + 60),)


def test_a_denied_token_is_forgotten_when_it_has_expired(store: Store) -> None:
    put(store, DenyToken("one", NOW + 60, NOW))
    assert run(store.remove_expired(NOW + 59, 99)) == 0
    assert run(store.is_denied("one"))
    assert run(store.remove_expired(NOW + 60, 99)) == 1
    assert not run(store.is_denied("one"))


def test_no_more_tokens_are_denied_than_a_verifier_holds(store: Store) -> None:
    put(store, *(DenyToken(f"{n}", NOW + 1 + n % 2, NOW) for n in range(MAX_DENIED)))
    with pytest.raises(AlreadyExists):
        put(store, DenyToken("more", NOW + 60, NOW))
    put(store, DenyToken("0", NOW + 60, NOW))  # it is there
    put(store, DenyToken("more", NOW + 60, NOW + 1))  # half of the others have expired


# --- keys -----------------------------------------------------------------------------------------


def test_a_revoked_key_is_told_for_ever_and_retired(store: Store) -> None:
    put(store, StoreKey(a_key("kid-1")), StoreKey(a_key("kid-2")))
    put(store, RevokeKid("kid-1", NOW))
    assert [key.kid for key in run(store.load_keys())] == ["kid-2"]
    assert known(store).kids == known(store, after=seq(store), now=NOW * 2).kids == ("kid-1",)


def test_a_key_is_revoked_once_and_may_be_gone(store: Store) -> None:
    put(store, RevokeKid("of-another-time", NOW))
    number = seq(store)
    put(store, RevokeKid("of-another-time", NOW + 1))
    assert seq(store) == number
    assert known(store).kids == ("of-another-time",)


# --- epochs ---------------------------------------------------------------------------------------


def test_a_new_epoch_ends_everything_and_its_lists_are_empty(store: Store) -> None:
    populate(store)
    put(store, take(ref(store, 0, list_no=2), SlotGrant("app", "app", ORDERS)))
    put(store, LOGOUT, DenyToken("one", NOW + 60, NOW), RevokeKid("kid-1", NOW))
    number = seq(store)
    put(store, StartEpoch(NEW_EPOCH, NOW + 5, "restored"))
    assert known(store) == StatusChanges(NEW_EPOCH, number + 1, lists=1, kids=("kid-1",))
    facts = run(store.load_family(FAMILY_ID))
    browser = run(store.load_browser(BROWSER_ID))
    assert facts is not None
    assert browser is not None
    assert facts.slot is None
    assert (facts.family.revoked_at, facts.family.revoked_reason) == (NOW + 5, "restored")
    assert (facts.session.ended_at, facts.session.end_reason) == (NOW + 5, "restored")
    assert (browser.browser.ended_at, browser.browser.end_reason) == (NOW + 5, "restored")


def test_a_new_epoch_keeps_the_first_end_of_what_had_ended(store: Store) -> None:
    populate(store)
    put(store, LOGOUT)
    put(store, StartEpoch(NEW_EPOCH, NOW + 5, "restored"))
    facts = run(store.load_session("of-hua"))
    assert facts is not None
    assert (facts.session.ended_at, facts.session.end_reason) == (NOW, "logout")


def test_a_new_epoch_tells_clients_of_the_end_of_their_sessions(store: Store) -> None:
    fill(store, people_and_apis(), [StartSession(a_session(notify=True))])
    put(store, StartEpoch(NEW_EPOCH, NOW, "restored"))
    (notice,) = run(store.load_logout_notices(NOW, 9))
    assert notice.session.session_id == "session-1"


def test_a_slot_of_the_old_epoch_is_not_offered(store: Store) -> None:
    populate(store)
    put(store, StartEpoch(NEW_EPOCH, NOW, "restored"))
    offered = run(store.offer_slot([PLACES["ming"]]))
    assert (offered.epoch, offered.list_no, offered.index) == (NEW_EPOCH, 1, PLACES["ming"])
    assert offered.index < LIST_SIZE
