"""Statuses from a served issuer to a real verifier: what ends is refused, and what is lost is not
vouched for."""

from __future__ import annotations

import http.client
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.client import IssuerClient
from tests.support.server import Server, command, free_port, serving, start

from lingpai.errors import StatusUnavailable, TokenRevoked
from lingpai.verifier import Verifier

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 15.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        made = command(
            "user", "create", "mei", "--password-stdin", data=running.data, stdin=PASSWORD + "\n"
        )
        assert made.returncode == 0, made.stderr
        yield running


@pytest.fixture
def verifier(server: Server) -> Iterator[Verifier]:
    with Verifier(issuer=server.url, audience=ORDERS) as made:
        yield made


def log_in(server: Server) -> str:
    with closing(IssuerClient(server.url)) as client:
        token: str = client.login("mei", PASSWORD).json()["access_token"]
        return token


def end_session(server: Server, session_id: str) -> None:
    done = command("session", "end", session_id, data=server.data)
    assert done.returncode == 0, done.stderr


def until(found: Callable[[], bool]) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_revoked(verifier: Verifier, raw: str) -> bool:
    try:
        verifier.verify(raw)
    except TokenRevoked:
        return True
    return False


def is_streaming(verifier: Verifier) -> bool:
    status = verifier.stats().status
    return status is not None and status.is_streaming


def test_an_ended_session_is_refused_and_another_is_not(server: Server, verifier: Verifier) -> None:
    raw, other = log_in(server), log_in(server)
    session_id = verifier.verify(raw).session_id
    assert session_id is not None
    verifier.verify(other)
    end_session(server, session_id)
    until(lambda: is_revoked(verifier, raw))
    verifier.verify(other)


def test_what_ended_while_the_issuer_was_away_is_refused_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    server = start(tmp_path, port=port)
    try:
        made = command(
            "user", "create", "mei", "--password-stdin", data=server.data, stdin=PASSWORD + "\n"
        )
        assert made.returncode == 0, made.stderr
        with Verifier(issuer=server.url, audience=ORDERS) as verifier:
            raw = log_in(server)
            session_id = verifier.verify(raw).session_id
            assert session_id is not None
            until(lambda: is_streaming(verifier))
            server.kill()
            end_session(server, session_id)
            verifier.verify(raw)  # the view is young enough
            server = start(tmp_path, port=port)
            until(lambda: is_revoked(verifier, raw))
    finally:
        server.stop()


def test_streams_do_not_delay_the_end_of_the_server(server: Server, verifier: Verifier) -> None:
    log_in(server)
    until(lambda: is_streaming(verifier))
    code, seconds = server.stop()
    assert code == 0
    assert seconds < 3


def test_a_database_that_was_taken_away_is_vouched_for_by_nobody(
    server: Server, verifier: Verifier
) -> None:
    raw = log_in(server)
    verifier.verify(raw)
    until(lambda: is_streaming(verifier))
    (server.data / "lingpai.db").rename(server.data / "elsewhere.db")

    def is_refused() -> bool:
        try:
            verifier.verify(raw, max_status_age_seconds=3)
        except StatusUnavailable:
            return True
        return False

    until(is_refused)
    verifier.verify(raw)  # by a bound that has not passed
    assert server.log.count("statuses cannot be followed") == 1


def test_more_may_follow_than_a_shell_lets_files_be_open(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server = start(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        host = server.url.removeprefix("http://")
        followers = [http.client.HTTPConnection(host, timeout=10) for _ in range(300)]
        for follower in followers:
            follower.request("GET", "/status-lists/stream?nonce=n")
            assert follower.getresponse().status == 200
        for follower in followers:
            follower.close()
    finally:
        server.stop()
