"""`python -m bench --quick` measures, draws and records."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from bench.record import Run
from tests.support.peers import give_up

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.process


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=150
    )


def test_a_quick_run_leaves_figures_and_pictures(tmp_path: Path) -> None:
    done = _bench("tokens", "import", "cache", "--quick", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    runs = [msgspec.json.decode(p.read_bytes(), type=Run) for p in tmp_path.glob("*.json")]
    assert {run.bench for run in runs} == {"tokens", "import", "cache"}
    for run in runs:
        assert any(f.peer.startswith("Lingpai") and f.value for f in run.figures)
        assert run.quick
    pictures = list(tmp_path.glob("*.svg"))
    assert len(pictures) == 6
    for picture in pictures:
        ElementTree.parse(picture)  # noqa: S314 - our own file


def test_an_unknown_bench_is_refused_by_name() -> None:
    done = _bench("tokns")
    assert done.returncode == 2
    assert "no bench named tokns" in done.stderr


def test_a_quick_run_of_the_server_counts_answers_and_no_failure(tmp_path: Path) -> None:
    done = _bench("server", "--quick", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("server-*.json")
    figures = {f.figure: f for f in msgspec.json.decode(path.read_bytes(), type=Run).figures}
    for scenario in ("client_credentials", "refresh_token", "login"):
        assert figures[scenario].value
        assert figures[scenario].note.endswith(" 0 failed")
    assert figures["memory when idle"].value


def test_a_quick_run_beside_another_issuer_counts_answers_and_no_failure(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "tests/node_modules/oidc-provider").exists():
        give_up("oidc-provider")
    done = _bench("provider", "--quick", "--results", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("provider-*.json")
    run = msgspec.json.decode(path.read_bytes(), type=Run)
    found = {(f.figure, f.peer): f for f in run.figures}
    for figure in ("client credentials, JWT", "introspection, opaque token", "code flow"):
        for peer in ("Lingpai", "oidc-provider"):
            assert found[figure, peer].value
            assert found[figure, peer].note.endswith(" 0 failed")
    assert "oidc-provider" in run.versions
    ElementTree.parse(tmp_path / "provider.svg")  # noqa: S314 - our own file
