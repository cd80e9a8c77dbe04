"""Standing of a presented generation, and the deadlines of a family, at their boundaries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import FAMILY, NOW, SESSION, presented

from lingpai_server.sessions.families import (
    Standing,
    absolute_deadline,
    decide_standing,
    idle_deadline,
    why_over,
)
from lingpai_server.sessions.policy import SessionPolicy

POLICY = SessionPolicy(idle_seconds=1000, absolute_seconds=5000, grace_seconds=10)
CURRENT = FAMILY.generation


def _standing(
    generation: int, *, after_rotation: float = 60, limit: bool = True, version: int = 2
) -> Standing:
    return decide_standing(
        presented(generation, key_version=version),
        FAMILY,
        POLICY,
        now=FAMILY.rotated_at + after_rotation,
        grace_has_limit=limit,
    )


def test_the_current_generation_is_current_however_old() -> None:
    assert _standing(CURRENT, after_rotation=1e9) is Standing.CURRENT


def test_the_previous_generation_just_before_the_window_ends_is_in_grace() -> None:
    assert _standing(CURRENT - 1, after_rotation=9.999) is Standing.PREVIOUS_IN_GRACE


def test_the_previous_generation_exactly_when_the_window_ends_is_reuse() -> None:
    assert _standing(CURRENT - 1, after_rotation=10) is Standing.REUSED


def test_the_previous_generation_on_a_clock_behind_the_rotation_is_in_grace() -> None:
    assert _standing(CURRENT - 1, after_rotation=-3) is Standing.PREVIOUS_IN_GRACE


def test_without_a_limit_the_previous_generation_is_always_in_grace() -> None:
    assert _standing(CURRENT - 1, after_rotation=1e9, limit=False) is Standing.PREVIOUS_IN_GRACE


@pytest.mark.parametrize("limit", [True, False])
def test_what_is_older_than_the_previous_is_reuse_even_within_the_window(limit: bool) -> None:
    assert _standing(CURRENT - 2, after_rotation=0, limit=limit) is Standing.REUSED


def test_a_generation_above_the_current_was_never_issued() -> None:
    assert _standing(CURRENT + 1) is Standing.NEVER_ISSUED


def test_a_generation_under_another_key_version_was_never_issued() -> None:
    assert _standing(CURRENT, version=1) is Standing.NEVER_ISSUED


def test_no_grace_at_all_makes_the_previous_generation_reuse_at_once() -> None:
    policy = replace(POLICY, grace_seconds=0)
    now = FAMILY.rotated_at
    standing = decide_standing(
        presented(CURRENT - 1), FAMILY, policy, now=now, grace_has_limit=True
    )
    assert standing is Standing.REUSED


def test_a_live_family_has_no_reason_to_be_over() -> None:
    assert why_over(FAMILY, SESSION, now=NOW) is None


def test_the_second_before_the_idle_deadline_is_alive() -> None:
    assert why_over(FAMILY, SESSION, now=FAMILY.idle_deadline - 0.001) is None


def test_the_idle_deadline_itself_is_too_late() -> None:  # OWASP ASVS 5.0 requirement 7.3.1
    assert why_over(FAMILY, SESSION, now=FAMILY.idle_deadline) == "idle_deadline_passed"


def test_the_absolute_deadline_itself_is_too_late() -> None:  # requirement 7.3.2
    family = replace(FAMILY, idle_deadline=FAMILY.absolute_deadline + 1)
    alive = why_over(family, SESSION, now=family.absolute_deadline - 0.001)
    over = why_over(family, SESSION, now=family.absolute_deadline)
    assert (alive, over) == (None, "absolute_deadline_passed")


def test_the_absolute_deadline_of_the_session_counts_too() -> None:
    session = replace(SESSION, absolute_deadline=NOW)
    assert why_over(FAMILY, session, now=NOW) == "absolute_deadline_passed"


def test_a_revoked_family_is_over_before_its_deadlines() -> None:
    family = replace(FAMILY, revoked_at=NOW - 1, revoked_reason="test")
    assert why_over(family, SESSION, now=NOW) == "family_revoked"


def test_a_family_whose_session_ended_is_over() -> None:
    session = replace(SESSION, ended_at=NOW - 1, end_reason="test")
    assert why_over(FAMILY, session, now=NOW) == "session_ended"


def test_the_idle_deadline_slides_with_the_clock() -> None:
    assert idle_deadline(POLICY, NOW + 5000, now=NOW + 7.9) == NOW + 1007


def test_the_idle_deadline_never_slides_past_the_absolute_one() -> None:
    assert idle_deadline(POLICY, NOW + 5000, now=NOW + 4500) == NOW + 5000


def test_the_absolute_deadline_counts_from_the_login() -> None:
    assert absolute_deadline(POLICY, auth_time=NOW) == NOW + 5000
