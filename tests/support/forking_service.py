"""A service that forks after it made its verifier, as pre-forking servers do. Prints what it saw.

Run as a program with the issuer's URL; reads tokens from standard input.
"""

from __future__ import annotations

import os
import sys
import threading

from tests.support.issuer_process import AUDIENCE, answer

from lingpai.verifier import Verifier


def main(issuer: str) -> None:
    """Verify in the parent, fork, verify in both; each tells one line of JSON, the child first."""
    first, second = (sys.stdin.readline().strip() for _ in range(2))
    verifier = Verifier(issuer=issuer, audience=AUDIENCE)
    verifier.verify(first)
    child = os.fork()
    if child == 0:
        report("child", verifier, first)
        verifier.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    report("parent", verifier, second)
    verifier.close()
    answer({"status": status, "threads": threads()})


def report(name: str, verifier: Verifier, raw: str) -> None:
    """Verify, and tell of it."""
    before = threads()
    cached = verifier.stats().cached_tokens
    subject = verifier.verify(raw).subject
    told = {"name": name, "subject": subject, "cached": cached, "threads": [before, threads()]}
    answer(told)


def threads() -> int:
    """How many threads hold keys fresh in this process."""
    return sum(thread.name == "lingpai-keys" for thread in threading.enumerate())


if __name__ == "__main__":
    main(sys.argv[1])
