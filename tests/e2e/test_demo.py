"""`lingpai demo` shows the whole flow, gives nothing away, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

COMMAND = (sys.executable, "-m", "lingpai_server.cli.app", "demo", "--plain")
TIMEOUT_SECONDS = 120
TITLES = (
    "Set up",
    "Log in",
    "Call an API",
    "Nobody is asked",
    "A scope is missing",
    "A permission comes with a role",
    "Revoke, and watch two services refuse",
    "The same refresh twice",
    "A stolen refresh token",
    "A machine, without a user",
    "Log out",
    "Bad tokens",
    "The issuer is away",
)
REASONS = (
    "insufficient_scope",
    "insufficient_permission",
    "token_stale",  # a role was granted
    "token_revoked",  # all sessions were ended: at one service, and at the other
    "token_revoked",
    "token_revoked",  # an old refresh token was used
    "token_revoked",  # the user logged out
    "signature_invalid",
    "token_expired",
    "audience_mismatch",
    "unknown_algorithm",
)


@pytest.fixture(scope="module")
def walked(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One whole demo, from a folder that is no checkout, and the folder that it played in."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        COMMAND,
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return done, folder


def test_the_demo_walks_every_step_in_order(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, _ = walked
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert not done.stderr
    titles = re.findall(r"^(\d+)\. (.+)$", done.stdout, re.MULTILINE)
    assert titles == [(str(number), title) for number, title in enumerate(TITLES, 1)]


def test_each_refusal_names_its_reason_in_order(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    found = re.findall(r'www-authenticate: .*error_description="(\w+)"', walked[0].stdout)
    assert tuple(found) == REASONS


def test_the_demo_shows_that_the_issuer_was_not_asked(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    shown = " ".join(walked[0].stdout.split())
    assert "requests to the issuer meanwhile: 0" in shown
    assert "201 tokens verified, 200 of them remembered" in shown


def test_the_demo_tells_how_soon_a_change_had_arrived(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    shown = " ".join(walked[0].stdout.split())
    stale = re.search(r"(\d+) ms after the administrator's change", shown)
    revoked = re.search(r"refused (\d+) ms \(orders\) and (\d+) ms \(notes\)", shown)
    assert stale is not None
    assert revoked is not None
    told = [int(stale[1]), *map(int, revoked.groups())]
    assert all(0 <= milliseconds < 5000 for milliseconds in told), told


def test_the_demo_gives_no_token_and_no_password_away(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    shown = walked[0].stdout
    assert not re.search(r"eyJ[\w-]{20}", shown)
    assert not re.search(r"lp_rt_\d\.[\w-]{22}", shown)
    assert "lp_cs_" not in shown
    assert '"password": "…"' in shown


def test_the_plain_demo_has_no_colours(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    assert "\x1b" not in walked[0].stdout


def test_nothing_is_left_of_a_demo(
    walked: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, folder = walked
    assert not list(folder.iterdir())
    assert not _processes_in(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("title", ["Set up", "Log in"])
def test_nothing_is_left_of_an_interrupted_demo(
    tmp_path: Path, number: signal.Signals, title: str
) -> None:
    with _running(tmp_path) as process:
        _await_line(process, title)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "Interrupted" in rest
    assert "Traceback" not in errors
    assert not list(tmp_path.iterdir())
    assert not _processes_in(tmp_path)


def test_a_service_that_fails_fails_the_demo(tmp_path: Path) -> None:
    with _running(tmp_path, "--pace", "2") as process:
        _await_line(process, "user mei has role clerk")
        for pid in _processes_in(tmp_path, running="lingpai_server.demo.orders"):
            os.kill(int(pid), signal.SIGKILL)
        rest, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert "The demo failed: GET http://127.0.0.1:" in rest
    assert not list(tmp_path.iterdir())
    assert not _processes_in(tmp_path)


def test_nothing_is_left_when_the_reader_goes_away(tmp_path: Path) -> None:
    # lingpai demo | head -1
    with _running(tmp_path) as process:
        assert process.stdout is not None
        _await_line(process, "Set up")
        process.stdout.close()
        process.wait(timeout=TIMEOUT_SECONDS)
    assert not list(tmp_path.iterdir())
    assert not _processes_in(tmp_path)


@contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _await_line(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while words not in process.stdout.readline():
        assert process.poll() is None
        assert time.monotonic() < deadline


def _environment(folder: Path) -> dict[str, str]:
    """Its temporary folder is made in `folder`; nothing of a developer's settings counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LINGPAI_")}
    return kept | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _processes_in(folder: Path, *, running: str = "") -> list[str]:
    """The processes whose current folder is in there, were it gone by now."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                place = os.readlink(entry / "cwd")  # noqa: PTH115 - it may say "(deleted)"
                command = (entry / "cmdline").read_text(encoding="utf-8")
            except OSError:
                continue
            if place.startswith(str(folder)) and running in command:
                found.append(entry.name)
    return found
