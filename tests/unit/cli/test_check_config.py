"""`lingpai check-config` and `--version`: what they print and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lingpai_server.cli.app import app


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_effective_tree_with_its_sources(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[server]\nport = 9000\n")
    ended = CliRunner().invoke(app, ["check-config", "--config", str(file), "--data", "d"])
    assert ended.exit_code == 0
    lines = {line.split(" = ")[0]: line for line in ended.stdout.splitlines()}
    assert lines["server.port"].startswith("server.port = 9000 ")
    assert lines["server.port"].endswith("x.toml:server.port")
    assert lines["storage.data_dir"].endswith("# --data")
    assert 'server.issuer = "http://127.0.0.1:9000"' in lines["server.issuer"]


def test_effective_tree_as_json() -> None:
    ended = CliRunner(env={"LINGPAI_SERVER__WORKERS": "3"}).invoke(app, ["check-config", "--json"])
    tree = json.loads(ended.stdout)
    assert tree["server.workers"] == {"value": 3, "source": "LINGPAI_SERVER__WORKERS"}


def test_sealing_key_is_never_shown() -> None:
    ended = CliRunner(env={"LINGPAI_SEALING_KEY": "A" * 43}).invoke(app, ["check-config"])
    assert "A" * 43 not in ended.output


def test_every_problem_and_exit_code_2() -> None:
    environ = {"LINGPAI_SERVER__WORKERS": "no", "LINGPAI_SERVER__PROT": "1"}
    ended = CliRunner(env=environ).invoke(app, ["check-config"])
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 2


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    CliRunner().invoke(app, ["check-config", "--data", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()


def test_version_is_the_packages() -> None:
    from importlib.metadata import version

    ended = CliRunner().invoke(app, ["--version"])
    assert ended.stdout == f"lingpai {version('lingpai')}\n"


@pytest.mark.process
def test_version_loads_nothing_heavy() -> None:
    """What is not loaded cannot make the command slow, on any machine."""
    code = (
        "import sys, lingpai_server.cli.app\n"
        "print([m for m in ('cryptography', 'litestar', 'httptools', 'sqlite3', 'rich.console')"
        " if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
