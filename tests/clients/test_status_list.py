"""A status list as somebody else's library reads it: npm's @sd-jwt/jwt-status-list, unmodified."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.client import IssuerClient
from tests.support.peers import give_up
from tests.support.server import command, serving

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
PASSWORD = "a password of nobody else"
PROGRAM = Path(__file__).parent / "status_list.mjs"


def read_by_node(token: str, server: str) -> Any:
    """What the library says of a token, by the list that its issuer publishes now."""
    jwks = httpx2.get(f"{server}/jwks").json()
    (uri,) = httpx2.get(f"{server}/status-lists").json()["status_lists"]
    given = {"token": token, "list": httpx2.get(uri).text, "jwks": jwks}
    done = subprocess.run(
        ["node", str(PROGRAM)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_statuses_are_those_that_another_library_reads(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (PROGRAM.parents[1] / "node_modules").is_dir():
        give_up("node and `npm install` in tests/")
    with serving(tmp_path) as server:
        command("user", "create", "mei", "--password-stdin", data=server.data, stdin=PASSWORD)
        client = IssuerClient(server.url)
        try:
            tokens = [
                client.login("mei", PASSWORD, resource=ORDERS).json()["access_token"]
                for _ in range(2)
            ]
            before = [read_by_node(token, server.url) for token in tokens]
            assert [found["status"] for found in before] == [0, 0]
            assert before[0]["idx"] != before[1]["idx"]
            command("user", "lock", "mei", data=server.data)
            assert [read_by_node(token, server.url)["status"] for token in tokens] == [2, 2]
            command("user", "end-sessions", "mei", data=server.data)
            assert [read_by_node(token, server.url)["status"] for token in tokens] == [1, 1]
        finally:
            client.close()
