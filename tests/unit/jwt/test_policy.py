"""A policy that was built can be used: what makes no sense is refused when it is made."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import ANY_AUDIENCE, Policy, errors


def policy(**changes: Any) -> Policy:
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "at+jwt"}
    return Policy(**(given | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"leeway_seconds": True},
        {"leeway_seconds": 1.5},
        {"leeway_seconds": "1"},
        {"leeway_seconds": float("nan")},
        {"max_age_seconds": -1},
        {"max_age_seconds": "60"},
        {"max_age_seconds": False},
        {"max_bytes": 0},
        {"max_bytes": None},
        {"max_bytes": "65536"},
        {"profile": "access token"},
        {"profile": None},
        {"required": "tenant"},
        {"required": b"tenant"},
        {"required": [""]},
        {"required": [1]},
        {"required": [("tenant",)]},
        {"required": [("tenant", 1)]},
        {"required": [("", "x")]},
        {"required": [("tenant", "a", "b")]},
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        policy(**changes)


def test_a_policy_cannot_be_changed() -> None:
    made: Any = policy()
    with pytest.raises(AttributeError):
        made.leeway_seconds = 60


def test_a_claim_that_is_required_by_name_is_required_where_its_check_is_waived() -> None:
    asking = policy(audience=ANY_AUDIENCE, required=["aud"])
    accept(token(aud="https://other.example"), asking)
    with pytest.raises(errors.MissingClaim, match="aud"):
        accept(token(aud=...), asking)


def test_the_longest_token_is_the_policys_to_say() -> None:
    raw = token()
    accept(raw, policy(max_bytes=len(raw)))
    with pytest.raises(errors.TokenTooLarge):
        accept(raw, policy(max_bytes=len(raw) - 1))
