"""What ends, bars or bars no longer a grant flips its slots: just these, in one transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.slot_world import (
    DEADLINE,
    GRANTS,
    HUA,
    MING,
    changes,
    held,
    populate,
    put,
    ref,
    seq,
    take,
    told,
)
from tests.support.stores import BROWSER_ID, FAMILY_ID, NOTES, NOW, ORDERS, a_session, run

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    Effect,
    EndSession,
    EndSessionsOfUser,
    PutRole,
    RevokeFamily,
    SetAccountStatus,
    SetClientDisabled,
    StartSession,
)
from lingpai_server.core.flow_effects import DeleteClient, EndBrowser, ReplaceClient
from lingpai_server.core.ports import NotFound, StaleState, Store
from lingpai_server.core.records import AccountStatus, Client, Role
from lingpai_server.core.slots import MAX_TOKEN_SECONDS, SlotGrant, StatusChange

VALID, INVALID, SUSPENDED, STALE = (
    Status.VALID,
    Status.INVALID,
    Status.SUSPENDED,
    Status.STALE,
)
OF_MING = ("ming", "ming notes", "ming exchanged")  # in his session at `app`
ALL_OF_MING = (*OF_MING, "ming web")
OF_WEB = ("ming web", "web", "web exchanged")
OF_EXCHANGER = ("ming exchanged", "web exchanged", "exchanger")

LOCK = SetAccountStatus(MING, AccountStatus.LOCKED)
UNLOCK = SetAccountStatus(MING, AccountStatus.ACTIVE)
NO_CLERK = PutRole(Role(ORDERS, "clerk", ()))  # makes all of a clerk's slots STALE


def disable(client_id: str) -> SetClientDisabled:
    return SetClientDisabled(client_id, disabled=True)


def enable(client_id: str) -> SetClientDisabled:
    return SetClientDisabled(client_id, disabled=False)


@pytest.fixture
def store(store: Store) -> Store:
    """With a VALID slot for each grant."""
    populate(store)
    return store


def all_are(status: Status, *groups: tuple[str, ...]) -> dict[str, Status]:
    return {name: status for names in groups for name in names}


def client(store: Store, client_id: str) -> Client:
    found = run(store.load_client(client_id))
    assert found is not None
    return found


def delete(store: Store, client_id: str) -> DeleteClient:
    return DeleteClient(client_id, client(store, client_id).access_version, NOW)


# --- ends -----------------------------------------------------------------------------------------


def test_an_ended_session_invalidates_all_that_was_issued_in_it(store: Store) -> None:
    put(store, EndSession("of-ming", NOW, "logout"))
    assert told(store) == all_are(INVALID, OF_MING)


def test_a_revoked_family_invalidates_all_that_was_issued_in_its_session(store: Store) -> None:
    put(store, RevokeFamily(FAMILY_ID, NOW, "refresh_reused"))
    assert told(store) == all_are(INVALID, OF_MING)


def test_the_end_of_all_sessions_of_a_user_invalidates_his_slots_alone(store: Store) -> None:
    put(store, EndSessionsOfUser(MING, NOW, "password_reset"))
    assert told(store) == all_are(INVALID, ALL_OF_MING)


def test_the_end_of_a_browser_session_invalidates_what_came_from_it(store: Store) -> None:
    put(store, EndBrowser(BROWSER_ID, NOW, "logout"))
    assert told(store) == all_are(INVALID, OF_MING)


def test_the_end_of_a_browser_session_leaves_what_is_offline(store: Store) -> None:
    offline = a_session("offline", browser_id=BROWSER_ID, offline=True)
    grant = SlotGrant("app", "app", ORDERS, "offline")
    put(store, StartSession(offline), take(ref(store, 99), grant))
    put(store, EndBrowser(BROWSER_ID, NOW, "logout"))
    assert told(store) == all_are(INVALID, OF_MING)


def test_a_deleted_client_invalidates_its_sessions_its_own_and_what_it_exchanged(
    store: Store,
) -> None:
    put(store, delete(store, "web"))
    assert told(store) == all_are(INVALID, OF_WEB)
    put(store, delete(store, "exchanger"))
    assert told(store) == all_are(INVALID, OF_WEB, OF_EXCHANGER)


def test_a_client_that_is_not_deleted_after_all_keeps_its_slots(store: Store) -> None:
    with pytest.raises(StaleState):
        put(store, replace(delete(store, "web"), access_version=99))
    assert told(store) == {}


def test_an_effect_that_fails_later_leaves_the_slots(store: Store) -> None:
    with pytest.raises(NotFound):
        put(store, EndSession("of-ming", NOW, "logout"), EndSession("nobody's", NOW, "logout"))
    assert told(store) == {}


@pytest.mark.parametrize("before", [VALID, SUSPENDED, STALE])
def test_whatever_a_slot_says_an_end_makes_it_invalid(store: Store, before: Status) -> None:
    first: dict[Status, tuple[Effect, ...]] = {VALID: (), SUSPENDED: (LOCK,), STALE: (NO_CLERK,)}
    put(store, *first[before])
    assert told(store).get("ming", VALID) is before
    put(store, EndSession("of-ming", NOW, "logout"))
    assert told(store)["ming"] is INVALID


@pytest.mark.parametrize(
    "later",
    [
        (LOCK, UNLOCK),
        (disable("app"), enable("app")),
        (disable("exchanger"), enable("exchanger")),
        (NO_CLERK,),
        (EndSession("of-ming", NOW + 5, "again"),),
        (EndSessionsOfUser(MING, NOW + 5, "again"),),
        (RevokeFamily(FAMILY_ID, NOW + 5, "again"),),
    ],
)
def test_invalid_is_final(store: Store, later: tuple[Effect, ...]) -> None:
    put(store, EndSession("of-ming", NOW, "logout"))
    number = seq(store)
    for effect in later:
        put(store, effect)
    assert {name: told(store)[name] for name in OF_MING} == all_are(INVALID, OF_MING)
    invalid = [change.index for change in changes(store, number) if change.status is INVALID]
    assert not set(invalid) & {1, 2, 3}  # and verifiers are not told of them again


def test_invalid_is_final_for_a_client_that_was_replaced(store: Store) -> None:
    put(store, EndSession("of-ming", NOW, "logout"))
    put(store, ReplaceClient(replace(client(store, "app"), scopes=())))
    assert told(store) == all_are(INVALID, OF_MING) | {"hua": STALE}


# --- locks ----------------------------------------------------------------------------------------


def test_a_locked_user_suspends_all_that_he_was_issued(store: Store) -> None:
    put(store, LOCK)
    assert told(store) == all_are(SUSPENDED, ALL_OF_MING)


def test_an_unlocked_user_has_to_refresh(store: Store) -> None:
    put(store, LOCK)
    put(store, UNLOCK)
    assert told(store) == all_are(STALE, ALL_OF_MING)


def test_the_unlocking_of_one_who_was_not_locked_changes_no_slot(store: Store) -> None:
    put(store, UNLOCK)
    assert told(store) == {}


def test_a_disabled_client_suspends_its_sessions_its_own_and_what_it_exchanged(
    store: Store,
) -> None:
    put(store, disable("web"))
    assert told(store) == all_are(SUSPENDED, OF_WEB)
    put(store, enable("web"), disable("exchanger"))
    assert told(store) == all_are(STALE, OF_WEB) | all_are(SUSPENDED, OF_EXCHANGER)


def test_an_enabled_client_has_to_refresh(store: Store) -> None:
    put(store, disable("exchanger"))
    put(store, enable("exchanger"))
    assert told(store) == all_are(STALE, OF_EXCHANGER)


def test_what_is_stale_is_suspended_and_stale_again(store: Store) -> None:
    put(store, NO_CLERK)
    assert told(store)["ming"] is STALE
    put(store, LOCK)
    assert told(store)["ming"] is SUSPENDED
    put(store, UNLOCK)
    assert told(store)["ming"] is STALE


def test_a_change_of_role_leaves_what_is_suspended(store: Store) -> None:
    put(store, LOCK)
    put(store, NO_CLERK)
    assert {name: told(store)[name] for name in ALL_OF_MING} == all_are(SUSPENDED, ALL_OF_MING)


def test_unlocking_leaves_suspended_what_a_disabled_client_holds(store: Store) -> None:
    put(store, disable("web"))
    put(store, LOCK)
    put(store, UNLOCK)
    assert told(store) == all_are(STALE, OF_MING) | all_are(SUSPENDED, OF_WEB)


def test_unlocking_leaves_suspended_what_a_disabled_client_exchanged(store: Store) -> None:
    put(store, disable("exchanger"))
    put(store, LOCK)
    put(store, UNLOCK)
    assert told(store)["ming exchanged"] is SUSPENDED
    assert told(store)["ming"] is STALE


def test_enabling_leaves_suspended_what_a_locked_user_holds(store: Store) -> None:
    put(store, LOCK)
    put(store, disable("web"))
    put(store, enable("web"))
    stale = all_are(STALE, ("web", "web exchanged"))
    assert told(store) == all_are(SUSPENDED, ALL_OF_MING) | stale


def test_enabling_leaves_suspended_what_another_disabled_client_has_to_do_with(
    store: Store,
) -> None:
    put(store, disable("web"), disable("exchanger"))
    put(store, enable("web"))
    assert told(store) == all_are(STALE, ("ming web", "web")) | all_are(SUSPENDED, OF_EXCHANGER)


# --- a replaced client ----------------------------------------------------------------------------


def test_other_scopes_make_all_of_a_clients_slots_stale(store: Store) -> None:
    put(store, ReplaceClient(replace(client(store, "web"), scopes=("orders:read",))))
    assert told(store) == all_are(STALE, OF_WEB)


def test_other_audiences_make_all_of_a_clients_slots_stale(store: Store) -> None:
    put(store, ReplaceClient(replace(client(store, "web"), audiences=(NOTES,))))
    assert told(store) == all_are(STALE, OF_WEB)


def test_what_is_in_no_token_makes_no_slot_stale(store: Store) -> None:
    put(store, ReplaceClient(replace(client(store, "web"), name="Another name")))
    assert told(store) == {}


def test_a_replaced_client_leaves_what_is_suspended(store: Store) -> None:
    put(store, disable("web"))
    put(store, ReplaceClient(replace(client(store, "web"), scopes=())))
    assert told(store) == all_are(SUSPENDED, OF_WEB)


# --- a slot that was given up ---------------------------------------------------------------------


@pytest.fixture
def moved(store: Store) -> Store:
    """Ming's grant has given up its stale slot, 1, for another one, 99."""
    put(store, NO_CLERK)
    put(store, take(ref(store, 99), GRANTS["ming"], held(store, "ming", STALE)))
    return store


def both(store: Store) -> tuple[Status, Status]:
    """What Ming's old and new slot say."""
    said = {change.index: change.status for change in changes(store)}
    return said.get(1, VALID), said.get(99, VALID)


def test_a_slot_that_was_given_up_stays_as_it_is(moved: Store) -> None:
    assert both(moved) == (STALE, VALID)


def test_a_slot_that_was_given_up_ends_with_its_session(moved: Store) -> None:
    put(moved, EndSession("of-ming", NOW, "logout"))
    assert both(moved) == (INVALID, INVALID)


def test_a_slot_that_was_given_up_is_locked_and_unlocked(moved: Store) -> None:
    put(moved, LOCK)
    assert both(moved) == (SUSPENDED, SUSPENDED)
    put(moved, UNLOCK)
    assert both(moved) == (STALE, STALE)


def test_a_slot_that_was_given_up_is_never_valid_again(moved: Store) -> None:
    put(moved, PutRole(Role(ORDERS, "clerk", ("orders:read",))))  # as it was in the beginning
    assert both(moved) == (STALE, STALE)


def test_a_slot_that_a_client_gave_up_ends_with_it(store: Store) -> None:
    put(store, NO_CLERK)
    for index, name in ((98, "web"), (99, "web exchanged")):
        put(store, take(ref(store, index), GRANTS[name], held(store, name, STALE)))
    put(store, delete(store, "web"))
    said = {change.index: change.status for change in changes(store)}
    assert {said.get(index) for index in (4, 6, 7, 98, 99)} == {INVALID}


# --- how long it is kept --------------------------------------------------------------------------


def test_an_ended_slot_is_kept_for_as_long_as_a_token_may_live(store: Store) -> None:
    put(store, EndSession("of-ming", NOW, "logout"))
    assert run(store.remove_expired(NOW + MAX_TOKEN_SECONDS - 1, 99)) == 0
    assert run(store.remove_expired(NOW + MAX_TOKEN_SECONDS, 99)) == len(OF_MING)
    assert told(store) == {}


def test_a_slot_is_never_kept_longer_than_its_grant_would_have(store: Store) -> None:
    at = DEADLINE - 10
    put(store, EndSession("of-hua", at, "logout"))
    assert run(store.load_status_changes(0, at)).changes == (StatusChange(1, 5, INVALID),)
    run(store.remove_expired(DEADLINE, 99))
    assert run(store.load_status_changes(0, at)).changes == ()


def test_nobody_but_the_user_is_concerned(store: Store) -> None:
    put(store, SetAccountStatus(HUA, AccountStatus.LOCKED))
    assert told(store) == {"hua": SUSPENDED}
