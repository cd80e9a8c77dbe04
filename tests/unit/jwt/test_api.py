"""The face of the library: the clock is read where the caller does not say what time it is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support.tokens import NOW, POLICY, claims, secret_key, token

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


@pytest.mark.parametrize("keys", [None, "secret", b"secret", [secret_key()]])
def test_what_is_no_key_is_the_callers_mistake(keys: Any) -> None:
    with pytest.raises(TypeError, match="a Key or a KeySet"):
        lingpai.verify(token(), keys, POLICY, now=NOW)


@pytest.mark.parametrize("rules", [None, {"issuer": "x"}])
def test_what_is_no_policy_is_the_callers_mistake(rules: Any) -> None:
    with pytest.raises(TypeError, match="a Policy"):
        lingpai.verify(token(), secret_key(), rules, now=NOW)


def test_sign_takes_no_bare_secret() -> None:
    secret: Any = b"secret" * 8
    with pytest.raises(TypeError, match="a Key"):
        lingpai.sign(claims(), secret, typ="at+jwt")
