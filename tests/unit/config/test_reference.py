"""The generated page about the configuration: complete, and as committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lingpai_server.config.model import all_settings
from lingpai_server.config.reference import TARGET, main, render_reference

ROOT = Path(__file__).parents[3]


def test_every_setting_is_described_with_its_variable() -> None:
    page = render_reference()
    for setting in all_settings():
        assert f"### `{setting.key}`" in page
        assert f"`{setting.variable}`" in page


def test_committed_page_is_fresh() -> None:
    assert (ROOT / TARGET).read_text(encoding="utf-8") == render_reference()


def test_check_tells_a_stale_page_from_a_fresh_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    TARGET.write_text("old", encoding="utf-8")
    assert main(["--check"]) == 1
