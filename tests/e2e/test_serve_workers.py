"""`--workers N`: several processes, one truth."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from tests.support.client import IssuerClient
from tests.support.server import Server, command, serving, start

pytestmark = pytest.mark.process

ROUNDS = 200
TABS = 4
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("workers")
    with serving(folder, arguments=("--workers", "2")) as running:
        command(
            "user", "create", "mei", "--password-stdin", data=running.data, stdin=PASSWORD + "\n"
        )
        yield running


def test_one_token_redeemed_at_once_200_times_has_one_successor(server: Server) -> None:
    """Each tab keeps connections of its own, so that the kernel spreads them over both workers."""
    tabs = [IssuerClient(server.url) for _ in range(TABS)]
    token = tabs[0].login("mei", PASSWORD).json()["refresh_token"]
    with ThreadPoolExecutor(TABS) as pool:
        for _ in range(ROUNDS):
            answers = list(pool.map(lambda tab, shown=token: tab.refresh(shown), tabs))
            assert [answer.status_code for answer in answers] == [200] * TABS
            (token,) = {answer.json()["refresh_token"] for answer in answers}
    for tab in tabs:
        tab.close()


def test_both_workers_answer(server: Server) -> None:
    """Proves that the test above raced two processes: each holds connections of ours."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: httpx2.get(f"{server.url}/readyz"), range(64)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(server.worker_pids()) == 2


def test_all_stop_within_five_seconds(tmp_path: Path) -> None:
    running = start(tmp_path, arguments=("--workers", "2"))
    pids = running.worker_pids()
    code, seconds = running.stop()
    assert code == 0, running.log
    assert seconds < 5
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_workers_stop_when_the_one_that_minds_them_is_killed(tmp_path: Path) -> None:
    running = start(tmp_path, arguments=("--workers", "2"))
    pids = running.worker_pids()
    running.process.kill()
    running.process.wait()
    await_gone(pids, deadline=time.monotonic() + 10)


def test_worker_that_dies_at_once_stops_the_server_with_code_1(tmp_path: Path) -> None:
    running = start(tmp_path, arguments=("--workers", "2"))
    os.kill(running.worker_pids()[0], signal.SIGKILL)
    assert running.process.wait(timeout=10) == 1
    assert "ended by itself" in running.log


def await_gone(pids: list[int], *, deadline: float) -> None:
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """A zombie that nobody has waited for yet is gone for us."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
