"""The board of statuses: what followers are told, and what those are told who come back."""

from __future__ import annotations

import pytest

from lingpai.jwt.status_list import Status
from lingpai_server.core.slots import LIST_SIZE, StatusChange, StatusChanges
from lingpai_server.protocol.status_board import (
    MAX_BATCH_CHANGES,
    Place,
    StatusBoard,
    batch_id,
    read_place,
)

ISSUER = "https://id.example"
LIST = f"{ISSUER}/status-lists/e1-1"
REVOKED, STALE = Status.INVALID, Status.STALE


def found(seq: int, *changes: StatusChange, epoch: str = "e1", **more: object) -> StatusChanges:
    return StatusChanges(epoch, seq, **{"lists": 1, "changes": changes, **more})  # type: ignore[arg-type]  # members by name


def board_at(seq: int, *changes: StatusChange) -> StatusBoard:
    board = StatusBoard(ISSUER)
    board.take(found(seq, *changes), as_of=100.0)
    return board


def test_a_board_that_begins_has_no_changes_to_tell_but_a_gap() -> None:
    batch = StatusBoard(ISSUER).take(found(7, StatusChange(1, 5, REVOKED)), as_of=100.0)
    assert batch is not None
    assert (batch.gap, batch.seq, batch.changes) == (True, 7, {})


def test_what_changed_is_told_from_the_last_number_to_this_one() -> None:
    batch = board_at(7).take(found(9, StatusChange(1, 5, REVOKED)), as_of=101.5)
    assert batch is not None
    assert (batch.after, batch.seq, batch.as_of) == (7, 9, 101.5)
    assert batch.changes == {LIST: ((5, 1),)}
    assert batch_id(batch) == "e1.9"


def test_nothing_new_is_nothing_to_tell() -> None:
    assert board_at(7).take(found(7), as_of=101.0) is None


def test_a_list_says_what_its_slots_say_now() -> None:
    board = board_at(7, StatusChange(1, 5, REVOKED), StatusChange(1, LIST_SIZE - 1, STALE))
    board.take(found(8, StatusChange(1, 6, STALE), StatusChange(1, 5, Status.VALID)), as_of=101.0)
    statuses = board.read_list(1)
    assert len(statuses) == LIST_SIZE
    assert [statuses.lookup(index) for index in (4, 5, 6, LIST_SIZE - 1)] == [0, 0, 3, 3]


def test_a_list_that_nobody_has_changed_is_all_valid() -> None:
    assert not any(board_at(7).read_list(1).data)


def test_who_comes_back_is_told_what_was_missed_and_only_its_end() -> None:
    board = board_at(7)
    board.take(found(8, StatusChange(1, 5, STALE)), as_of=101.0)
    board.take(found(9, StatusChange(1, 5, REVOKED)), as_of=102.0)
    batch = board.snapshot(Place("e1", 7), nonce="n", as_of=103.0)
    assert (batch.gap, batch.after, batch.seq, batch.nonce) == (False, 7, 9, "n")
    assert batch.changes == {LIST: ((5, 1),)}
    assert board.snapshot(Place("e1", 9), nonce="n", as_of=103.0).changes == {}


@pytest.mark.parametrize("place", [None, Place("e1", 6), Place("e1", 8), Place("e0", 7)], ids=str)
def test_who_comes_from_elsewhere_has_to_fetch_the_lists(place: Place | None) -> None:
    batch = board_at(7).snapshot(place, nonce="", as_of=101.0)
    assert batch.is_snapshot
    assert (batch.gap, batch.after, batch.seq) == (True, 7, 7)


def test_what_was_missed_is_forgotten_when_it_is_too_much() -> None:
    board = board_at(0)
    for seq in range(1, MAX_BATCH_CHANGES + 2):
        board.take(found(seq), as_of=101.0)
    assert board.snapshot(Place("e1", 0), nonce="", as_of=102.0).gap
    assert not board.snapshot(Place("e1", MAX_BATCH_CHANGES), nonce="", as_of=102.0).gap


def test_more_changes_than_fit_a_batch_are_a_gap() -> None:
    board = board_at(0)
    many = tuple(StatusChange(1, index, REVOKED) for index in range(MAX_BATCH_CHANGES + 1))
    batch = board.take(found(1, *many), as_of=101.0)
    assert batch is not None
    assert batch.gap
    assert board.read_list(1).lookup(MAX_BATCH_CHANGES) == REVOKED


def test_denied_tokens_and_keys_are_told_once_and_to_who_begins_all() -> None:
    board = board_at(7)
    board.take(found(8, denied=(("a", 500),), kids=("k1",)), as_of=101.0)
    batch = board.take(found(9, denied=(("a", 500), ("b", 600)), kids=("k1", "k2")), as_of=102.0)
    assert batch is not None
    assert (batch.denied, batch.kids) == ((("b", 600),), ("k2",))
    snapshot = board.snapshot(None, nonce="", as_of=103.0)
    assert (snapshot.denied, snapshot.kids) == ((("a", 500), ("b", 600)), ("k1", "k2"))


def test_another_epoch_begins_anew() -> None:
    board = board_at(7, StatusChange(1, 5, REVOKED))
    batch = board.take(found(8, epoch="e2"), as_of=101.0)
    assert batch is not None
    assert (batch.epoch, batch.gap) == ("e2", True)
    assert not any(board.read_list(1).data)
    assert board.find_list("e1-1") is None
    assert board.find_list("e2-1") == 1


def test_a_store_that_went_back_begins_anew() -> None:
    board = board_at(7, StatusChange(1, 5, REVOKED))
    batch = board.take(found(6), as_of=101.0)
    assert batch is not None
    assert (batch.after, batch.seq, batch.gap) == (6, 6, True)
    assert not any(board.read_list(1).data)


def test_who_has_seen_more_than_there_is_shows_a_restored_store() -> None:
    board = board_at(7)
    assert board.is_behind(Place("e1", 8))
    assert not board.is_behind(Place("e1", 7))
    assert not board.is_behind(Place("e0", 8))


@pytest.mark.parametrize("name", ["e1-0", "e1-2", "e1-01", "e1-", "e1", "e1-1x", "e1-٣", "-1", ""])
def test_no_other_name_is_that_of_a_list(name: str) -> None:
    assert board_at(7).find_list(name) is None


@pytest.mark.parametrize("text", [None, "", "7", ".", "e1.", "e1.-1", "e1.7x", "e1." + "9" * 19])
def test_what_is_no_place_is_none(text: str | None) -> None:
    assert read_place(text) is None


def test_a_place_is_an_epoch_and_a_number() -> None:
    assert read_place("e1.7") == Place("e1", 7)
