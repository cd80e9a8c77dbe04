"""kill -9 in the middle of a stream of refreshes: every answer that a client got is still true."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from tests.support.client import IssuerClient
from tests.support.server import FAST_PASSWORDS, Server, command, free_port, start

from lingpai.jose.key_set import KeySet
from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.verify import verify

pytestmark = pytest.mark.process

CLIENTS = 6
ROUNDS = 3
STREAM_ANSWERS = 150
PASSWORD = "correct horse battery staple"
# what was in flight when the server died is answered again for as long as the test may take
ENVIRON = {**FAST_PASSWORDS, "LINGPAI_SESSIONS__GRACE_SECONDS": "120"}


@dataclass
class Stream:
    """A client that refreshes until its server is gone; `answered` are the tokens it was given."""

    client: IssuerClient
    answered: list[str]
    access_tokens: list[str] = field(default_factory=list)
    revokes: bool = False
    revoked: bool = False

    def run(self) -> None:
        try:
            while True:
                given = self.client.refresh(self.answered[-1])
                assert given.status_code == 200, given.text
                self.answered.append(given.json()["refresh_token"])
                self.access_tokens.append(given.json()["access_token"])
                if self.revokes and len(self.answered) > 5:
                    assert self.client.revoke(self.answered[-1]).status_code == 200
                    self.revoked = True
                    return
        except httpx2.TransportError:
            pass  # killed: whatever was not answered was not promised
        finally:
            self.client.close()


def stream_until_killed(server: Server, streams: list[Stream]) -> None:
    threads = [threading.Thread(target=each.run) for each in streams]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while sum(len(each.answered) for each in streams) < STREAM_ANSWERS:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.005)
    server.kill()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()


@pytest.mark.parametrize("workers", [1, 2])
def test_every_answered_refresh_is_true_after_the_restart(tmp_path: Path, workers: int) -> None:
    port = free_port()
    arguments = ("--workers", str(workers))
    server = start(tmp_path, port=port, arguments=arguments, environ=ENVIRON)
    command("user", "create", "mei", "--password-stdin", data=server.data, stdin=PASSWORD + "\n")
    try:
        for _ in range(ROUNDS):
            streams = [new_stream(server, revokes=number == 0) for number in range(CLIENTS)]
            stream_until_killed(server, streams)
            await_free(port)
            server = start(tmp_path, port=port, arguments=arguments, environ=ENVIRON)
            for each in streams:
                check_still_true(server, each)
    finally:
        server.stop()


def new_stream(server: Server, *, revokes: bool) -> Stream:
    client = IssuerClient(server.url)
    given = client.login("mei", PASSWORD)
    assert given.status_code == 200, given.text
    return Stream(client, [given.json()["refresh_token"]], revokes=revokes)


def check_still_true(server: Server, stream: Stream) -> None:
    client = IssuerClient(server.url)  # the old connections died with the server
    try:
        check_answers(server, client, stream)
    finally:
        client.close()


def check_answers(server: Server, client: IssuerClient, stream: Stream) -> None:
    last = stream.answered[-1]
    if stream.revoked:  # an answered revocation is not undone
        assert client.refresh(last).json()["error"] == "invalid_grant"
        return
    again = client.refresh(last)
    assert again.status_code == 200, again.text
    keys = KeySet.from_jwks(httpx2.get(f"{server.url}/jwks").content)
    policy = Policy(
        issuer=server.url,
        audience="https://orders.demo.example",
        typ="at+jwt",
        status=IGNORE_STATUS,
    )
    for raw in (*stream.access_tokens[-3:], again.json()["access_token"]):
        verify(raw, keys, policy, now=time.time())
    if len(stream.answered) > 2:  # a token two rotations back stays used: the last act, it ends all
        assert client.refresh(stream.answered[-3]).json()["error"] == "invalid_grant"
        assert client.refresh(last).json()["error"] == "invalid_grant"


def await_free(port: int) -> None:
    """A killed process lets go of its port a moment after its death."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
        except httpx2.TransportError:
            return
        time.sleep(0.02)
    raise AssertionError("a killed server goes on serving")
