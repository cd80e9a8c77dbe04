"""A verifier hears what its issuer revokes, and says how old its knowledge may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from lingpai import errors
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Verifier

PATIENCE_SECONDS = 10.0


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(with_statuses=True) as made:
        yield made


class Steady:
    """A steady clock that a test moves ahead."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def refusal_of(verifier: Verifier, raw: str) -> type[errors.TokenError]:
    """Verify until it is refused."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            verifier.verify(raw)
        except errors.TokenError as refusal:
            return type(refusal)
        time.sleep(0.001)
    raise AssertionError("the token is not refused")


def accepted(verifier: Verifier, raw: str) -> None:
    """Verify until it passes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            verifier.verify(raw)
        except errors.TokenError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (FakeIssuer.revoke, errors.TokenRevoked),
        (FakeIssuer.suspend, errors.TokenSuspended),
        (FakeIssuer.make_stale, errors.TokenStale),
        (FakeIssuer.deny, errors.TokenRevoked),
    ],
)
def test_a_flip_reaches_a_token_that_is_cached(
    issuer: FakeIssuer,
    act: Callable[[FakeIssuer, str], None],
    expected: type[errors.TokenError],
) -> None:
    verifier = issuer.verifier()
    raw, other = issuer.token(), issuer.token()
    verifier.verify(raw)
    verifier.verify(raw)
    act(issuer, raw)
    assert refusal_of(verifier, raw) is expected
    verifier.verify(other)


def test_a_token_of_a_revoked_key_is_refused_and_those_of_the_next_pass(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    raw = issuer.token()
    verifier.verify(raw)
    kid = issuer.key.kid
    assert kid is not None
    issuer.rotate()
    issuer.revoke_key(kid)
    assert refusal_of(verifier, raw) is errors.TokenRevoked
    accepted(verifier, issuer.token())


def test_a_revoked_token_is_refused_by_a_verifier_that_never_saw_it(issuer: FakeIssuer) -> None:
    raw = issuer.token()
    issuer.revoke(raw)
    with pytest.raises(errors.TokenRevoked):
        issuer.verifier().verify(raw)


def test_a_silent_issuer_is_believed_for_as_long_as_the_policy_says(issuer: FakeIssuer) -> None:
    clock = Steady()
    verifier = issuer.verifier(steady_clock=clock, max_status_age_seconds=300, wait_seconds=0.05)
    raw = issuer.token(lifetime_seconds=10_000)
    verifier.verify(raw)
    issuer.behaviour = Behaviour.UNREACHABLE
    assert issuer.statuses is not None
    issuer.statuses.is_silent = True
    clock.ahead = 200.0
    verifier.verify(raw)
    clock.ahead = 400.0
    with pytest.raises(errors.StatusUnavailable, match="old"):
        verifier.verify(raw)


def test_on_stale_accept_goes_on_without_the_issuer(issuer: FakeIssuer) -> None:
    clock = Steady()
    verifier = issuer.verifier(steady_clock=clock, on_stale="accept", wait_seconds=0.05)
    raw, revoked = issuer.token(), issuer.token()
    verifier.verify(raw)
    issuer.revoke(revoked)
    assert refusal_of(verifier, revoked) is errors.TokenRevoked
    issuer.behaviour = Behaviour.UNREACHABLE
    assert issuer.statuses is not None
    issuer.statuses.is_silent = True
    clock.ahead = 4000.0
    verifier.verify(raw)
    with pytest.raises(errors.TokenRevoked):  # what is known stays known
        verifier.verify(revoked)


def test_after_an_hour_asleep_the_first_call_fetches_what_it_missed() -> None:
    steady = Steady()
    with FakeIssuer(with_statuses=True, clock=lambda: time.time() + steady.ahead) as issuer:
        verifier = issuer.verifier(steady_clock=steady, max_status_age_seconds=300)
        raw, other = (issuer.token(lifetime_seconds=10_000) for _ in range(2))
        verifier.verify(raw)
        assert issuer.statuses is not None
        issuer.statuses.is_silent = True
        issuer.revoke(raw)
        steady.ahead = 3600.0
        with pytest.raises(errors.TokenRevoked):
            verifier.verify(raw)
        verifier.verify(other)


def test_a_call_may_ask_for_a_younger_view_than_the_policy(issuer: FakeIssuer) -> None:
    clock = Steady()
    verifier = issuer.verifier(steady_clock=clock, wait_seconds=0.05)
    raw = issuer.token()
    verifier.verify(raw)
    issuer.behaviour = Behaviour.UNREACHABLE
    assert issuer.statuses is not None
    issuer.statuses.is_silent = True
    clock.ahead = 30.0
    verifier.verify(raw)
    with pytest.raises(errors.StatusUnavailable):
        verifier.verify(raw, max_status_age_seconds=10)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", True])
def test_an_age_that_bounds_nothing_is_the_callers_mistake(
    issuer: FakeIssuer, seconds: float
) -> None:
    verifier = issuer.verifier()
    with pytest.raises(ValueError, match="max_status_age_seconds"):
        verifier.verify(issuer.token(), max_status_age_seconds=seconds)


def test_a_list_that_cannot_be_had_refuses_within_the_deadline(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier(wait_seconds=0.2)
    assert verifier.ready()
    issuer.behaviour = Behaviour.HANG
    started = time.monotonic()
    with pytest.raises(errors.StatusUnavailable, match="not here"):
        verifier.verify(issuer.token())
    assert time.monotonic() - started < 5.0


def status_in(issuer: FakeIssuer, list_id: str) -> dict[str, object]:
    uri = f"{issuer.issuer}/status-lists/{list_id}"
    return {"status_list": {"idx": 0, "uri": uri}}


def test_a_token_of_a_list_that_the_issuer_has_no_more_is_refused_and_asked_for_once(
    issuer: FakeIssuer,
) -> None:
    verifier = issuer.verifier()
    raw = issuer.token(status=status_in(issuer, "of-the-last-epoch"))
    for _ in range(3):
        with pytest.raises(errors.StatusUnknown, match="any more"):
            verifier.verify(raw)
    assert [url for url in issuer.requests if "of-the-last-epoch" in url] == [
        f"{issuer.issuer}/status-lists/of-the-last-epoch"
    ]
    accepted(verifier, issuer.token())


def test_a_list_that_is_missing_is_asked_for_again_after_a_minute(issuer: FakeIssuer) -> None:
    steady = Steady()
    verifier = issuer.verifier(steady_clock=steady)
    raw = issuer.token(status=status_in(issuer, "begun-in-a-moment"))
    with pytest.raises(errors.StatusUnknown):
        verifier.verify(raw)
    steady.ahead = 61.0
    with pytest.raises(errors.StatusUnknown):
        verifier.verify(raw)
    assert sum("begun-in-a-moment" in url for url in issuer.requests) == 2


def test_a_policy_that_ignores_status_asks_for_none(issuer: FakeIssuer) -> None:
    from lingpai.jwt.policy import IGNORE_STATUS, Policy

    policy = Policy(
        issuer=issuer.issuer, audience=issuer.audience, typ="at+jwt", status=IGNORE_STATUS
    )
    verifier = issuer.verifier(policy=policy)
    raw = issuer.token()
    issuer.revoke(raw)
    verifier.verify(raw)
    verifier.verify(raw)
    assert not any("status-lists" in url for url in issuer.requests)


def test_given_keys_check_status_only_when_asked_to(issuer: FakeIssuer) -> None:
    raw = issuer.token()
    blind = issuer.verifier(keys=issuer.key.public)
    for _ in range(2):
        with pytest.raises(errors.StatusUnchecked):
            blind.verify(raw)
    seeing = issuer.verifier(keys=issuer.key.public, fetch_status=True)
    seeing.verify(raw)
    issuer.revoke(raw)
    assert refusal_of(seeing, raw) is errors.TokenRevoked


def test_a_stream_that_was_cut_is_resumed(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    raw = issuer.token()
    verifier.verify(raw)
    verifier._sources.status._transports[0].cancel()  # type: ignore[union-attr]
    issuer.revoke(raw)
    assert refusal_of(verifier, raw) is errors.TokenRevoked


def test_an_epoch_that_is_new_makes_the_verifier_fetch_the_lists_anew(issuer: FakeIssuer) -> None:
    verifier = issuer.verifier()
    raw, other = issuer.token(), issuer.token()
    verifier.verify(raw)
    assert issuer.statuses is not None
    issuer.statuses.epoch = "epoch-2"
    issuer.revoke(raw)
    assert refusal_of(verifier, raw) is errors.TokenRevoked
    accepted(verifier, other)


def test_a_closed_verifier_leaves_no_thread(issuer: FakeIssuer) -> None:
    import threading

    verifier = issuer.verifier()
    verifier.verify(issuer.token())
    names = {"lingpai-stream", "lingpai-lists", "lingpai-keys"}
    assert names <= {thread.name for thread in threading.enumerate()}
    verifier.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(thread.name in names for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread is left"
        time.sleep(0.01)
