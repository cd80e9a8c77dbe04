"""The cache of verified tokens: exactly this token, these keys, this policy; within its bounds."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lingpai import Policy
from lingpai.jose.key_set import KeySet
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify
from lingpai.testing import FakeIssuer
from lingpai.verifier.token_cache import Entry, TokenCache

NOW = 1_900_000_000
ISSUER = FakeIssuer(clock=lambda: NOW)
KEYS = KeySet([ISSUER.key.public])


def policy(**changes: Any) -> Policy:
    members: dict[str, Any] = {"issuer": ISSUER.issuer, "audience": ISSUER.audience}
    return Policy(**{**members, "typ": "at+jwt", **changes})


POLICY = policy()


def verified(raw: str, **policy_changes: Any) -> VerifiedToken:
    return verify(raw, KEYS, policy(**policy_changes), now=NOW)


def fill(cache: TokenCache, count: int) -> list[str]:
    raws = [ISSUER.token() for _ in range(count)]
    token = verified(raws[0])
    for raw in raws:
        cache.keep(raw, KEYS, POLICY, token)
    return raws


# --- what counts as the same --------------------------------------------------------------------


def test_the_same_token_is_found() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    token = verified(raw)
    cache.keep(raw, KEYS, POLICY, token)
    assert cache.find("".join(raw), KEYS, POLICY) is token


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_differs_in_one_character_is_another(part: int) -> None:  # CVE-2026-35030
    cache, raw = TokenCache(), ISSUER.token()
    cache.keep(raw, KEYS, POLICY, verified(raw))
    parts = raw.split(".")
    parts[part] = parts[part][:-1] + ("A" if parts[part][-1] != "A" else "B")
    assert cache.find(".".join(parts), KEYS, POLICY) is None


def test_an_equal_policy_that_is_another_object_shares_nothing() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    cache.keep(raw, KEYS, POLICY, verified(raw))
    assert cache.find(raw, KEYS, policy()) is None


def test_an_equal_key_set_that_is_another_object_shares_nothing() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    cache.keep(raw, KEYS, POLICY, verified(raw))
    assert cache.find(raw, KeySet([ISSUER.key.public]), POLICY) is None


def test_a_token_that_verified_under_keys_gone_since_is_not_found() -> None:
    """Even if it is kept only after the keys changed: the entry says which keys it is of."""
    cache, raw, new_keys = TokenCache(), ISSUER.token(), KeySet([ISSUER.key.public])
    token = verified(raw)
    cache.clear()  # the keys change here
    cache.keep(raw, KEYS, POLICY, token)
    assert cache.find(raw, new_keys, POLICY) is None


def test_verify_takes_the_cache_as_its_own() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    first = verify(raw, KEYS, POLICY, now=NOW, cache=cache)
    assert verify(raw, KEYS, POLICY, now=NOW, cache=cache) is first


def test_bytes_are_not_remembered() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    cache.keep(raw.encode(), KEYS, POLICY, verified(raw))
    assert (len(cache), cache.find(raw.encode(), KEYS, POLICY)) == (0, None)


# --- the time of an entry -----------------------------------------------------------------------


def good_time(raw: str, **policy_changes: Any) -> tuple[float, float]:
    entry = Entry(verified(raw, **policy_changes), KEYS, policy(**policy_changes), 0)
    return entry.start, entry.end


def test_an_entry_ends_with_the_token() -> None:
    assert good_time(ISSUER.token(exp=NOW + 50))[1] == NOW + 50


def test_leeway_widens_the_time_at_both_ends() -> None:
    raw = ISSUER.token(nbf=NOW + 5, exp=NOW + 50)
    assert good_time(raw, leeway_seconds=10) == (NOW - 5, NOW + 60)


def test_the_greatest_age_ends_an_entry_before_the_token() -> None:
    assert good_time(ISSUER.token(exp=NOW + 300), max_age_seconds=20)[1] == NOW + 20


def test_a_token_bound_to_a_key_is_never_good_without_a_look() -> None:  # RFC 7800
    raw = ISSUER.token(cnf={"jkt": "x"})
    token = verify(raw, KEYS, POLICY, now=NOW, jkt="x")
    entry = Entry(token, KEYS, POLICY, 0)
    assert not entry.start <= NOW < entry.end


# --- bounds -------------------------------------------------------------------------------------


def test_what_is_held_never_passes_the_bound() -> None:
    cache = TokenCache(60_000)
    for _ in range(20):
        fill(cache, 5)
        assert 0 < cache.size_bytes <= 60_000


def test_the_estimate_covers_what_is_really_used() -> None:
    claims: dict[str, Any] = {
        "list": [f"role-{i}" for i in range(20)],
        "tree": [{"a": [1.5, None]}] * 20,
    }
    raws = [ISSUER.token(**claims) for _ in range(200)]
    verify(raws[0], KEYS, POLICY, now=NOW)  # what is allocated once is not the cache's
    cache = TokenCache()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for raw in raws:
            copy = raw[:10] + raw[10:]  # the cache may be the only holder of the text
            verify(copy, KEYS, POLICY, now=NOW, cache=cache)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 * cache.size_bytes < used <= cache.size_bytes


def test_what_was_asked_for_last_stays_longest() -> None:
    cache = TokenCache(60_000)
    favourite = fill(cache, 1)[0]
    for _ in range(10):
        fill(cache, 5)
        assert cache.find(favourite, KEYS, POLICY) is not None


def test_what_nobody_asks_for_is_forgotten() -> None:
    cache = TokenCache(60_000)
    first = fill(cache, 1)[0]
    fill(cache, 100)
    assert cache.find(first, KEYS, POLICY) is None


def test_keeping_a_token_again_takes_no_more_room() -> None:
    cache, raw = TokenCache(), ISSUER.token()
    token = verified(raw)
    cache.keep(raw, KEYS, POLICY, token)
    size = cache.size_bytes
    cache.keep(raw, KEYS, POLICY, token)
    assert (len(cache), cache.size_bytes) == (1, size)


def test_a_token_too_large_for_the_cache_is_left_out() -> None:
    cache, raw = TokenCache(20_000), ISSUER.token(text="x" * 3000)
    cache.keep(raw, KEYS, POLICY, verified(raw))
    assert len(cache) == 0


def test_a_bound_of_zero_turns_it_off() -> None:
    cache = TokenCache(0)
    fill(cache, 3)
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_a_negative_bound_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError):
        TokenCache(-1)


def test_clear_and_forget_leave_nothing_behind() -> None:
    cache = TokenCache(60_000)
    raws = fill(cache, 12)
    cache.forget(raws[-1])
    assert cache.find(raws[-1], KEYS, POLICY) is None
    cache.clear()
    assert (len(cache), cache.size_bytes) == (0, 0)
    assert all(cache.find(raw, KEYS, POLICY) is None for raw in raws)


def test_forgetting_gives_the_room_back() -> None:
    cache = TokenCache(60_000)
    for raw in fill(cache, 12):
        cache.forget(raw)
    assert (len(cache), cache.size_bytes) == (0, 0)


# --- threads ------------------------------------------------------------------------------------


def test_threads_that_keep_find_and_clear_agree_on_the_size() -> None:
    cache = TokenCache(60_000)
    raws = [ISSUER.token() for _ in range(40)]
    token = verified(raws[0])

    def work(number: int) -> None:
        for step in range(2000):
            raw = raws[(step * 7 + number) % len(raws)]
            if cache.find(raw, KEYS, POLICY) is None:
                cache.keep(raw, KEYS, POLICY, token)
            if step % 500 == number:
                cache.clear()
            if step % 11 == number:
                cache.forget(raw)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    held = sum(e.cost for e in cache.young.values()) + sum(e.cost for e in cache._old.values())
    assert cache.size_bytes == held <= 60_000
