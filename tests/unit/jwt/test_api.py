"""The face of the library: the clock is read where the caller does not say what time it is."""

from __future__ import annotations

import time

import pytest
from tests.support.tokens import POLICY, secret_key, token

import lingpai
from lingpai import errors


def test_without_a_moment_the_clock_decides() -> None:
    now = int(time.time())
    fresh = token(exp=now + 60, iat=now)
    assert lingpai.verify(fresh, secret_key(), POLICY).expires_at == now + 60
    with pytest.raises(errors.TokenExpired):
        lingpai.verify(token(exp=now, iat=now - 60), secret_key(), POLICY)


def test_the_clock_decides_with_options_too() -> None:
    now = int(time.time())
    lingpai.verify(token(exp=now + 60, iat=now), secret_key(), POLICY, max_age_seconds=30)
    with pytest.raises(errors.TokenExpired):
        lingpai.verify(token(exp=now, iat=now - 9), secret_key(), POLICY, max_age_seconds=30)


def test_the_moment_zero_is_a_moment() -> None:
    raw = token(exp=60, iat=0)
    assert lingpai.verify(raw, secret_key(), POLICY, now=0).expires_at == 60
    assert lingpai.verify(raw, secret_key(), POLICY, now=0, max_age_seconds=5).expires_at == 60
