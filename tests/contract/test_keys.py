"""Sealed keys: stored once, counted once, moved by compare-and-set."""

from __future__ import annotations

import pytest
from tests.support.stores import NOW, ORDERS, a_key, fill, run

from lingpai_server.core.effects import MoveKey, StoreKey
from lingpai_server.core.ports import AlreadyExists, StaleState, Store
from lingpai_server.core.records import KeyPurpose, KeyState


def test_a_key_comes_back_as_it_went_in(store: Store) -> None:
    key = a_key(purpose=KeyPurpose.API_SECRET, audience=ORDERS, algorithm="HS256")
    fill(store, [StoreKey(key)])
    assert run(store.load_keys()) == (key,)


def test_keys_are_loaded_oldest_first(store: Store) -> None:
    young, old = a_key("a", created_at=NOW + 5), a_key("z", created_at=NOW)
    fill(store, [StoreKey(young), StoreKey(old)])
    assert run(store.load_keys()) == (old, young)


def test_a_kid_is_taken_once(store: Store) -> None:
    fill(store, [StoreKey(a_key())])
    with pytest.raises(AlreadyExists):
        run(store.apply((StoreKey(a_key(purpose=KeyPurpose.REFRESH, version=1)),)))
    assert run(store.load_keys()) == (a_key(),)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_refresh_key_version_is_taken_once(store: Store, version: int) -> None:
    first = a_key("first", purpose=KeyPurpose.REFRESH, version=version)
    fill(store, [StoreKey(first)])
    with pytest.raises(AlreadyExists):
        run(store.apply((StoreKey(a_key("x", purpose=KeyPurpose.REFRESH, version=version)),)))
    fill(store, [StoreKey(a_key("y", purpose=KeyPurpose.REFRESH, version=version + 1))])


def test_keys_that_are_not_counted_share_version_zero(store: Store) -> None:
    fill(store, [StoreKey(a_key("one")), StoreKey(a_key("two"))])
    assert len(run(store.load_keys())) == 2


def test_a_retired_version_stays_taken(store: Store) -> None:
    fill(store, [StoreKey(a_key("old", purpose=KeyPurpose.REFRESH, version=1))])
    fill(store, [MoveKey("old", KeyState.ACTIVE, KeyState.RETIRED)])
    with pytest.raises(AlreadyExists):
        run(store.apply((StoreKey(a_key("new", purpose=KeyPurpose.REFRESH, version=1)),)))


def test_a_key_moves_from_the_state_it_is_in(store: Store) -> None:
    fill(store, [StoreKey(a_key())], [MoveKey("kid-1", KeyState.ACTIVE, KeyState.RETIRING)])
    assert run(store.load_keys()) == (a_key(state=KeyState.RETIRING),)


@pytest.mark.parametrize("kid", ["kid-1", "unknown"])
def test_a_move_from_another_state_or_of_no_key_is_lost(store: Store, kid: str) -> None:
    fill(store, [StoreKey(a_key())])
    with pytest.raises(StaleState):
        run(store.apply((MoveKey(kid, KeyState.NEXT, KeyState.ACTIVE),)))
    assert run(store.load_keys()) == (a_key(),)


def test_a_retired_key_is_not_loaded(store: Store) -> None:
    fill(store, [StoreKey(a_key())], [MoveKey("kid-1", KeyState.ACTIVE, KeyState.RETIRED)])
    assert run(store.load_keys()) == ()
