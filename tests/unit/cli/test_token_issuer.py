"""`lingpai token verify --issuer URL` fetches the keys of a running issuer."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.client import IssuerClient
from tests.support.server import command, serving

pytestmark = pytest.mark.process

ORDERS = "https://orders.demo.example"
PASSWORD = "correct horse battery staple"


def test_a_token_of_a_running_issuer_verifies_by_its_url(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        command("user", "create", "mei", "--password-stdin", data=server.data, stdin=PASSWORD)
        client = IssuerClient(server.url)
        answer = client.login("mei", PASSWORD, resource=ORDERS)
        client.close()
        policy = ("--issuer", server.url, "--audience", ORDERS)
        # the answer of the token endpoint is read as it is
        passed = command("token", "verify", *policy, data=None, stdin=answer.text)
        other = ("--issuer", server.url, "--audience", "https://other.example")
        refused = command("token", "verify", *other, data=None, stdin=answer.text)
    assert passed.returncode == 0, passed.stderr
    assert passed.stdout.startswith(" VERIFIED ")
    assert refused.returncode == 1
    assert "audience_mismatch" in refused.stderr
