"""Two kinds of chart: bars in panels, and lines over a logarithmic axis. Choose no figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.svg import Drawing
from bench.table import number

Kind = Literal["ours", "peer", "raw"]

_WIDTH = 880
_MARGIN = 28
_HEAD = 84
_BAR_STYLES: dict[Kind, str] = {"ours": "bar-ours", "peer": "bar", "raw": "bar-raw"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    label: str
    value: float
    kind: Kind = "peer"


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars that share one scale, from zero."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of (x, y) points."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: Kind = "peer"


_BAR_STEP = 24
_LABEL_WIDTH = 122
_VALUE_WIDTH = 74


def draw_bars(title: str, note: str, panels: Sequence[Panel], unit: str) -> str:
    """Panels two abreast; in each the shortest bar, the best, on top."""
    columns = 2
    panel_width = (_WIDTH - _MARGIN * (columns + 1)) / columns
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    heights = [max(len(panel.bars) for panel in row) * _BAR_STEP + 56 for row in rows]
    drawing = _start(title, note, _HEAD + sum(heights), _describe(panels, unit))
    y = float(_HEAD)
    for row, height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            _draw_panel(
                drawing, panel, _MARGIN + column * (panel_width + _MARGIN), y, panel_width, unit
            )
        y += height
    return drawing.render()


def _draw_panel(
    drawing: Drawing, panel: Panel, x: float, y: float, width: float, unit: str
) -> None:
    drawing.text(x, y + 14, panel.title, "panel")
    bars = sorted(panel.bars, key=lambda bar: bar.value)
    longest = max(bar.value for bar in bars)
    room = width - _LABEL_WIDTH - _VALUE_WIDTH
    left = x + _LABEL_WIDTH
    for index, bar in enumerate(bars):
        top = y + 28 + index * _BAR_STEP
        length = max(1.5, room * bar.value / longest)
        style = "ours" if bar.kind == "ours" else ("note" if bar.kind == "raw" else "")
        drawing.text(left - 8, top + 12.5, bar.label, style, anchor="end")
        drawing.rect(left, top, length, 16, _BAR_STYLES[bar.kind], radius=2)
        drawing.text(left + length + 6, top + 12.5, f"{number(bar.value)} {unit}", style)


def _describe(panels: Sequence[Panel], unit: str) -> str:
    return "; ".join(
        f"{panel.title}: "
        + ", ".join(
            f"{bar.label} {number(bar.value)} {unit}"
            for bar in sorted(panel.bars, key=lambda bar: bar.value)
        )
        for panel in panels
    )


_PLOT_HEIGHT = 300
_LEFT = 76
_RIGHT = 190


def draw_lines(
    title: str,
    note: str,
    lines: Sequence[Line],
    *,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
) -> str:
    """Both axes logarithmic; each line is labelled at its end."""
    described = "; ".join(f"{line.label}: {_points_text(line.points)}" for line in lines)
    drawing = _start(title, note, _HEAD + _PLOT_HEIGHT + 56, described)
    to_x = _log_scale([x for x, _ in x_ticks], _LEFT, _WIDTH - _RIGHT)
    to_y = _log_scale([y for y, _ in y_ticks], _HEAD + _PLOT_HEIGHT, _HEAD)
    for y_value, label in y_ticks:
        drawing.line(_LEFT, to_y(y_value), _WIDTH - _RIGHT, to_y(y_value), "grid")
        drawing.text(_LEFT - 10, to_y(y_value) + 4, label, "note", anchor="end")
    base = _HEAD + _PLOT_HEIGHT
    drawing.line(_LEFT, base, _WIDTH - _RIGHT, base, "axis")
    for x_value, label in x_ticks:
        drawing.text(to_x(x_value), base + 22, label, "note", anchor="middle")
    labels = _spread([to_y(line.points[-1][1]) + 4 for line in lines], least=17)
    for line, label_y in zip(lines, labels, strict=True):
        _draw_line(drawing, line, to_x, to_y, label_y)
    return drawing.render()


def _draw_line(
    drawing: Drawing,
    line: Line,
    to_x: Callable[[float], float],
    to_y: Callable[[float], float],
    label_y: float,
) -> None:
    suffix = "-ours" if line.kind == "ours" else ""
    places = [(to_x(x), to_y(y)) for x, y in line.points]
    drawing.path(places, f"line{suffix}")
    for x, y in places:
        drawing.dot(x, y, f"dot{suffix}")
    drawing.text(places[-1][0] + 12, label_y, line.label, "ours" if suffix else "")


def _spread(wanted: Sequence[float], *, least: float) -> list[float]:
    """Move labels down until none covers another."""
    placed = [0.0] * len(wanted)
    lowest = -math.inf
    for index in sorted(range(len(wanted)), key=lambda i: wanted[i]):
        lowest = max(wanted[index], lowest + least)
        placed[index] = lowest
    return placed


def _log_scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = math.log(min(values)), math.log(max(values))
    return lambda value: start + (end - start) * (math.log(value) - low) / (high - low)


def _start(title: str, note: str, height: float, description: str) -> Drawing:
    drawing = Drawing(_WIDTH, round(height), title, description)
    drawing.text(_MARGIN, 38, title, "title")
    drawing.text(_MARGIN, 59, note, "note")
    return drawing


def _points_text(points: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{number(x)} → {number(y)}" for x, y in points)
