"""The pictures are well-formed, say everything in words too, and read in light and dark."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from bench.charts import Bar, Line, Panel, draw_bars, draw_lines
from bench.table import number

BARS = draw_bars(
    "A <title>", "note", [Panel("HS256", [Bar("slow & old", 40), Bar("quick", 2, "ours")])], "µs"
)
LINES = draw_lines(
    "Growth",
    "note",
    [Line("ours", [(1, 10), (100, 12)], "ours"), Line("other", [(1, 10), (100, 13)])],
    x_ticks=[(1, "1"), (100, "100")],
    y_ticks=[(10, "10"), (100, "100")],
)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("picture", [BARS, LINES], ids=["bars", "lines"])
def test_a_picture_is_well_formed_and_knows_the_dark(picture: str) -> None:
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own text
    assert root.tag == f"{SVG}svg"
    assert "prefers-color-scheme: dark" in picture


def test_the_shortest_bar_is_on_top() -> None:
    words = [node.text for node in ElementTree.fromstring(BARS).iter(f"{SVG}text")]  # noqa: S314
    assert words.index("quick") < words.index("slow & old")


def test_a_picture_tells_its_values_to_who_does_not_see_it() -> None:
    assert "<desc>HS256: quick 2 µs, slow &amp; old 40 µs</desc>" in BARS


def test_labels_at_the_ends_of_lines_do_not_cover_each_other() -> None:
    root = ElementTree.fromstring(LINES)  # noqa: S314 - our own text
    heights = [
        float(node.attrib["y"])
        for node in root.iter(f"{SVG}text")
        if node.text in ("ours", "other")
    ]
    assert abs(heights[0] - heights[1]) >= 17


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2345, "0.234"), (3.0, "3"), (45.67, "45.7"), (1234.5, "1,230"), (58_321, "58,300")],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text
