"""Throttling: counted before the hash, refunded after a success, and never a cheap lock-out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lingpai_server.accounts.throttle import (
    Admitted,
    Throttled,
    ThrottlePolicy,
    ThrottleRule,
    decide_attempt,
    delay_seconds,
    failures_at,
    names_for,
    network_of,
    refund_attempt,
)
from lingpai_server.core.effects import MoveBucket, RefundBucket
from lingpai_server.core.records import Bucket

POLICY = ThrottlePolicy()
NAMES = names_for("alice", "192.0.2.7")
NOW = 1_800_000_000.0


def _apply(buckets: Mapping[str, Bucket], effects: tuple[object, ...]) -> dict[str, Bucket]:
    moved = dict(buckets)
    for effect in effects:
        assert isinstance(effect, MoveBucket)
        assert moved.get(effect.after.name) == effect.before
        moved[effect.after.name] = effect.after
    return moved


def _fail(times: int, *, now: float = NOW) -> dict[str, Bucket]:
    """The buckets after so many admitted attempts, each made as soon as it may be."""
    buckets: dict[str, Bucket] = {}
    for _ in range(times):
        now = max([now, *(b.blocked_until for b in buckets.values())])
        decision = decide_attempt(NAMES, buckets, POLICY, now=now)
        assert decision.reply == Admitted()
        buckets = _apply(buckets, decision.effects)
    return buckets


def _pair(failures: float, *, blocked_until: float, updated_at: float = NOW) -> dict[str, Bucket]:
    return {NAMES.pair: Bucket(NAMES.pair, failures, updated_at, blocked_until)}


def test_the_three_buckets_of_an_attempt_are_named_for_what_they_count() -> None:
    assert NAMES.all() == ("pair:alice|192.0.2.7", "account:alice", "address:192.0.2.7")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("unix:/run/x", "unknown"),
        ("192.0.2.07", "unknown"),
    ],
)
def test_an_address_counts_as_its_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_an_admitted_attempt_is_counted_in_all_three_buckets() -> None:
    decision = decide_attempt(NAMES, {}, POLICY, now=NOW)
    assert decision.reply == Admitted()
    assert decision.effects == tuple(
        MoveBucket(None, Bucket(name, 1.0, NOW, NOW)) for name in NAMES.all()
    )


def test_five_attempts_are_free_and_the_sixth_waits_a_second() -> None:
    buckets = _fail(5)
    early = decide_attempt(NAMES, buckets, POLICY, now=NOW + 0.5)
    assert early.reply == Throttled(1)
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW + 1).reply == Admitted()


def test_an_attempt_that_came_too_soon_is_not_counted() -> None:
    assert decide_attempt(NAMES, _fail(5), POLICY, now=NOW).effects == ()


def test_an_attempt_exactly_when_the_block_ends_is_admitted() -> None:
    buckets = _pair(9, blocked_until=NOW + 16)
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW + 15.999).reply == Throttled(1)
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW + 16).reply == Admitted()


@pytest.mark.parametrize(
    ("failures", "delay"),
    [
        (0, 0),
        (4, 0),
        (5, 1),
        (6, 2),
        (7, 4),
        (8, 8),
        (14, 512),
        (15, 900),
        (1000, 900),
        (1e300, 900),
    ],
)
def test_the_delay_doubles_after_the_free_attempts_up_to_the_cap(
    failures: float, delay: float
) -> None:
    assert delay_seconds(failures, POLICY.pair) == delay


def test_a_little_decay_between_attempts_does_not_blur_the_count() -> None:
    assert delay_seconds(4.9, POLICY.pair) == 1


def test_the_wait_is_told_in_whole_seconds_rounded_up() -> None:
    buckets = _pair(9, blocked_until=NOW + 2.1)
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW).reply == Throttled(3)


def test_the_longest_of_the_three_waits_is_told() -> None:
    buckets = {
        NAMES.pair: Bucket(NAMES.pair, 9, NOW, NOW + 5),
        NAMES.account: Bucket(NAMES.account, 60, NOW, NOW + 40),
        NAMES.address: Bucket(NAMES.address, 1, NOW, NOW),
    }
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW).reply == Throttled(40)


def test_half_of_the_failures_are_forgotten_after_the_half_life() -> None:
    bucket = Bucket("x", 8, NOW, NOW)
    assert failures_at(bucket, POLICY, now=NOW + 3600) == pytest.approx(4)


def test_a_clock_that_went_back_forgets_nothing() -> None:
    assert failures_at(Bucket("x", 8, NOW, NOW), POLICY, now=NOW - 10_000) == 8


def test_a_block_set_by_a_clock_that_was_put_back_does_not_last_for_years() -> None:
    buckets = _pair(9, blocked_until=NOW + 900, updated_at=NOW)
    assert decide_attempt(NAMES, buckets, POLICY, now=NOW - 1e8).reply == Admitted()


def test_another_address_may_still_try_an_account_that_one_address_exhausted() -> None:
    buckets = _fail(12)
    elsewhere = names_for("alice", "198.51.100.9")
    now = max(bucket.updated_at for bucket in buckets.values())
    assert decide_attempt(elsewhere, buckets, POLICY, now=now).reply == Admitted()


def test_an_account_under_attack_from_everywhere_waits_a_minute_at_most() -> None:
    buckets = {NAMES.account: Bucket(NAMES.account, 1e6, NOW, NOW)}
    decision = decide_attempt(NAMES, buckets, POLICY, now=NOW)
    assert decision.reply == Admitted()
    account = _apply(buckets, decision.effects)[NAMES.account]
    assert account.blocked_until - NOW == 60


def test_a_success_gives_its_own_attempt_back_and_no_more() -> None:
    assert refund_attempt(NAMES) == tuple(
        RefundBucket(name, count=1, clear=True) for name in NAMES.all()
    )


@pytest.mark.parametrize(
    ("free", "base", "cap"), [(0, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, float("inf"))]
)
def test_a_rule_that_could_not_mean_anything_is_refused(free: int, base: float, cap: float) -> None:
    with pytest.raises(ValueError):
        ThrottleRule(free=free, base_seconds=base, cap_seconds=cap)


@pytest.mark.parametrize("half_life", [0, -1, float("inf"), float("nan")])
def test_a_half_life_that_could_not_mean_anything_is_refused(half_life: float) -> None:
    with pytest.raises(ValueError):
        ThrottlePolicy(half_life_seconds=half_life)
