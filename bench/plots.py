"""Which figures go into which picture; the pictures that the README and the guides show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from bench import growth
from bench.charts import Bar, Kind, Line, Panel, draw_bars, draw_lines
from bench.record import Figure, Run
from bench.revocation import CROWDS, SLOWEST, name_crowd
from bench.tokens import AGAIN, OURS, RAW, UNIT

_TITLES = {
    "verify": "Verify an access token",
    "sign": "Sign an access token",
    "encrypt": "Encrypt a token (JWE)",
    "decrypt": "Decrypt a token (JWE)",
}


def draw_tokens(run: Run, folder: Path) -> list[Path]:
    """One picture an operation: a panel for each algorithm, a bar for each library."""
    made = []
    for operation, title in _TITLES.items():
        panels = _panels(operation, run.figures)
        if panels:
            picture = draw_bars(title, _note(run, "shorter is better"), panels, UNIT)
            made.append(_write(folder / f"{operation}.svg", picture))
    return made


def _panels(operation: str, figures: Sequence[Figure]) -> list[Panel]:
    bars: dict[str, list[Bar]] = {}
    for figure in figures:
        done, _, algorithm = figure.figure.rpartition(" ")
        if figure.value is None:
            continue
        if done == operation:
            bars.setdefault(algorithm, []).append(
                Bar(figure.peer, figure.value, kind_of(figure.peer))
            )
        elif operation == "verify" and done == AGAIN:
            bars.setdefault(algorithm, []).append(Bar("Lingpai, cached", figure.value, "ours"))
    return [Panel(algorithm, found) for algorithm, found in bars.items()]


def draw_provider(run: Run, folder: Path) -> list[Path]:
    """A panel for each figure, a bar for each issuer: how many milliseconds each unit of work took
    one worker."""
    bars: dict[str, list[Bar]] = {}
    for figure in run.figures:
        if figure.value:
            bar = Bar(figure.peer, 1000 / figure.value, kind_of(figure.peer))
            bars.setdefault(figure.figure, []).append(bar)
    panels = [Panel(name, found) for name, found in bars.items()]
    title = "An issuer's work, one worker each"
    picture = draw_bars(title, _note(run, "shorter is better"), panels, "ms")
    return [_write(folder / "provider.svg", picture)]


def draw_revocation(run: Run, folder: Path) -> list[Path]:
    """How long the last verifier takes, by how many there are: median, and 99 of a hundred."""
    values = {figure.figure: figure.value for figure in run.figures if figure.value is not None}
    counts = [count for count in CROWDS if name_crowd(count) in values]
    if len(counts) < 2:
        return []
    lines = [
        Line(label, [(count, values[name_crowd(count) + end]) for count in counts], "ours")
        for label, end in (("median", ""), ("99 of 100", SLOWEST))
    ]
    heights = [y for line in lines for _, y in line.points]
    picture = draw_lines(
        "From a click to the refusal at the last verifier",
        f"one machine, {run.machine['cores']} cores, the commit included; both axes logarithmic",
        lines,
        x_ticks=[(float(count), _count_label(count)) for count in counts],
        y_ticks=_decades(min(heights), max(heights), "ms"),
    )
    return [_write(folder / "revocation.svg", picture)]


def kind_of(peer: str) -> Kind:
    """How a library is drawn."""
    if peer.startswith(OURS):
        return "ours"
    return "raw" if peer == RAW else "peer"


def _note(run: Run, reading: str) -> str:
    machine = run.machine
    return (
        f"median of {run.rounds} interleaved rounds, {reading};"
        f" {machine['python']}, {machine['processor']}"
    )


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def draw_growth(run: Run, folder: Path) -> list[Path]:
    """Cost by token size and by number of keys."""
    pictures = {
        "size": ("Verify by token size", growth.SIZES, _size_label),
        "keys": ("Verify by number of keys", growth.COUNTS, _count_label),
    }
    made = []
    for what, (title, ticks, label) in pictures.items():
        lines = _lines(what, run.figures)
        xs = [(float(tick), label(tick)) for tick in ticks]
        highest = max(y for line in lines for _, y in line.points)
        lowest = min(y for line in lines for _, y in line.points)
        picture = draw_lines(
            title,
            _note(run, "both axes logarithmic"),
            lines,
            x_ticks=xs,
            y_ticks=_decades(lowest, highest),
        )
        made.append(_write(folder / f"verify-by-{what}.svg", picture))
    return made


def _lines(what: str, figures: Sequence[Figure]) -> list[Line]:
    points: dict[str, list[tuple[float, float]]] = {}
    prefix = f"verify, {what} "
    for figure in figures:
        if figure.figure.startswith(prefix) and figure.value is not None:
            x = float(figure.figure.removeprefix(prefix))
            points.setdefault(figure.peer, []).append((x, figure.value))
    return [Line(peer, found, kind_of(peer)) for peer, found in points.items()]


def _decades(lowest: float, highest: float, unit: str = UNIT) -> list[tuple[float, str]]:
    """Powers of ten around all values, as axis labels."""
    powers = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    return [(10.0**power, f"{10.0**power:,g} {unit}") for power in powers]


def _size_label(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:g} kB"


def _count_label(count: int) -> str:
    return f"{count:,}"
