"""A service that starts while its issuer is away knows what was revoked, and how old that is."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.timing import eventually

from lingpai import errors
from lingpai.jwt.status_list import StatusList, sign_status_list
from lingpai.jwt.status_stream import Batch, sign_batch
from lingpai.testing import Behaviour, FakeIssuer
from lingpai.verifier import Verifier, status_record
from lingpai.verifier.status_file import StatusFile


class Clocks:
    """The wall clock and the steady one of this machine, moved ahead together by a test."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def wall(self) -> float:
        return time.time() + self.ahead

    def steady(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(with_statuses=True) as made:
        yield made


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def start(issuer: FakeIssuer, clocks: Clocks, tmp_path: Path) -> Callable[..., Verifier]:
    """A process of the service, more or less."""

    def make(**options: Any) -> Verifier:
        return issuer.verifier(
            **{
                "cache_dir": tmp_path / "cache",
                "clock": clocks.wall,
                "steady_clock": clocks.steady,
                "wait_seconds": 0.05,
                **options,
            }
        )

    return make


Start = Callable[..., Verifier]


def go_away(issuer: FakeIssuer) -> None:
    assert issuer.statuses is not None
    issuer.behaviour = Behaviour.UNREACHABLE
    issuer.statuses.is_silent = True


def file_of(issuer: FakeIssuer, tmp_path: Path) -> StatusFile:
    return StatusFile(tmp_path / "cache", issuer.issuer)


def live(issuer: FakeIssuer, start: Start, **claims: Any) -> tuple[str, str]:
    """A process that accepts one token, hears that another is revoked, and ends; the tokens."""
    with start() as verifier:
        good, bad = issuer.token(lifetime_seconds=9000), issuer.token(lifetime_seconds=9000)
        assert verifier.ready(5)
        for raw in (good, bad):
            eventually(partial(is_good, verifier, raw))
        issuer.revoke(bad)
        eventually(lambda: refusal(verifier, bad) is errors.TokenRevoked)
    return good, bad


def is_good(verifier: Verifier, raw: str) -> bool:
    return refusal(verifier, raw) is None


def refusal(verifier: Verifier, raw: str) -> type[errors.TokenError] | None:
    try:
        verifier.verify(raw)
    except errors.TokenError as refused:
        return type(refused)
    return None


def test_a_restart_knows_what_was_revoked_and_what_was_not(
    issuer: FakeIssuer, start: Start
) -> None:
    good, bad = live(issuer, start)
    go_away(issuer)
    verifier = start()
    assert refusal(verifier, bad) is errors.TokenRevoked
    assert refusal(verifier, good) is None
    assert verifier.verify(good) is verifier.verify(good)


def test_without_a_folder_a_restart_knows_nothing(issuer: FakeIssuer, start: Start) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    assert refusal(start(cache_dir=None), good) is errors.KeysUnavailable


def test_denied_tokens_and_revoked_keys_are_known_too(issuer: FakeIssuer, start: Start) -> None:
    by_old_key = issuer.token(lifetime_seconds=9000)
    old = issuer.key.kid
    assert old is not None
    with start() as verifier:
        eventually(lambda: refusal(verifier, by_old_key) is None)
        issuer.rotate()
        good, denied = issuer.token(), issuer.token()
        eventually(lambda: refusal(verifier, good) is None)
        eventually(lambda: refusal(verifier, denied) is None)
        issuer.deny(denied)
        issuer.revoke_key(old)
        eventually(lambda: refusal(verifier, denied) is errors.TokenRevoked)
        eventually(lambda: refusal(verifier, by_old_key) is errors.TokenRevoked)
        eventually(lambda: connections(verifier) > 1)  # what the old key signed is heard again
        eventually(lambda: lists(verifier) > 1)
    go_away(issuer)
    verifier = start()
    assert refusal(verifier, denied) is errors.TokenRevoked
    assert refusal(verifier, by_old_key) is errors.TokenRevoked
    assert refusal(verifier, good) is None


def connections(verifier: Verifier) -> int:
    status = verifier.stats().status
    return 0 if status is None else status.counts.connections


def lists(verifier: Verifier) -> int:
    status = verifier.stats().status
    return 0 if status is None else status.counts.lists


def test_the_bound_on_age_holds_across_the_restart(
    issuer: FakeIssuer, start: Start, clocks: Clocks
) -> None:
    good, bad = live(issuer, start)
    go_away(issuer)
    clocks.ahead = 200.0
    assert refusal(start(), good) is None
    assert refusal(start(max_status_age_seconds=100), good) is errors.StatusUnavailable
    clocks.ahead = 400.0
    late = start()
    assert refusal(late, good) is errors.StatusUnavailable
    assert refusal(late, bad) is errors.TokenRevoked  # what was revoked stays so
    assert refusal(start(on_stale="accept"), good) is None


def test_the_age_goes_on_while_the_restarted_process_runs(
    issuer: FakeIssuer, start: Start, clocks: Clocks
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    clocks.ahead = 200.0
    verifier = start()
    assert refusal(verifier, good) is None
    clocks.ahead = 310.0
    assert refusal(verifier, good) is errors.StatusUnavailable


def test_the_age_is_told_by_what_was_signed_not_by_the_file(
    issuer: FakeIssuer, start: Start, clocks: Clocks, tmp_path: Path
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    file = file_of(issuer, tmp_path)
    loaded = file.load()
    assert loaded is not None
    clocks.ahead = 400.0
    file.save(loaded[0], clocks.wall())  # put back, and looking new
    assert refusal(start(), good) is errors.StatusUnavailable


def test_an_issuer_whose_clock_is_ahead_makes_nothing_younger(
    issuer: FakeIssuer, start: Start, clocks: Clocks, tmp_path: Path
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    file = file_of(issuer, tmp_path)
    loaded = file.load()
    assert loaded is not None
    file.save(loaded[0], loaded[1] - 200)  # this machine's clock was 200 s behind when it wrote
    clocks.ahead = 150.0
    assert refusal(start(), good) is errors.StatusUnavailable


def test_a_clock_that_was_set_back_makes_nothing_younger(
    issuer: FakeIssuer, start: Start, clocks: Clocks, tmp_path: Path
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    file = file_of(issuer, tmp_path)
    loaded = file.load()
    assert loaded is not None
    file.save(loaded[0], loaded[1] + 400)  # it was 400 s later once
    assert refusal(start(), good) is errors.StatusUnavailable


def test_after_the_restart_the_stream_goes_on_where_it_was(
    issuer: FakeIssuer, start: Start
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    verifier = start()
    assert refusal(verifier, good) is None
    assert issuer.statuses is not None
    issuer.revoke(good)
    issuer.behaviour, issuer.statuses.is_silent = Behaviour.WELL, False
    asked = len(issuer.requests)
    eventually(lambda: refusal(verifier, good) is errors.TokenRevoked, within_seconds=20)
    assert not [url for url in issuer.requests[asked:] if "status-lists/1" in url]


def test_a_process_that_is_killed_has_written_before(
    issuer: FakeIssuer, start: Start, tmp_path: Path
) -> None:
    verifier = start()
    good = issuer.token()
    eventually(lambda: refusal(verifier, good) is None)
    file = file_of(issuer, tmp_path)
    eventually(lambda: (saved := file.load()) is not None and len(saved[0]) > 1)
    go_away(issuer)
    assert refusal(start(), good) is None  # and the first one was never closed


# --- what is not believed -----------------------------------------------------------------------


def test_only_the_owner_can_read_or_write(issuer: FakeIssuer, start: Start, tmp_path: Path) -> None:
    live(issuer, start)
    path = file_of(issuer, tmp_path).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")]


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    middle = data.index(b"\n") + 1 + (len(data) - data.index(b"\n")) // 2
    damaged = {
        "empty": b"",
        "half": data[: len(data) // 2],
        "first line": data[: data.index(b"\n") + 1],
        "no first line": data[data.index(b"\n") + 1 :],
        "binary": bytes(range(256)),
        "one bit": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "no time": data.replace(b"at 1", b"at x", 1),
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize(
    "how", ["empty", "half", "first line", "no first line", "binary", "one bit", "no time"]
)
def test_a_file_that_is_damaged_lets_nobody_in_and_hinders_nobody(
    issuer: FakeIssuer, start: Start, tmp_path: Path, how: str
) -> None:
    good, bad = live(issuer, start)
    damage(file_of(issuer, tmp_path).path, how)
    assert issuer.statuses is not None
    issuer.behaviour, issuer.statuses.is_silent = Behaviour.UNREACHABLE, True
    verifier = start()
    assert refusal(verifier, good) is not errors.TokenRevoked
    assert refusal(verifier, bad) in (errors.StatusUnavailable, errors.TokenRevoked)
    issuer.behaviour, issuer.statuses.is_silent = Behaviour.WELL, False
    eventually(lambda: refusal(verifier, good) is None, within_seconds=20)
    eventually(lambda: refusal(verifier, bad) is errors.TokenRevoked)


@pytest.mark.parametrize("mode", [0o620, 0o606])
def test_a_file_that_others_may_write_is_not_used(
    issuer: FakeIssuer, start: Start, tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    good, _ = live(issuer, start)
    file_of(issuer, tmp_path).path.chmod(mode)
    go_away(issuer)
    assert refusal(start(), good) is errors.StatusUnavailable
    assert "others may write" in caplog.text


class Made:
    """What a file may hold, signed by whomever."""

    def __init__(self, issuer: FakeIssuer, signer: FakeIssuer) -> None:
        assert issuer.statuses is not None
        self._issuer, self._key = issuer.issuer, signer.key
        self._uri, self._now = issuer.statuses.uri, int(time.time())

    def batch(self, after: int, seq: int, **changes: Any) -> str:
        batch = Batch("e", after, seq, as_of=self._now, **changes)
        return sign_batch(batch, self._key, issuer=self._issuer)

    def snapshot(self) -> str:
        return self.batch(0, 0, is_snapshot=True, nonce="n")

    def revoking(self, index: int, after: int, seq: int) -> str:
        return self.batch(after, seq, changes={self._uri: ((index, 1),)})

    def all_well(self) -> str:
        return f"{self._uri} " + sign_status_list(
            StatusList.zeros(1024, bits=2),
            self._key,
            uri=self._uri,
            issuer=self._issuer,
            now=self._now,
            expires_at=self._now + 3600,
            ttl_seconds=300,
            claims={"seq": 0, "epoch": "e"},
        )


def test_what_another_key_signed_is_not_believed(
    issuer: FakeIssuer, start: Start, tmp_path: Path
) -> None:
    _, bad = live(issuer, start)
    go_away(issuer)
    file, forged = file_of(issuer, tmp_path), Made(issuer, FakeIssuer())
    file.save([forged.snapshot(), forged.all_well()], time.time())
    assert refusal(start(), bad) is errors.StatusUnavailable
    signed = Made(issuer, issuer)
    file.save([signed.snapshot(), forged.all_well()], time.time())
    assert refusal(start(), bad) is errors.StatusUnavailable
    file.save([signed.snapshot(), signed.all_well()], time.time())
    assert refusal(start(), bad) is None  # else the lines above would prove nothing


@pytest.mark.parametrize("missing", [0, 1])
def test_a_batch_that_is_missing_makes_the_rest_worthless(
    issuer: FakeIssuer,
    start: Start,
    tmp_path: Path,
    missing: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    made = Made(issuer, issuer)
    lines = [made.snapshot(), made.revoking(7, 0, 1), made.revoking(8, 1, 2), made.all_well()]
    file = file_of(issuer, tmp_path)
    file.save(lines, time.time())
    with start() as verifier:
        assert refusal(verifier, good) is None
    file.save([*lines[:missing], *lines[missing + 1 :]], time.time())
    assert refusal(start(), good) is errors.StatusUnavailable
    assert "a batch is missing" in caplog.text


def test_what_the_batches_say_is_true_of_the_list(
    issuer: FakeIssuer, start: Start, tmp_path: Path
) -> None:
    good, bad = live(issuer, start)  # at the indices 0 and 1
    go_away(issuer)
    made = Made(issuer, issuer)
    lines = [made.snapshot(), made.revoking(0, 0, 1), made.all_well()]
    file_of(issuer, tmp_path).save(lines, time.time())
    verifier = start()
    assert refusal(verifier, good) is errors.TokenRevoked
    assert refusal(verifier, bad) is None


def test_a_list_that_has_expired_is_left_out(
    issuer: FakeIssuer, start: Start, clocks: Clocks
) -> None:
    good, _ = live(issuer, start)
    go_away(issuer)
    clocks.ahead = 3700.0
    assert refusal(start(max_status_age_seconds=9000), good) is errors.StatusUnavailable


def test_a_disk_that_fails_is_logged_and_no_more(
    issuer: FakeIssuer, start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("in the way")
    live(issuer, start)
    assert "not saved" in caplog.text


# --- for a process that lives long --------------------------------------------------------------


def test_an_old_snapshot_is_replaced_and_no_token_notices(
    issuer: FakeIssuer, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_record, "MAX_SNAPSHOT_SECONDS", 0.2)
    verifier = start()
    good = issuer.token()
    eventually(lambda: refusal(verifier, good) is None)

    def is_renewed() -> bool:
        assert refusal(verifier, good) is None
        status = verifier.stats().status
        assert status is not None
        assert (status.counts.failed, status.last_failure) == (0, None)
        return status.counts.connections >= 3

    eventually(is_renewed, within_seconds=20)
    issuer.revoke(good)
    eventually(lambda: refusal(verifier, good) is errors.TokenRevoked)
    verifier.close()
    go_away(issuer)
    assert refusal(start(), good) is errors.TokenRevoked
