"""Who only signs and verifies pays for nothing else: what a bare interpreter loads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

NOT_LOADED = {
    *("asyncio", "urllib3", "sqlite3", "ssl", "logging", "http"),
    *("litestar", "httptools", "fastapi", "starlette", "typer", "rich", "lingpai_server"),
}
USE = """
from lingpai import Key, Policy, sign, verify
key = Key.generate("ES256")
claims = {"iss": "https://id.example", "aud": "https://api.example", "exp": 2000000000}
policy = Policy(issuer="https://id.example", audience="https://api.example", typ="at+jwt")
verify(sign(claims, key, typ="at+jwt"), key.public, policy, now=1900000000)
"""


def loaded_by(program: str) -> set[str]:
    """Top-level modules in a new interpreter after the program, a measured one's tools left out."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_import_loads_no_network_no_framework_and_no_database() -> None:
    assert not NOT_LOADED & loaded_by("import lingpai")


def test_signing_and_verifying_load_none_either() -> None:
    assert not NOT_LOADED & loaded_by(USE)


def test_verifier_is_loaded_when_it_is_named() -> None:
    assert "lingpai.verifier" not in loaded_by("import lingpai")
    assert "urllib3" in loaded_by("from lingpai import Verifier")
