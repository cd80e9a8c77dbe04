"""Throttle buckets: moved by compare-and-set, refunded without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.stores import NOW, fill, run

from lingpai_server.core.effects import MoveBucket, RefundBucket
from lingpai_server.core.ports import StaleState, Store
from lingpai_server.core.records import Bucket

FIRST = Bucket("account:ming", 1.0, NOW + 0.1, 0.0)
SECOND = Bucket("account:ming", 1.9999999999999998, NOW + 0.2, NOW + 0.30000000000000004)


def bucket(store: Store) -> Bucket | None:
    """The bucket as it stands."""
    return run(store.load_buckets([FIRST.name])).get(FIRST.name)


def test_an_untouched_bucket_is_absent(store: Store) -> None:
    assert run(store.load_buckets([FIRST.name])) == {}


def test_only_the_named_buckets_are_loaded(store: Store) -> None:
    other = replace(FIRST, name="address:::1")
    fill(store, [MoveBucket(None, FIRST), MoveBucket(None, other)])
    assert run(store.load_buckets([other.name, "nothing"])) == {other.name: other}


def test_a_bucket_is_filled_once(store: Store) -> None:
    fill(store, [MoveBucket(None, FIRST)])
    with pytest.raises(StaleState):
        run(store.apply((MoveBucket(None, SECOND),)))
    assert bucket(store) == FIRST


def test_a_bucket_moves_from_exactly_what_it_was(store: Store) -> None:
    fill(store, [MoveBucket(None, FIRST)], [MoveBucket(FIRST, SECOND)])
    assert bucket(store) == SECOND
    fill(store, [MoveBucket(SECOND, FIRST)])
    assert bucket(store) == FIRST


@pytest.mark.parametrize("changed", ["failures", "updated_at", "blocked_until"])
def test_a_move_from_another_state_is_lost(store: Store, changed: str) -> None:
    fill(store, [MoveBucket(None, SECOND)])
    value = getattr(SECOND, changed)
    before = Bucket(
        SECOND.name,
        value + 1 if changed == "failures" else SECOND.failures,
        value + 1 if changed == "updated_at" else SECOND.updated_at,
        value + 1 if changed == "blocked_until" else SECOND.blocked_until,
    )
    with pytest.raises(StaleState):
        run(store.apply((MoveBucket(before, FIRST),)))
    assert bucket(store) == SECOND


def test_a_move_of_an_absent_bucket_is_lost(store: Store) -> None:
    with pytest.raises(StaleState):
        run(store.apply((MoveBucket(FIRST, SECOND),)))


def test_a_refund_gives_attempts_back_and_leaves_the_block(store: Store) -> None:
    full = Bucket("account:ming", 5.5, NOW, NOW + 60.0)
    fill(store, [MoveBucket(None, full)], [RefundBucket(full.name, 1.0, clear=False)])
    assert bucket(store) == replace(full, failures=4.5)


def test_a_refund_never_goes_below_zero(store: Store) -> None:
    fill(store, [MoveBucket(None, FIRST)], [RefundBucket(FIRST.name, 3.0, clear=False)])
    assert bucket(store) == replace(FIRST, failures=0.0)


def test_a_refund_clears_the_block_when_asked(store: Store) -> None:
    fill(store, [MoveBucket(None, SECOND)], [RefundBucket(SECOND.name, 0.0, clear=True)])
    assert bucket(store) == replace(SECOND, blocked_until=0.0)


def test_a_refund_to_an_absent_bucket_does_nothing(store: Store) -> None:
    fill(store, [RefundBucket(FIRST.name, 1.0, clear=True)])
    assert bucket(store) is None
