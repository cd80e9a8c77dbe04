"""A process with verifiers that wait for a token to be refused: what `bench.revocation` starts.

It is told on standard input, one JSON value a line: first a `Crowd`, then the tokens, one after the
other; a number stands for the last line that it is sent. For a token it answers with `armed` once
every verifier has accepted it, and then with the times at which each refused it.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import ExitStack
from functools import partial

import msgspec

from lingpai.errors import TokenError
from lingpai.verifier import Verifier

ROUND_SECONDS = 30.0
WAIT_SECONDS = 60.0  # a thousand verifiers start at once, on two cores
ARMED = "armed"


class Crowd(msgspec.Struct):
    """How many verifiers, and of whom."""

    issuer: str
    audience: str
    count: int


def main() -> None:
    """Answer until standard input ends."""
    crowd = msgspec.json.decode(sys.stdin.readline(), type=Crowd)
    with ExitStack() as stack:
        verifiers = [
            stack.enter_context(
                Verifier(issuer=crowd.issuer, audience=crowd.audience, wait_seconds=WAIT_SECONDS)
            )
            for _ in range(crowd.count)
        ]
        for line in sys.stdin:
            print(msgspec.json.encode(_wait(verifiers, line.strip())).decode(), flush=True)


def _wait(verifiers: list[Verifier], raw: str) -> list[float]:
    """When each of them refused the token: on the clock that all processes share."""
    refused_at: list[float] = []
    over = threading.Event()

    def refuse(verifier: Verifier, _told: TokenError) -> None:
        try:
            verifier.verify(raw)
        except TokenError:
            refused_at.append(time.monotonic())
        if len(refused_at) == len(verifiers):
            over.set()

    with ExitStack() as stack:
        for verifier in verifiers:
            token = verifier.verify(raw)
            stack.enter_context(verifier.watch(token, partial(refuse, verifier)))
        print(ARMED, flush=True)
        if not over.wait(ROUND_SECONDS):
            raise SystemExit(f"{len(refused_at)} of {len(verifiers)} refused the token")
    return refused_at


if __name__ == "__main__":
    main()
