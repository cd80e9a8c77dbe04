"""When keys are asked for, kept, changed and dropped: the rules, with the time as an argument."""

from __future__ import annotations

from typing import Any

import pytest

from lingpai import Key
from lingpai.jose import strict_json
from lingpai.jose.keys import PrivateKey, PublicKey, SecretKey
from lingpai.testing import FakeIssuer
from lingpai.verifier.flows import Get, JwksAnswer, Response, drive
from lingpai.verifier.jwks import MAX_REMEMBERED_KIDS, Jwks, Timing, read_published_keys

ISSUER = "https://issuer.test"
TIMING = Timing()


def pair(kid: str | None = None) -> PrivateKey:
    key = Key.generate("ES256", kid=kid)
    assert isinstance(key, PrivateKey)
    return key


ONE, TWO = pair("one"), pair("two")


def published(*keys: PrivateKey, max_age: int | None = 300, etag: str | None = None) -> JwksAnswer:
    members = [key.public.to_jwk() for key in keys]
    return JwksAnswer(strict_json.encode({"keys": members}), etag, max_age)


def jwks(*, at: float | None = None, **timing: float) -> Jwks:
    """Without keys, or with ONE since `at`."""
    held = Jwks(ISSUER, Timing(**timing))
    if at is not None:
        held.succeed(published(ONE), at)
    return held


def kids(held: Jwks, now: float = 0.0) -> list[str | None]:
    keys = held.usable(now)
    return [] if keys is None else [key.kid for key in keys.key_set]


# --- when to ask again --------------------------------------------------------------------------


def test_the_first_fetch_is_due_at_once() -> None:
    assert jwks().due_at <= 0


def test_keys_are_asked_for_before_their_time_is_over() -> None:
    held = jwks()
    held.succeed(published(ONE, max_age=1000), 0)
    assert 0 < held.due_at < 1000


@pytest.mark.parametrize(
    ("max_age", "fresh"),
    [
        (None, TIMING.fresh_default),
        (0, TIMING.fresh_min),
        (1, TIMING.fresh_min),
        (600, 600),
        (10**9, TIMING.fresh_max),
    ],
)
def test_max_age_is_honoured_within_bounds(max_age: int | None, fresh: float) -> None:
    held = jwks()
    held.succeed(published(ONE, max_age=max_age), 0)
    assert held.due_at == fresh * TIMING.refresh_at


def test_jitter_spreads_the_refreshes() -> None:
    held = jwks()
    held.jitter = 0.8
    held.succeed(published(ONE), 0)
    assert held.due_at == 300 * TIMING.refresh_at * 0.8


def test_retries_come_later_and_later_up_to_a_bound() -> None:
    held = jwks()
    waits = []
    for _ in range(20):
        held.fail(0)
        waits.append(held.due_at)
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == TIMING.retry_max


def test_a_success_forgets_the_failures() -> None:
    held = jwks()
    for _ in range(9):
        held.fail(0)
    held.succeed(published(ONE), 0)
    held.fail(0)
    assert held.due_at == TIMING.retry_first


# --- stale-if-error -----------------------------------------------------------------------------


def test_a_failed_fetch_keeps_the_keys() -> None:
    held = jwks(at=0)
    held.fail(300)
    assert kids(held, 300) == ["one"]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"keys":{}}', b"<html>", b'{"keys":[]}']
)
def test_an_answer_without_a_usable_key_keeps_the_keys(body: bytes) -> None:
    held = jwks(at=0)
    with pytest.raises(ValueError):
        held.succeed(JwksAnswer(body, None, 300), 300)
    assert kids(held, 300) == ["one"]


def test_keys_of_a_silent_issuer_are_void_after_a_day() -> None:
    held = jwks(at=0)
    assert kids(held, TIMING.usable - 1) == ["one"]
    assert kids(held, TIMING.usable) == []


def test_each_answer_prolongs_the_time_of_the_keys() -> None:
    held = jwks(at=0)
    held.succeed(published(ONE), 1000)
    assert kids(held, TIMING.usable + 999) == ["one"]


def test_keys_past_their_time_are_dropped_once() -> None:
    held = jwks(at=0)
    assert [held.expire(TIMING.usable), held.expire(TIMING.usable)] == [True, False]
    assert held.held is None


# --- change -------------------------------------------------------------------------------------


def test_a_removed_key_is_gone_with_the_next_answer() -> None:
    held = jwks(at=0)
    assert held.succeed(published(TWO), 1)
    assert kids(held) == ["two"]


def test_the_same_keys_in_another_order_change_nothing() -> None:
    held = jwks()
    held.succeed(published(ONE, TWO), 0)
    before = held.held
    assert not held.succeed(published(TWO, ONE), 1)
    assert before is not None
    assert held.held is not None
    assert held.held.key_set is before.key_set  # cached tokens stay good


def test_another_key_under_the_same_kid_is_a_change() -> None:
    held = jwks(at=0)
    assert held.succeed(published(pair("one")), 1)


def test_not_modified_keeps_the_keys_and_their_etag() -> None:  # RFC 9110 section 15.4.5
    held = jwks()
    held.succeed(published(ONE, etag='"v1"'), 0)
    assert not held.succeed(JwksAnswer(None, '"v1"', 300), 1)
    assert kids(held, TIMING.usable) == ["one"]
    assert etags_sent(held, 2) == [None, '"v1"']


def test_after_a_failure_everything_is_asked_for_anew() -> None:
    held = jwks()
    held.succeed(published(ONE, etag='"v1"'), 0)
    held.fail(1)
    assert etags_sent(held, 2) == [None, None]


def test_where_the_keys_are_is_asked_for_once_an_hour() -> None:
    held = jwks()
    assert [len(etags_sent(held, now)) for now in (0, 10, 3599, 3600)] == [2, 1, 1, 2]


def etags_sent(held: Jwks, now: float) -> list[str | None]:
    """Drive one refresh against a good issuer; the ETags that its requests carried."""
    issuer, sent = FakeIssuer(ISSUER), []

    def get(request: Get) -> Response:
        sent.append(request.etag)
        return issuer.answer(request)

    drive(held.refresh(now), get)
    return sent


# --- unknown kids -------------------------------------------------------------------------------


def test_an_unknown_kid_makes_a_fetch_due() -> None:
    held = jwks(at=0)
    assert held.ask_now(10)
    assert held.due_at == 10


def test_unknown_kids_cause_one_fetch_in_a_cool_down() -> None:  # CVE-2026-48524
    held = jwks(at=0)
    asked = [held.ask_now(10 + i / 100) for i in range(1000)]
    assert asked.count(True) == 1
    assert held.ask_now(10 + TIMING.kid_cooldown)


def test_a_kid_that_a_fetch_did_not_bring_is_not_asked_for_again_soon() -> None:
    held = jwks(at=0)
    held.note_missing("ghost", 10)
    assert held.is_missing("ghost", 10 + TIMING.missing_kid - 1)
    assert not held.is_missing("ghost", 10 + TIMING.missing_kid)
    assert not held.is_missing("other", 10)


def test_tokens_without_kid_are_remembered_like_any_other() -> None:
    held = jwks(at=0)
    held.note_missing(None, 10)
    assert held.is_missing(None, 11)


def test_new_keys_give_every_kid_another_chance() -> None:
    held = jwks(at=0)
    held.note_missing("two", 10)
    held.succeed(published(ONE, TWO), 20)
    assert not held.is_missing("two", 21)


def test_the_memory_of_missing_kids_is_bounded() -> None:
    held = jwks(at=0)
    for number in range(MAX_REMEMBERED_KIDS + 10):
        held.note_missing(f"ghost-{number}", 10)
    assert len(held._missing_until) == MAX_REMEMBERED_KIDS
    assert held.is_missing(f"ghost-{MAX_REMEMBERED_KIDS + 9}", 11)


def test_an_absurdly_long_kid_is_never_asked_for_nor_remembered() -> None:
    held = jwks(at=0)
    held.note_missing("x" * 257, 10)
    assert held.is_missing("x" * 257, 10)
    assert not held._missing_until


# --- what counts as a key -----------------------------------------------------------------------


def read(*members: Any) -> tuple[list[str | None], list[tuple[int, str | None]]]:
    keys = read_published_keys(strict_json.encode({"keys": list(members)}))
    assert all(isinstance(key, PublicKey) for key in keys)
    return [key.kid for key in keys], [(skip.index, skip.kid) for skip in keys.skipped]


def test_a_broken_key_is_skipped_and_reported() -> None:  # joserfc#104, authlib#913
    odd = {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "odd"}
    assert read(odd, ONE.public.to_jwk(), "text", {}) == (
        ["one"],
        [(0, "odd"), (2, None), (3, None)],
    )


def test_a_published_secret_is_never_used() -> None:
    secret = Key.generate("HS256", kid="secret")
    assert isinstance(secret, SecretKey)
    assert read(secret.to_jwk(private=True), ONE.public.to_jwk()) == (["one"], [(0, "secret")])


def test_a_published_private_key_is_never_used() -> None:
    assert read({}, TWO.to_jwk(private=True), ONE.public.to_jwk()) == (
        ["one"],
        [(0, None), (1, "two")],
    )


def test_a_set_of_secrets_alone_is_no_key_set() -> None:
    secret = Key.generate("HS256").to_jwk(private=True)
    with pytest.raises(ValueError, match="no usable key"):
        read(secret)


def test_a_set_without_signature_keys_is_no_key_set() -> None:
    encryption = Key.generate("ECDH-ES", curve="P-256")
    assert isinstance(encryption, PrivateKey)
    with pytest.raises(ValueError, match="no usable key"):
        read(encryption.public.to_jwk())


# --- restored keys ------------------------------------------------------------------------------


def test_restored_keys_are_used_and_asked_for_at_once() -> None:
    held = jwks()
    held.restore(read_published_keys(published(ONE).body or b""), age_seconds=100, now=50)
    assert kids(held, 50) == ["one"]
    assert held.due_at == 50


def test_restored_keys_keep_their_age() -> None:
    held = jwks()
    held.restore(read_published_keys(published(ONE).body or b""), age_seconds=TIMING.usable, now=50)
    assert kids(held, 50) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"fresh_min": 0.0},
        {"fresh_min": 400.0},
        {"fresh_default": 5000.0},
        {"usable": 10.0},
        {"refresh_at": 1.0},
        {"retry_first": 0.0},
        {"retry_max": 0.1},
    ],
)
def test_timing_that_makes_no_sense_is_a_mistake_of_the_caller(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Timing(**wrong)
