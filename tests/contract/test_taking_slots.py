"""TakeSlot and offer_slot: a slot is one grant's, until no token that carries it is unexpired."""

from __future__ import annotations

import pytest
from tests.support.racing import RACERS, race
from tests.support.slot_world import (
    GRANTS,
    PLACES,
    changes,
    logins,
    people,
    put,
    ref,
    seq,
    take,
)
from tests.support.stores import FAMILY_ID, NOTES, NOW, ORDERS, a_session, fill, run

from lingpai.jwt.status_list import Status
from lingpai_server.core.effects import (
    Effects,
    EndSession,
    EndSessionsOfUser,
    PutRole,
    ReplacePasswordHash,
    RequireVersion,
    SetAccountStatus,
    StartSession,
)
from lingpai_server.core.ports import StaleState, Store
from lingpai_server.core.records import AccountStatus, Role
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import LIST_SIZE, HeldSlot, SlotGrant
from lingpai_server.core.status_effects import StartEpoch

VALID, STALE = Status.VALID, Status.STALE
MING = GRANTS["ming"]


@pytest.fixture
def store(store: Store) -> Store:
    """With people and their sessions, of which no grant holds a slot."""
    fill(store, people(), logins())
    return store


def test_a_grant_reads_the_slot_that_it_took(store: Store) -> None:
    before = run(store.load_family(FAMILY_ID))
    assert before is not None
    assert before.slot is None
    slot = ref(store, 7)
    put(store, take(slot, MING))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot == HeldSlot(slot, VALID)


def test_a_client_reads_its_own_slot_for_that_api_alone(store: Store) -> None:
    assert (facts := run(store.load_client_facts(client_id="web", audience=ORDERS))) is not None
    assert facts.slot is None
    slot = ref(store, 7)
    put(store, take(slot, GRANTS["web"]), take(ref(store, 8), GRANTS["web exchanged"]))
    assert (facts := run(store.load_client_facts(client_id="web", audience=ORDERS))) is not None
    assert facts.slot == HeldSlot(slot, VALID)
    assert (facts := run(store.load_client_facts(client_id="web", audience=NOTES))) is not None
    assert facts.slot is None


def test_an_exchange_reads_the_slot_of_its_subject_and_client(store: Store) -> None:
    slots = {name: ref(store, PLACES[name]) for name in GRANTS}
    put(store, *(take(slot, GRANTS[name]) for name, slot in slots.items()))
    of_session = run(
        store.load_exchange(
            client_id="exchanger",
            audience=ORDERS,
            user_id="id-of-ming",
            session_id="of-ming",
            subject_client_id=None,
        )
    )
    assert of_session.slot == HeldSlot(slots["ming exchanged"], VALID)
    assert of_session.subject_client is None
    of_client = run(
        store.load_exchange(
            client_id="exchanger",
            audience=ORDERS,
            user_id=None,
            session_id=None,
            subject_client_id="web",
        )
    )
    assert of_client.slot == HeldSlot(slots["web exchanged"], VALID)
    assert of_client.subject_client == run(store.load_client("web"))


def test_taking_a_slot_that_is_new_tells_verifiers_nothing(store: Store) -> None:
    number = seq(store)
    put(store, take(ref(store, 7), MING))
    assert seq(store) == number


def test_a_slot_that_another_grant_holds_is_lost(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 7), GRANTS["hua"]))


def test_a_slot_that_its_grant_gave_up_is_lost_to_others(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    put(store, take(ref(store, 8), MING, HeldSlot(ref(store, 7), VALID)))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 7), GRANTS["hua"]))


@pytest.mark.parametrize("status", [s for s in Status if s is not STALE])
def test_a_slot_is_replaced_only_if_it_still_says_what_was_seen(
    store: Store, status: Status
) -> None:
    put(store, take(ref(store, 7), MING))
    put(store, PutRole(Role(ORDERS, "clerk", ())))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 8), MING, HeldSlot(ref(store, 7), status)))
    put(store, take(ref(store, 8), MING, HeldSlot(ref(store, 7), STALE)))


def test_a_grant_that_holds_one_takes_no_second(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 8), MING))


def test_a_grant_that_holds_none_replaces_none(store: Store) -> None:
    with pytest.raises(StaleState):
        put(store, take(ref(store, 8), MING, HeldSlot(ref(store, 7), VALID)))


def test_a_grant_that_holds_another_replaces_none(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 9), MING, HeldSlot(ref(store, 8), VALID)))


def test_nothing_is_taken_in_a_session_that_has_ended(store: Store) -> None:
    put(store, EndSession("of-ming", NOW, "logout"))
    with pytest.raises(StaleState):
        put(store, take(ref(store, 7), MING))


def test_nothing_is_taken_in_a_session_that_is_gone(store: Store) -> None:
    with pytest.raises(StaleState):
        put(store, take(ref(store, 7), SlotGrant("app", "app", ORDERS, "nobody's")))


def test_nothing_is_taken_in_lists_of_another_epoch(store: Store) -> None:
    old = ref(store, 7)
    put(store, StartEpoch("e" * 16, NOW, "restored"))
    with pytest.raises(StaleState):
        put(store, take(old, GRANTS["web"]))
    put(store, take(ref(store, 7), GRANTS["web"]))


def test_a_slot_goes_to_exactly_one_of_those_who_want_it(store: Store) -> None:
    sessions = [f"racer-{number}" for number in range(RACERS)]
    slot = ref(store, 7)
    units = [
        (
            StartSession(a_session(name)),
            take(slot, SlotGrant("app", "app", ORDERS, name)),
        )
        for name in sessions
    ]
    answers = race(store, units)
    assert answers.count(None) == 1
    assert sum(isinstance(answer, StaleState) for answer in answers) == RACERS - 1
    there = [run(store.load_session(name)) is not None for name in sessions]
    assert there == [answer is None for answer in answers]  # the losers left no session behind


def test_a_grant_gets_exactly_one_of_the_slots_that_are_taken_for_it(store: Store) -> None:
    answers = race(store, [(take(ref(store, index), MING),) for index in range(RACERS)])
    assert answers.count(None) == 1
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot == HeldSlot(ref(store, answers.index(None)), VALID)


def test_a_stale_slot_is_replaced_by_exactly_one(store: Store) -> None:
    put(store, take(ref(store, 999), GRANTS["web"]))
    put(store, PutRole(Role(ORDERS, "clerk", ())))
    before = HeldSlot(ref(store, 999), STALE)
    units = [(take(ref(store, index), GRANTS["web"], before),) for index in range(RACERS)]
    assert race(store, units).count(None) == 1


# --- offers ---------------------------------------------------------------------------------------


def test_the_first_free_place_of_those_drawn_is_offered(store: Store) -> None:
    put(store, take(ref(store, 7), MING), take(ref(store, 8), GRANTS["hua"]))
    draws = [7, 8 + 5 * LIST_SIZE, 9 + 2**40 * LIST_SIZE, 10]
    assert run(store.offer_slot(draws)) == ref(store, 9)


def test_a_new_list_is_offered_if_no_place_drawn_is_free(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    assert run(store.offer_slot([7, 7, 7])) == ref(store, 7, list_no=2)


def test_places_of_all_lists_are_offered(store: Store) -> None:
    put(store, take(ref(store, 7, list_no=2), MING))
    assert run(store.load_status_changes(0, NOW)).lists == 2
    assert run(store.offer_slot([5])) == ref(store, 5)
    assert run(store.offer_slot([LIST_SIZE + 5])) == ref(store, 5, list_no=2)
    assert run(store.offer_slot([2 * LIST_SIZE + 5])) == ref(store, 5)
    assert run(store.offer_slot([LIST_SIZE + 7])) == ref(store, 7, list_no=3)


def test_what_is_offered_can_be_taken(store: Store) -> None:
    for grant in (MING, GRANTS["hua"], GRANTS["web"]):
        put(store, take(run(store.offer_slot([0, 1, 2])), grant))
    facts = run(store.load_client_facts(client_id="web", audience=ORDERS))
    assert facts is not None
    assert facts.slot == HeldSlot(ref(store, 2), VALID)


# --- two that do not know of each other -----------------------------------------------------------


@pytest.mark.parametrize("login_first", [True, False])
def test_a_login_that_races_a_password_reset_leaves_no_valid_slot(
    store: Store, login_first: bool
) -> None:
    user = run(store.load_user("ming"))
    assert user is not None
    login = _login(store, user.access_version)
    reset = (
        ReplacePasswordHash("id-of-ming", user.access_version, Secret("new"), reset=True),
        EndSessionsOfUser("id-of-ming", NOW + 1, "password_reset"),
    )
    answers = race(store, [login, reset] if login_first else [reset, login])
    assert _outcome(store, answers[0 if login_first else 1]) in {"lost", Status.INVALID}


@pytest.mark.parametrize("login_first", [True, False])
def test_a_login_that_races_a_lock_leaves_no_valid_slot(store: Store, login_first: bool) -> None:
    user = run(store.load_user("ming"))
    assert user is not None
    login = _login(store, user.access_version)
    lock = (SetAccountStatus("id-of-ming", AccountStatus.LOCKED),)
    answers = race(store, [login, lock] if login_first else [lock, login])
    assert _outcome(store, answers[0 if login_first else 1]) in {"lost", Status.SUSPENDED}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_refresh_that_races_two_role_changes_leaves_no_valid_slot_with_old_claims(
    store: Store, place: int
) -> None:
    put(store, take(ref(store, 7), MING))
    put(store, PutRole(Role(ORDERS, "clerk", ("first",))))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot == HeldSlot(ref(store, 7), STALE)
    refresh = (
        RequireVersion("user", "id-of-ming", facts.user.access_version),
        take(ref(store, 8), MING, facts.slot),
    )
    units = [(PutRole(Role(ORDERS, "clerk", (name,))),) for name in ("second", "third")]
    answers = race(store, [*units[:place], refresh, *units[place:]])
    assert _outcome(store, answers[place], index=8) in {"lost", STALE}


def test_a_refresh_with_the_newest_claims_has_a_valid_slot(store: Store) -> None:
    put(store, take(ref(store, 7), MING))
    put(store, PutRole(Role(ORDERS, "clerk", ("first",))))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    version = RequireVersion("user", "id-of-ming", facts.user.access_version)
    put(store, version, take(ref(store, 8), MING, facts.slot))
    facts = run(store.load_family(FAMILY_ID))
    assert facts is not None
    assert facts.slot == HeldSlot(ref(store, 8), VALID)
    assert facts.access.permissions == ("first",)


def _login(store: Store, version: int) -> Effects:
    """Ming's, at the version that its facts had; it takes the slot 9."""
    return (
        RequireVersion("user", "id-of-ming", version),
        StartSession(a_session("new")),
        take(ref(store, 9), SlotGrant("app", "app", ORDERS, "new")),
    )


def _outcome(store: Store, answer: BaseException | None, *, index: int = 9) -> str | Status:
    """What the slot says of whoever took it, or that nobody did."""
    if isinstance(answer, StaleState):
        return "lost"
    assert answer is None
    said = {change.index: change.status for change in changes(store)}
    return said.get(index, VALID)
