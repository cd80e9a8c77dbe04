"""Session policies: numbers that contradict each other are refused where they are made."""

from __future__ import annotations

import pytest

from lingpai_server.sessions.policy import SessionPolicy


def test_the_defaults_are_14_days_idle_90_days_in_all_and_10_seconds_of_grace() -> None:
    assert SessionPolicy() == SessionPolicy(
        idle_seconds=1_209_600, absolute_seconds=7_776_000, grace_seconds=10
    )


@pytest.mark.parametrize(
    ("idle", "absolute", "grace"),
    [(0, 10, 0), (10, 0, 0), (11, 10, 0), (10, 20, -1), (10, 20, 10)],
    ids=["no idle", "no absolute", "idle above absolute", "negative grace", "grace as idle"],
)
def test_a_contradictory_policy_is_refused(idle: int, absolute: int, grace: int) -> None:
    with pytest.raises(ValueError):
        SessionPolicy(idle_seconds=idle, absolute_seconds=absolute, grace_seconds=grace)


def test_the_grace_window_may_be_switched_off() -> None:
    assert SessionPolicy(grace_seconds=0).grace_seconds == 0
