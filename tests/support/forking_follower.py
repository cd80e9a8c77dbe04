"""A service that forks while its verifier follows an issuer's statuses. Prints what the child saw.

The issuer lives in the parent. Run as a program with "published" or "given", for the keys.
"""

from __future__ import annotations

import os
import sys
import time

from tests.support.issuer_process import answer

from lingpai import errors
from lingpai.testing import LoopbackIssuer
from lingpai.verifier import Verifier

PATIENCE_SECONDS = 10.0


def main(keys: str) -> None:
    """Verify, fork, revoke in the parent; the child tells when the token is refused."""
    with LoopbackIssuer(with_statuses=True) as issuer:
        given = {"keys": issuer.key.public, "fetch_status": True} if keys == "given" else {}
        verifier, raw = issuer.verifier(**given), issuer.token()
        verifier.verify(raw)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            verifier.verify(raw)
            os.write(writing, b"accepted")
            answer({"refused_as": refusal_of(verifier, raw)})
            os._exit(0)
        os.read(reading, 100)
        issuer.revoke(raw)
        os.waitpid(child, 0)


def refusal_of(verifier: Verifier, raw: str) -> str | None:
    """Verify until it is refused; the code of the refusal."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            verifier.verify(raw)
        except errors.TokenError as refusal:
            return refusal.code
        time.sleep(0.01)
    return None


if __name__ == "__main__":
    main(sys.argv[1])
