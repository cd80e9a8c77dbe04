"""An issuer in a process of its own, for tests that kill it, stop it or make it misbehave.

Run as a program it obeys one line at a time and answers each with one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lingpai.testing import Behaviour, LoopbackIssuer

AUDIENCE = "https://api.test"


class IssuerProcess:
    """The test's side of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.issuer: str = self._read()

    def token(self, **options: Any) -> str:
        """A token, options as for `FakeIssuer.token`."""
        return str(self._ask("token", options))

    def rotate(self) -> None:
        """Sign with a new key."""
        self._ask("rotate")

    def behave(self, behaviour: Behaviour) -> None:
        """Answer like this from now on."""
        self._ask("behave", behaviour.name)

    def requests(self) -> list[str]:
        """The URLs that were asked for so far."""
        asked: list[str] = self._ask("requests")
        return asked

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Freeze it: it accepts connections, by its kernel, and says nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def _ask(self, *words: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def issuer_process(audience: str = AUDIENCE, *, port: int = 0) -> Iterator[IssuerProcess]:
    """An issuer that listens when the block begins and is gone when it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.issuer_process", audience, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield IssuerProcess(process)
    finally:
        process.kill()
        process.communicate()


def _obey(issuer: LoopbackIssuer, word: str, *arguments: Any) -> object:
    match word:
        case "token":
            return issuer.token(**arguments[0])
        case "rotate":
            return issuer.rotate().kid
        case "behave":
            issuer.behaviour = Behaviour[arguments[0]]
            return None
        case "requests":
            return issuer.requests
        case _:
            raise ValueError(word)


def answer(value: object) -> None:
    """One line of JSON to whoever reads along."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main(audience: str, port: str) -> None:
    """Serve until standard input ends."""
    with LoopbackIssuer(audience, port=int(port)) as issuer:
        answer(issuer.issuer)
        for line in sys.stdin:
            answer(_obey(issuer, *json.loads(line)))


if __name__ == "__main__":
    main(*sys.argv[1:])
