"""A verifier made before a fork works on both sides of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.support.issuer_process import issuer_process

pytestmark = pytest.mark.process


def test_both_sides_of_a_fork_verify_with_a_thread_of_their_own() -> None:
    with issuer_process() as issuer:
        tokens = f"{issuer.token(sub='one')}\n{issuer.token(sub='two')}\n"
        command = [sys.executable, "-m", "tests.support.forking_service", issuer.issuer]
        done = subprocess.run(
            command, input=tokens, capture_output=True, text=True, timeout=60, check=True
        )
    child, parent, end = (json.loads(line) for line in done.stdout.splitlines())
    assert child == {"name": "child", "subject": "one", "cached": 0, "threads": [0, 1]}
    assert parent == {"name": "parent", "subject": "two", "cached": 1, "threads": [1, 1]}
    assert end == {"status": 0, "threads": 0}
    assert not done.stderr


@pytest.mark.parametrize("keys", ["published", "given"])
def test_a_forked_child_hears_what_is_revoked_after_the_fork(keys: str) -> None:
    command = [sys.executable, "-m", "tests.support.forking_follower", keys]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"refused_as": "token_revoked"}
