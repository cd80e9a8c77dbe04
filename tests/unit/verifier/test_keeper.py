"""The keeper, stepped by hand with a clock turned by hand: no thread runs in these tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.timing import HandClock, eventually

from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier.jwks import Jwks, Timing
from lingpai.verifier.keeper import MAX_NAP_SECONDS, KeyKeeper, draw_jitter, steady_seconds
from lingpai.verifier.keys_file import KeysFile


class Changes:
    """Counts what the keeper tells."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


class Bench:
    """A keeper with everything around it in the test's hand."""

    def __init__(self, keys_file: KeysFile | None = None, **timing: float) -> None:
        self.issuer = FakeIssuer()
        self.clock = HandClock()
        self.changes = Changes()
        self.timing = Timing(**timing)
        self.keeper = KeyKeeper(
            Jwks(self.issuer.issuer, self.timing),
            self.issuer.transport(),
            self.changes,
            keys_file=keys_file,
            clock=self.clock,
            jitter=lambda: 1.0,
        )

    def fetches(self) -> int:
        """How often the key set itself was asked for."""
        return self.issuer.requests.count(self.issuer.jwks_uri)

    def go_on(self, seconds: float) -> None:
        """Let time pass, with as many steps as the thread would make."""
        end = self.clock.now + seconds
        while True:
            nap = self.keeper.step()
            assert nap is not None
            if self.clock.now + nap > end:
                break
            self.clock.turn(nap)
        self.clock.now = end
        self.keeper.step()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_step_fetches(bench: Bench) -> None:
    bench.keeper.step()
    assert bench.keeper.keys is not None
    assert (bench.keeper.usable(), bench.changes.count) == (bench.keeper.keys, 1)


def test_no_step_fetches_before_its_time(bench: Bench) -> None:
    bench.keeper.step()
    bench.clock.turn(224)
    bench.keeper.step()
    assert bench.fetches() == 1


def test_keys_are_refreshed_ahead_of_their_time(bench: Bench) -> None:
    bench.go_on(299)  # max-age is 300
    assert bench.fetches() == 2


def test_a_day_of_refreshes_purges_nothing_while_the_keys_are_the_same(bench: Bench) -> None:
    bench.go_on(86_400)
    assert bench.changes.count == 1
    assert 86_400 / 300 <= bench.fetches() <= 86_400 / 200


def test_a_rotated_key_is_there_before_the_old_answers_time_is_over(bench: Bench) -> None:
    bench.keeper.step()
    before = bench.keeper.keys
    bench.issuer.rotate()
    bench.go_on(300)
    assert bench.keeper.keys is not before
    assert bench.changes.count == 2


def test_an_outage_keeps_the_keys_and_is_over_soon_after_its_end(bench: Bench) -> None:
    bench.keeper.step()
    bench.issuer.behaviour = Behaviour.UNREACHABLE
    bench.go_on(7200)
    assert bench.keeper.usable() is not None
    bench.issuer.behaviour = Behaviour.WELL
    bench.go_on(bench.timing.retry_max)
    assert bench.keeper.last_failure is None


def test_an_outage_is_not_met_with_a_storm_of_requests(bench: Bench) -> None:
    bench.issuer.behaviour = Behaviour.ERROR
    bench.go_on(3600)
    assert bench.keeper.counts.failed < 80


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.UNREACHABLE,
        Behaviour.ERROR,
        Behaviour.GARBAGE,
        Behaviour.REDIRECT,
        Behaviour.EMPTY,
        Behaviour.HUGE,
    ],
)
def test_whatever_the_issuer_does_wrong_the_keys_stay(bench: Bench, behaviour: Behaviour) -> None:
    bench.keeper.step()
    keys = bench.keeper.keys
    bench.issuer.behaviour = behaviour
    bench.go_on(3600)
    assert bench.keeper.keys is keys
    assert bench.keeper.counts.failed > 0
    assert bench.changes.count == 1


def test_keys_are_void_when_the_issuer_was_silent_for_a_day(bench: Bench) -> None:
    bench.keeper.step()
    bench.issuer.behaviour = Behaviour.UNREACHABLE
    bench.go_on(bench.timing.usable + 1)
    assert (bench.keeper.usable(), bench.keeper.keys, bench.changes.count) == (None, None, 2)


def test_void_keys_are_not_used_even_before_the_thread_notices(bench: Bench) -> None:
    bench.keeper.step()
    bench.clock.turn(bench.timing.usable)  # the machine was asleep
    assert bench.keeper.usable() is None


def test_a_machine_that_slept_is_noticed_soon(bench: Bench) -> None:
    nap = bench.keeper.step()
    assert nap is not None
    assert nap <= MAX_NAP_SECONDS


def test_a_broken_key_is_reported_once_for_each_change(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.issuer.extra_jwks = [{"kty": "EC", "kid": "odd"}]
    bench.go_on(3600)
    assert caplog.text.count("'odd'") == 1
    assert bench.keeper.usable() is not None


def test_an_unforeseen_error_stops_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench.keeper.step()
    with monkeypatch.context() as patch:
        patch.setattr(bench.issuer, "answer", lambda _: 1 / 0)
        bench.go_on(400)
    assert "unforeseen" in caplog.text
    bench.go_on(100)
    assert bench.keeper.last_failure is None


# --- unknown kids -------------------------------------------------------------------------------


def test_a_thousand_unknown_kids_cause_one_fetch(bench: Bench) -> None:  # CVE-2026-48524
    bench.keeper.step()
    for number in range(1000):
        bench.keeper.ask_for(f"ghost-{number}")
        bench.keeper.step()
        bench.clock.turn(0.01)
    assert bench.fetches() == 2


def test_all_who_ask_at_once_share_one_attempt(bench: Bench) -> None:
    bench.keeper.step()
    asked = {bench.keeper.ask_for("new") for _ in range(10)}
    assert len(asked) == 1
    assert None not in asked


def test_an_attempt_ends_with_the_fetch_it_stands_for(bench: Bench) -> None:
    bench.keeper.step()
    asked = bench.keeper.ask_for("new")
    assert asked is not None
    assert not asked.attempt.done()
    bench.keeper.step()
    assert asked.attempt.result(0) is True


def test_a_failed_attempt_says_so(bench: Bench) -> None:
    bench.keeper.step()
    asked = bench.keeper.ask_for("new")
    bench.issuer.behaviour = Behaviour.ERROR
    bench.keeper.step()
    assert asked is not None
    assert asked.attempt.result(0) is False


def test_nobody_who_waits_can_cancel_an_attempt(bench: Bench) -> None:
    attempt, _ = bench.keeper.next_attempt()
    assert not attempt.cancel()


def test_a_missing_kid_is_not_asked_for_again_until_its_time(bench: Bench) -> None:
    bench.keeper.step()
    bench.keeper.note_missing("ghost")
    bench.clock.turn(bench.timing.missing_kid - 1)
    assert bench.keeper.ask_for("ghost") is None
    bench.clock.turn(1)
    assert bench.keeper.ask_for("ghost") is not None


def test_a_failed_fetch_for_an_unknown_kid_keeps_the_keys(bench: Bench) -> None:
    bench.keeper.step()
    bench.issuer.behaviour = Behaviour.ERROR
    bench.keeper.ask_for("ghost")
    bench.keeper.step()
    assert bench.keeper.usable() is not None


# --- keys on disk -------------------------------------------------------------------------------


def test_a_restart_during_an_outage_has_the_saved_keys(tmp_path: Path) -> None:
    file = KeysFile(tmp_path / "keys", "https://issuer.test")
    before = Bench(file)
    before.keeper.step()
    after = Bench(file)
    after.issuer.behaviour = Behaviour.UNREACHABLE
    after.keeper.step()
    assert after.keeper.keys is not None
    assert after.keeper.keys.candidates("ES256", before.issuer.key.kid)


def test_saved_keys_give_way_to_fetched_ones(tmp_path: Path) -> None:
    file = KeysFile(tmp_path / "keys", "https://issuer.test")
    Bench(file).keeper.step()
    after = Bench(file)
    saved = after.keeper.keys
    after.keeper.step()
    assert after.keeper.keys is not saved
    assert after.changes.count == 2


# --- the thread ---------------------------------------------------------------------------------


@pytest.fixture
def running(bench: Bench) -> Bench:
    bench.keeper.start()
    eventually(lambda: bench.keeper.keys is not None)
    return bench


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lingpai-keys"]


def test_close_leaves_no_thread(running: Bench) -> None:
    assert threads()
    running.keeper.close()
    assert not threads()


def test_start_and_close_may_be_repeated(running: Bench) -> None:
    running.keeper.start()
    assert len(threads()) == 1
    running.keeper.close()
    running.keeper.close()
    with pytest.raises(ValueError, match="closed"):
        running.keeper.start()


def test_close_does_not_wait_for_an_issuer_that_hangs(running: Bench) -> None:
    running.issuer.behaviour = Behaviour.HANG
    asked = running.keeper.ask_for("new")
    eventually(lambda: running.keeper._is_fetching)
    late = running.keeper.ask_for("other")
    running.keeper.close()
    assert not threads()
    assert asked is not None
    assert asked.attempt.result(0) is False
    assert late == (asked.attempt, True)  # it had begun, and may miss what is newer


def test_after_close_nobody_is_told_to_wait(running: Bench) -> None:
    running.keeper.close()
    assert running.keeper.ask_for("new") is None
    assert running.keeper.next_attempt()[1] == float("inf")
    assert running.keeper.step() is None


def test_a_keeper_that_nobody_holds_takes_its_thread_along() -> None:
    def leave_one_behind() -> Callable[[], bool]:
        bench = Bench()
        bench.keeper.start()
        eventually(lambda: bench.keeper.keys is not None)
        thread = threads()[0]
        return lambda: not thread.is_alive()

    eventually(leave_one_behind())


def test_jitter_shortens_a_wait_by_a_fifth_at_most() -> None:
    assert all(0.8 <= draw_jitter() <= 1.0 for _ in range(100))


def test_the_steady_clock_goes_on() -> None:
    assert steady_seconds() <= steady_seconds()
