"""exp, nbf, iat, leeway and age: each boundary on both sides (RFC 7519 section 4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, NOW, accept, token

from lingpai import Policy, errors
from lingpai.jwt.claims import IAT_TOLERANCE_SECONDS
from lingpai.jwt.profiles import SECURITY_EVENT


def policy(**options: Any) -> Policy:
    return Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", **options)


def test_a_token_is_good_one_second_before_exp() -> None:  # RFC 7519 section 4.1.4
    assert accept(token(exp=NOW + 1)).expires_at == NOW + 1


def test_a_token_expired_exactly_now_is_refused() -> None:  # RFC 7519 section 4.1.4
    with pytest.raises(errors.TokenExpired):
        accept(token(exp=NOW))


def test_a_fraction_of_exp_counts() -> None:  # RFC 7519 section 2, NumericDate
    raw = token(exp=NOW + 0.5)
    accept(raw, now=NOW + 0.4)
    with pytest.raises(errors.TokenExpired):
        accept(raw, now=NOW + 0.5)


def test_exp_is_required() -> None:
    with pytest.raises(errors.MissingClaim, match="exp"):
        accept(token(exp=...))


def test_leeway_lengthens_exp_to_its_last_second() -> None:
    accept(token(exp=NOW), policy(leeway_seconds=10), now=NOW + 9)
    with pytest.raises(errors.TokenExpired, match="leeway 10"):
        accept(token(exp=NOW), policy(leeway_seconds=10), now=NOW + 10)


def test_a_token_is_good_exactly_at_nbf() -> None:  # RFC 7519 section 4.1.5
    accept(token(nbf=NOW))


def test_a_token_is_refused_just_before_nbf() -> None:  # RFC 7519 section 4.1.5
    with pytest.raises(errors.TokenNotYetValid):
        accept(token(nbf=NOW + 0.001))


def test_leeway_lets_a_token_in_before_nbf() -> None:
    accept(token(nbf=NOW + 10), policy(leeway_seconds=10))
    with pytest.raises(errors.TokenNotYetValid):
        accept(token(nbf=NOW + 11), policy(leeway_seconds=10))


def test_iat_may_be_a_minute_ahead_and_no_more() -> None:
    accept(token(iat=NOW + IAT_TOLERANCE_SECONDS))
    with pytest.raises(errors.TokenIssuedInFuture):
        accept(token(iat=NOW + IAT_TOLERANCE_SECONDS + 1))


def test_iat_in_the_distant_past_is_no_harm() -> None:
    accept(token(iat=0))


def test_nbf_is_told_before_iat() -> None:
    with pytest.raises(errors.TokenNotYetValid):
        accept(token(nbf=NOW + 100, iat=NOW + 100))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["1800000000", True, False, None, [1], {"n": 1}, ""])
def test_a_time_is_a_number(name: str, value: Any) -> None:  # RFC 7519 section 2
    with pytest.raises(errors.InvalidClaim, match=name):
        accept(token(**{name: value}))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [2**53 + 1, -(2**53) - 1, 1e300, 10**300], ids=lambda v: f"{v:.0e}"
)
def test_a_time_beyond_what_a_double_holds_exactly_is_refused(name: str, value: Any) -> None:
    with pytest.raises(errors.InvalidClaim, match=name):
        accept(token(**{name: value}))


def test_the_policy_says_how_old_a_token_may_be() -> None:
    accept(token(iat=NOW - 60), policy(max_age_seconds=60))
    with pytest.raises(errors.TokenTooOld, match="issued 61 s ago, accepted for 60 s"):
        accept(token(iat=NOW - 61), policy(max_age_seconds=60))


def test_a_call_may_ask_for_a_younger_token() -> None:
    accept(token(iat=NOW - 60), max_age_seconds=60)
    with pytest.raises(errors.TokenTooOld):
        accept(token(iat=NOW - 61), max_age_seconds=60)


def test_leeway_counts_for_the_age_too() -> None:
    accept(token(iat=NOW - 70), policy(leeway_seconds=10), max_age_seconds=60)
    with pytest.raises(errors.TokenTooOld):
        accept(token(iat=NOW - 71), policy(leeway_seconds=10), max_age_seconds=60)


def test_an_age_of_zero_is_a_limit_and_not_the_lack_of_one() -> None:
    with pytest.raises(errors.TokenTooOld):
        accept(token(iat=NOW - 1), max_age_seconds=0)
    with pytest.raises(errors.TokenTooOld):
        accept(token(iat=NOW - 1), policy(max_age_seconds=0))


def test_without_iat_no_age_can_be_told() -> None:
    with pytest.raises(errors.MissingClaim, match="iat"):
        accept(token(iat=...), max_age_seconds=60)


@pytest.mark.parametrize("leeway_seconds", [-1, 601])
def test_leeway_has_bounds(leeway_seconds: int) -> None:
    with pytest.raises(ValueError, match="leeway"):
        policy(leeway_seconds=leeway_seconds)


def test_a_clock_that_says_nothing_lets_nothing_pass() -> None:
    with pytest.raises(errors.TokenExpired):
        accept(token(), now=float("nan"))


def test_an_age_by_a_clock_that_says_nothing_is_too_old() -> None:
    endless = Policy(
        issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", profile=SECURITY_EVENT, max_age_seconds=60
    )
    event = token(exp=..., sub=..., events={})
    accept(event, endless)
    with pytest.raises(errors.TokenError):
        accept(event, endless, now=float("nan"))
