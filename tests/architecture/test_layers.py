"""The layer rule, as the contracts of pyproject.toml state it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.sources import ROOT, modules

pytestmark = pytest.mark.process  # import-linter keeps settings for the life of a process

LINT = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=folder, capture_output=True, text=True, check=False)


def test_lower_never_imports_higher() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("lingpai.jose.header", "import lingpai.jwt.policy"),
        ("lingpai.jwt.policy", "import time"),
        ("lingpai.jwt.claims", "import cryptography"),
        ("lingpai.api", "import lingpai_server.core"),
        ("lingpai_server.core.records", "import lingpai_server.storage.rows"),
        ("lingpai_server.protocol.login", "import sqlite3"),
    ],
)
def test_contracts_see_a_forbidden_import(module: str, line: str, tmp_path: Path) -> None:
    for each in modules():
        text = each.text + (f"\n{line}\n" if each.name == module else "")
        copy = tmp_path / each.path.relative_to(ROOT / "src")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert lint(tmp_path).returncode == 1


def test_contracts_see_a_package_outside_every_layer(tmp_path: Path) -> None:
    for each in modules():
        copy = tmp_path / each.path.relative_to(ROOT / "src")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(each.text, encoding="utf-8")
    (tmp_path / "lingpai_server/newcomer.py").write_text('"""Belongs nowhere."""\n')
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert lint(tmp_path).returncode == 1
