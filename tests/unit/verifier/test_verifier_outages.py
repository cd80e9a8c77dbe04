"""A real issuer on a real socket: killed, frozen, slow, broken. Known keys go on; it recovers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.issuer_process import AUDIENCE, IssuerProcess, issuer_process
from tests.support.timing import eventually

from lingpai import errors
from lingpai.testing import Behaviour
from lingpai.verifier import HttpTransport, Timing, Verifier

pytestmark = pytest.mark.process

# As by default, but a hundred times as fast: many refreshes happen while a test looks on.
FAST = Timing(
    fresh_default=0.3,
    fresh_min=0.1,
    fresh_max=0.4,
    retry_first=0.05,
    retry_max=0.2,
    kid_cooldown=0.3,
    missing_kid=1.0,
)


@pytest.fixture
def issuer() -> Iterator[IssuerProcess]:
    with issuer_process() as process:
        yield process


@pytest.fixture
def verifier(issuer: IssuerProcess) -> Iterator[Verifier]:
    with make_verifier(issuer) as verifier:
        assert verifier.ready(10)
        yield verifier


def make_verifier(issuer: IssuerProcess, cache_dir: Path | None = None) -> Verifier:
    return Verifier(
        issuer=issuer.issuer,
        audience=AUDIENCE,
        transport=HttpTransport(timeout_seconds=0.5),
        timing=FAST,
        wait_seconds=1.0,
        cache_dir=cache_dir,
    )


def failures(verifier: Verifier, more_than: int) -> Callable[[], bool]:
    return lambda: verifier.stats().fetches.failed > more_than


def slowest(verifier: Verifier, raws: list[str]) -> float:
    """Verify them all; how long the slowest took, in seconds."""
    times = []
    for raw in raws:
        started = time.perf_counter()
        verifier.verify(raw)
        times.append(time.perf_counter() - started)
    return max(times)


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.ERROR,
        Behaviour.GARBAGE,
        Behaviour.REDIRECT,
        Behaviour.EMPTY,
        Behaviour.HUGE,
        Behaviour.HANG,
        Behaviour.DRIP,
        Behaviour.UNREACHABLE,
    ],
)
def test_known_keys_go_on_and_recovery_is_automatic(
    issuer: IssuerProcess, verifier: Verifier, behaviour: Behaviour
) -> None:
    raws = [issuer.token() for _ in range(30)]
    issuer.behave(behaviour)
    eventually(failures(verifier, 1))
    assert slowest(verifier, raws) < 0.5
    issuer.rotate()
    issuer.behave(Behaviour.WELL)
    fresh = issuer.token()
    eventually(lambda: accepts(verifier, fresh), within_seconds=10)


def test_a_killed_issuer_harms_no_known_key(issuer: IssuerProcess, verifier: Verifier) -> None:
    raws = [issuer.token() for _ in range(30)]
    issuer.kill()
    eventually(failures(verifier, 2))
    assert slowest(verifier, raws) < 0.5


def test_a_frozen_issuer_harms_no_known_key(issuer: IssuerProcess, verifier: Verifier) -> None:
    raws = [issuer.token() for _ in range(30)]
    issuer.stop()
    try:
        eventually(failures(verifier, 0))
        assert slowest(verifier, raws) < 0.5
    finally:
        issuer.resume()
    before = verifier.stats().fetches.succeeded
    eventually(lambda: verifier.stats().fetches.succeeded > before)


def test_a_frozen_issuer_holds_up_an_unknown_kid_no_longer_than_its_deadline(
    issuer: IssuerProcess, verifier: Verifier
) -> None:
    issuer.rotate()
    raw = issuer.token()
    issuer.stop()
    try:
        started = time.monotonic()
        with pytest.raises(errors.UnknownKey):
            verifier.verify(raw)
        assert time.monotonic() - started < 1.5
    finally:
        issuer.resume()


def test_an_issuer_that_comes_back_with_other_keys_is_followed(
    issuer: IssuerProcess, verifier: Verifier
) -> None:
    port = int(issuer.issuer.rpartition(":")[2])
    old = issuer.token()
    issuer.kill()
    eventually(failures(verifier, 0))
    with issuer_process(port=port) as reborn:
        fresh = reborn.token()
        eventually(lambda: accepts(verifier, fresh), within_seconds=10)
    with pytest.raises(errors.UnknownKey):
        verifier.verify(old)


def test_a_start_while_the_issuer_is_away_uses_the_saved_keys(
    issuer: IssuerProcess, tmp_path: Path
) -> None:
    with make_verifier(issuer, tmp_path / "keys") as before:
        assert before.ready(10)
    raw = issuer.token()
    issuer.kill()
    with make_verifier(issuer, tmp_path / "keys") as after:
        assert after.verify(raw).subject == "user-1"


def test_a_start_before_the_issuer_finds_it_when_it_comes(issuer: IssuerProcess) -> None:
    port = int(issuer.issuer.rpartition(":")[2])
    issuer.kill()
    with make_verifier(issuer) as verifier:
        eventually(failures(verifier, 0))
        with issuer_process(port=port) as late:
            raw = late.token()
            eventually(lambda: accepts(verifier, raw), within_seconds=10)


def accepts(verifier: Verifier, raw: str) -> bool:
    try:
        verifier.verify(raw)
    except (errors.UnknownKey, errors.KeysUnavailable):
        return False
    return True
