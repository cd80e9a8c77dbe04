"""A token that a cache remembers is asked again all that may have changed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, NOW, POLICY, accept, seal, secret_key, token

from lingpai import Key, Policy, VerifiedToken, errors, sign
from lingpai.jwt.verify import verify
from lingpai.verifier.token_cache import TokenCache

JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def remembered(raw: str, policy: Policy = POLICY, **options: Any) -> TokenCache:
    """A cache that has seen the token verify."""
    cache = TokenCache()
    first = accept(raw, policy, cache=cache, **options)
    assert accept(raw, policy, cache=cache, **options) is first
    return cache


def test_a_remembered_token_is_the_same_object() -> None:
    raw = token()
    cache = remembered(raw)
    assert isinstance(accept(raw, cache=cache), VerifiedToken)


def test_it_expires_all_the_same() -> None:
    raw = token()
    cache = remembered(raw)
    accept(raw, cache=cache, now=NOW + 299)
    with pytest.raises(errors.TokenExpired):
        accept(raw, cache=cache, now=NOW + 300)


def test_a_clock_that_steps_back_is_seen() -> None:
    raw = token(nbf=NOW)
    cache = remembered(raw)
    with pytest.raises(errors.TokenNotYetValid):
        accept(raw, cache=cache, now=NOW - 1)


def test_its_age_is_asked_each_time() -> None:
    raw = token(iat=NOW - 50)
    cache = remembered(raw)
    accept(raw, cache=cache, max_age_seconds=50)
    with pytest.raises(errors.TokenTooOld):
        accept(raw, cache=cache, max_age_seconds=49)


def test_its_proof_is_asked_each_time() -> None:
    raw = token(cnf={"jkt": JKT})
    cache = remembered(raw, jkt=JKT)
    with pytest.raises(errors.MissingProof):
        accept(raw, cache=cache)
    with pytest.raises(errors.InvalidProof):
        accept(raw, cache=cache, jkt="another")


def test_its_nonce_is_asked_each_time() -> None:
    raw = token(nonce="n")
    cache = remembered(raw)
    accept(raw, cache=cache, nonce="n")
    with pytest.raises(errors.NonceMismatch):
        accept(raw, cache=cache, nonce="m")


def test_another_policy_does_not_share_it() -> None:
    raw = token()
    cache = remembered(raw)
    other = Policy(issuer=ISSUER, audience="https://other.example", typ="at+jwt")
    with pytest.raises(errors.AudienceMismatch):
        accept(raw, other, cache=cache)
    accept(raw, Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt"), cache=cache)


def test_other_keys_do_not_share_it() -> None:
    raw = token()
    cache = remembered(raw)
    other = Key.from_secret(bytes(range(1, 33)), alg="HS256")
    with pytest.raises(errors.SignatureInvalid):
        verify(raw, other, POLICY, now=NOW, cache=cache)


def test_a_refused_token_is_not_remembered() -> None:
    raw = token(aud="https://other.example")
    cache = TokenCache()
    for _ in range(2):
        with pytest.raises(errors.AudienceMismatch):
            accept(raw, cache=cache)
    forged = seal({"alg": "HS256", "typ": "at+jwt"}, b"{}", lambda _: bytes(32))
    with pytest.raises(errors.SignatureInvalid):
        accept(forged, cache=cache)
    assert len(cache) == 0


def test_a_nested_token_is_not_remembered() -> None:
    wrapping = Key.from_secret(bytes(range(16)), alg="A128KW")
    raw = sign(
        {"iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 9},
        secret_key(),
        typ="at+jwt",
        encrypt_to=wrapping,
    )
    cache = TokenCache()
    verify(raw, secret_key(), POLICY, now=NOW, cache=cache, decrypt_with=wrapping)
    assert len(cache) == 0
