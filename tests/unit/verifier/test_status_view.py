"""What a view makes of lists and batches: gaps, epochs, ages. Times are made up."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from lingpai.jwt.status_list import Status, StatusList, StatusListToken
from lingpai.jwt.status_stream import Batch
from lingpai.verifier.status_view import StatusView

URI = "https://issuer.test/status-lists/1"
HELLO = Batch("e1", 5, 5, as_of=1000.0, is_snapshot=True, nonce="n")


def a_list(seq: int | None = 5, *, epoch: str = "e1", **statuses: int) -> StatusListToken:
    """A list of 64, with `at_3=1` for the status 1 at index 3."""
    changed = {int(name.removeprefix("at_")): to for name, to in statuses.items()}
    data = StatusList.zeros(64, bits=2).changed(changed)
    claims: dict[str, Any] = {} if seq is None else {"seq": seq, "epoch": epoch}
    return StatusListToken(URI, data, 1000, float("inf"), 300.0, MappingProxyType(claims))


def a_view(*, seq: int = 5) -> StatusView:
    """One that follows the stream and holds the list."""
    view = StatusView()
    view.begin(replace(HELLO, after=seq, seq=seq), asked_at=10.0, now=10.1)
    view.take(a_list(seq), as_of=10.0, due_at=300.0)
    return view


def change(view: StatusView, after: int, seq: int, *pairs: tuple[int, int], at: float) -> bool:
    """One batch that arrives at `at` on the steady clock, told at once."""
    batch = Batch("e1", after, seq, as_of=990.0 + at, changes={URI: pairs} if pairs else {})
    return view.advance(batch, now=at)


def status(view: StatusView, index: int) -> int | None:
    return view.lists[URI].lookup(index)


def test_a_list_that_is_held_is_not_missing_whatever_one_answer_says() -> None:
    view = StatusView()
    view.note_missing(URI, until=60.0)
    assert view.is_missing(URI, now=59.0)
    assert not view.is_missing(URI, now=60.0)
    held = a_view()
    held.note_missing(URI, until=60.0)
    assert not held.is_missing(URI, now=0.0)


def test_a_batch_changes_the_list() -> None:
    view = a_view()
    before = view.version
    assert change(view, 5, 6, (3, Status.INVALID), at=11.0)
    assert status(view, 3) == Status.INVALID
    assert status(view, 2) == status(view, 4) == Status.VALID
    assert view.version is not before
    assert view.event_id == "e1.6"


def test_a_heartbeat_makes_the_view_younger_and_changes_nothing() -> None:
    view = a_view()
    before = view.version
    assert change(view, 5, 5, at=42.0)
    assert view.as_of(view.lists[URI]) == 42.0
    assert view.version is before


def test_a_batch_that_leaves_a_gap_is_not_taken() -> None:
    view = a_view()
    assert not change(view, 7, 8, (3, 1), at=11.0)
    assert status(view, 3) == Status.VALID
    assert view.as_of(view.lists[URI]) < 11.0


def test_a_batch_of_another_epoch_is_not_taken() -> None:
    view = a_view()
    assert not view.advance(Batch("e2", 5, 6, as_of=1001.0), now=11.0)


def test_a_snapshot_that_resumes_brings_what_was_missed() -> None:
    view = a_view()
    missed = Batch("e1", 5, 9, 1030.0, {URI: ((7, 1),)}, is_snapshot=True, nonce="m")
    assert not view.begin(missed, asked_at=40.0, now=40.1)
    assert status(view, 7) == Status.INVALID
    assert view.lists[URI].follows


@pytest.mark.parametrize(
    "snapshot",
    [
        replace(HELLO, after=9, seq=9),
        replace(HELLO, gap=True, after=5, seq=8),
        replace(HELLO, epoch="e2"),
    ],
    ids=["later", "gap", "epoch"],
)
def test_after_a_gap_nothing_vouches_for_lists_until_they_are_fetched(snapshot: Batch) -> None:
    view = a_view()
    assert view.begin(snapshot, asked_at=500.0, now=500.1)
    held = view.lists.get(URI)
    assert held is None or view.as_of(held) == 10.0
    view.take(a_list(snapshot.seq, epoch=snapshot.epoch), as_of=500.0, due_at=900.0)
    assert view.as_of(view.lists[URI]) == pytest.approx(500.0)


def test_lists_of_another_epoch_are_dropped() -> None:
    view = a_view()
    view.begin(replace(HELLO, epoch="e2"), asked_at=20.0, now=20.1)
    assert view.lists == {}


def test_a_list_older_than_the_stream_is_brought_up_to_it() -> None:
    view = StatusView()
    view.begin(HELLO, asked_at=10.0, now=10.1)
    change(view, 5, 6, (3, 1), at=11.0)
    assert view.take(a_list(5), as_of=10.0, due_at=300.0)
    assert status(view, 3) == Status.INVALID
    assert view.lists[URI].follows


def test_a_list_older_than_what_the_stream_remembers_does_not_follow_it() -> None:
    view = a_view(seq=5)
    view.lists.clear()
    assert not view.take(a_list(4), as_of=9.0, due_at=300.0)
    assert view.as_of(view.lists[URI]) == 9.0


def test_a_list_newer_than_the_stream_is_not_set_back() -> None:
    view = StatusView()
    view.begin(HELLO, asked_at=10.0, now=10.1)
    view.take(a_list(7, at_3=Status.STALE), as_of=10.0, due_at=300.0)
    change(view, 5, 6, (3, Status.SUSPENDED), at=11.0)
    assert status(view, 3) == Status.STALE


def test_an_old_copy_from_a_cache_does_not_take_back_a_revocation() -> None:
    view = a_view()
    change(view, 5, 6, (3, Status.INVALID), at=11.0)
    view.take(a_list(5), as_of=10.0, due_at=300.0)
    assert status(view, 3) == Status.INVALID


def test_the_age_is_told_by_the_question_not_by_either_wall_clock() -> None:
    """The issuer's clock is far from ours; the answer was made after we asked, at 100."""
    view = StatusView()
    view.begin(replace(HELLO, as_of=5_000_000.0), asked_at=100.0, now=103.0)
    assert view.stream_as_of == 100.0


def test_a_batch_held_back_on_the_way_counts_from_when_it_was_made() -> None:
    view = a_view()
    view.advance(Batch("e1", 5, 5, as_of=1002.0), now=60.0)
    assert view.stream_as_of == 12.0


def test_an_issuer_clock_that_leaps_ahead_makes_nothing_younger_than_now() -> None:
    view = a_view()
    view.advance(Batch("e1", 5, 5, as_of=9999.0), now=11.0)
    assert view.stream_as_of == 11.0


def test_a_list_without_a_number_does_not_follow_the_stream() -> None:
    view = StatusView()
    view.begin(HELLO, asked_at=10.0, now=10.1)
    view.take(a_list(None), as_of=9.0, due_at=300.0)
    assert view.as_of(view.lists[URI]) == 9.0


def test_revoked_kids_are_remembered_whatever_a_later_snapshot_says() -> None:
    view = a_view()
    view.advance(Batch("e1", 5, 5, as_of=1001.0, kids=("k1",)), now=11.0)
    view.begin(replace(HELLO, epoch="e2"), asked_at=20.0, now=20.1)
    assert view.revoked_kids == {"k1"}


def test_a_list_that_came_before_the_stream_is_kept_and_follows_if_it_is_new_enough() -> None:
    view = StatusView()
    view.take(a_list(5), as_of=9.0, due_at=300.0)
    view.begin(HELLO, asked_at=10.0, now=10.1)
    assert view.lists[URI].follows
    late = StatusView()
    late.take(a_list(4), as_of=9.0, due_at=300.0)
    late.begin(HELLO, asked_at=10.0, now=10.1)
    assert not late.lists[URI].follows
    assert late.lists[URI].due_at < 0


def test_denied_tokens_are_forgotten_after_their_end_and_not_before() -> None:
    view = a_view()
    for i in range(5000):
        now = 1000.0 + i
        denied = ((f"token-{i}", int(now) + 300),)
        view.advance(Batch("e1", 5, 5, as_of=now, denied=denied), now=10.0 + i)
        good_for = range(max(0, i - 299), i + 1)
        assert all(f"token-{n}" in view.denied for n in (good_for[0], good_for[-1]))
    assert len(view.denied) < 2500
