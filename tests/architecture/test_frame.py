"""The frame: commands, pages and pictures are what the words say that they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from docs.generate import flow_picture, timeline_picture
from tests.architecture.sources import ROOT, modules

PAGES = ("README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"`((?:lingpai|lingpai_server)(?:[./][a-z_]+)+)(?:\.py|/)?`")


@pytest.mark.process
def test_generated_pages_and_pictures_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", ["run", "test", "check", "bench", "docs", "ci"])
def test_makefile_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_integration_runs_the_checks_and_the_tests() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = script.read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert {"make check", "make test"} <= set(lines)


@pytest.mark.parametrize("picture", flow_picture.PICTURES, ids=lambda p: p.name)
def test_picture_of_the_flow_is_well_formed_and_has_a_title(picture: flow_picture.Picture) -> None:
    svg = ElementTree.fromstring(flow_picture.render(picture))  # noqa: S314 - our own text
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == picture.title


@pytest.mark.parametrize("timeline", timeline_picture.PICTURES, ids=lambda t: t.name)
def test_timeline_is_well_formed_and_has_a_title(timeline: timeline_picture.Timeline) -> None:
    svg = ElementTree.fromstring(timeline_picture.render(timeline))  # noqa: S314 - our own text
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == timeline.title


def pages() -> list[str]:
    guides = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))
    return [*PAGES, *guides]


@pytest.mark.parametrize("page", pages())
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    text = CODE.sub("", path.read_text(encoding="utf-8"))  # Python's brackets are no links
    targets = LINK.findall(text)
    assert not [target for target in targets if not (path.parent / target).exists()]


@pytest.mark.parametrize("page", pages())
def test_modules_that_a_page_names_exist(page: str) -> None:
    names = {module.name for module in modules()}
    said = NAMED.findall((ROOT / page).read_text(encoding="utf-8"))
    missing = [
        one
        for one in (name.replace("/", ".") for name in said)
        if one not in names and one.rpartition(".")[0] not in names
    ]
    assert not missing
