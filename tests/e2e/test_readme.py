"""The READMEs are true: every command and every program in them runs and prints what they show."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.support.pages import assert_shown, read_blocks, run_bash, run_python
from tests.support.server import free_port, serving

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")


@pytest.mark.parametrize("name", READMES)
def test_walk_works_as_printed(name: str, tmp_path: Path) -> None:
    with serving(tmp_path / "issuer") as server:
        addresses = {
            "127.0.0.1:8000": server.url.removeprefix("http://"),
            "127.0.0.1:8001": f"127.0.0.1:{free_port()}",
        }
        addresses["--port 8001"] = f"--port {addresses['127.0.0.1:8001'].partition(':')[2]}"
        blocks = [b for b in read_blocks(ROOT / name, addresses) if b.language == "bash"]
        assert len(blocks) > 5
        (tmp_path / ".venv").symlink_to(sys.prefix)
        printed = run_bash(blocks, tmp_path, {"LINGPAI_STORAGE__DATA_DIR": str(server.data)})
    for block, output in zip(blocks, printed, strict=True):
        if block.shown is not None:
            assert_shown(block.shown, output)


@pytest.mark.parametrize("name", READMES)
def test_each_program_runs(name: str, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"  # nobody is there: a verifier must stand that
    blocks = [
        b for b in read_blocks(ROOT / name, {"127.0.0.1:8000": address}) if b.language == "python"
    ]
    assert blocks
    for block in blocks:
        run_python([block], tmp_path)


def test_both_languages_show_the_same_programs() -> None:
    english, chinese = (
        [b.code for b in read_blocks(ROOT / name, {}) if b.language == "python"] for name in READMES
    )
    assert english == chinese
