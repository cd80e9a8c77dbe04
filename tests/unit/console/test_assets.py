"""Stylesheet, script and mark."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from lingpai_server.console.assets import load_assets

CONSOLE = Path(str(files("lingpai_server.console")))
CSS = (CONSOLE / "assets" / "lingpai.css").read_text("utf-8")


def test_every_file_is_served() -> None:
    assert set(load_assets()) == {path.name for path in (CONSOLE / "assets").iterdir()}


def test_name_holds_the_hash_of_the_content() -> None:
    paths = [asset.path for asset in load_assets().values()]
    assert all(re.fullmatch(r"/assets/[a-z]+\.[0-9a-f]{12}\.[a-z]+", path) for path in paths)


@pytest.mark.parametrize("path", sorted(CONSOLE.glob("*/*")), ids=lambda path: path.name)
def test_nothing_comes_from_another_origin(path: Path) -> None:
    text = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|url\(\s*[\"']?//|@import|@font-face", text)


@pytest.mark.parametrize(
    "path", sorted((CONSOLE / "templates").iterdir()), ids=lambda path: path.name
)
def test_templates_have_no_inline_style_or_script(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", text)


# --- colours: WCAG 2.2, 1.4.3 and 1.4.11 ---------------------------------------------------------


def tokens(scheme: str) -> dict[str, str]:
    light, _, dark = CSS.partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light.partition("}")[0]))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark.partition("}")[0]))
    return found


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *(
            (text, ground)
            for text in ("ink", "ink-soft")
            for ground in ("card", "ground", "ground-glow")
        ),
        *((text, "jade-wash") for text in ("ink", "ink-soft")),
        ("jade", "card"),
        ("jade-deep", "card"),
        ("on-jade", "jade"),
        ("on-jade", "jade-deep"),
        ("cinnabar", "cinnabar-wash"),
        ("amber", "amber-wash"),
    ],
)
def test_text_can_be_read_on_its_ground(scheme: str, text: str, ground: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("edge", ["control-edge", "jade", "cinnabar"])
def test_edges_of_controls_can_be_seen(scheme: str, edge: str) -> None:
    colours = tokens(scheme)
    assert contrast(colours[edge], colours["card"]) >= 3


@pytest.mark.parametrize("ground", re.findall(r"\.tile-\d \{ background: (#[0-9a-f]{6}); \}", CSS))
def test_letter_on_a_tile_can_be_read(ground: str) -> None:
    assert contrast("#ffffff", ground) >= 4.5
