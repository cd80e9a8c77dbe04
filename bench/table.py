"""Figures as tables for people, with rich. Measures and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.record import Figure, Run, Target

OURS = "Lingpai"


def make_console() -> Console:
    """As wide as the terminal, or as the widest table needs where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=132)


def print_matrix(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Rows are algorithms, columns are peers; below each median its ratio to Lingpai's."""
    peers = list(dict.fromkeys(figure.peer for figure in figures))
    cells = {(figure.figure, figure.peer): figure for figure in figures}
    console.print(f"[bold]{title}[/bold]")
    table = Table(header_style="dim")
    table.add_column("")
    for peer in peers:
        table.add_column(peer, justify="right", style="bold" if peer == OURS else "")
    for row in dict.fromkeys(figure.figure for figure in figures):
        found = [cells.get((row, peer)) for peer in peers]
        table.add_row(row, *(_cell(figure) for figure in found))
    console.print(table)


def print_list(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """One figure a line."""
    console.print(f"[bold]{title}[/bold]")
    table = Table(header_style="dim")
    for name, justify in (("", "left"), ("", "left"), ("median", "right"), ("quartiles", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("")
    for figure in figures:
        table.add_row(
            figure.figure,
            figure.peer,
            f"{number(figure.value)} {figure.unit}" if figure.value is not None else "–",
            _quartiles(figure),
            figure.note or (f"{number(figure.ratio)}×" if figure.ratio is not None else ""),
        )
    console.print(table)


def print_targets(console: Console, targets: Sequence[Target]) -> None:
    """What was aimed at and what came out."""
    if not targets:
        return
    console.print("[bold]Targets[/bold]")
    table = Table(header_style="dim")
    table.add_column("")
    table.add_column("measured", justify="right")
    table.add_column("aim")
    table.add_column("")
    for target in targets:
        mark = Text("met", style="green") if target.met else Text("missed", style="red")
        table.add_row(target.name, f"{number(target.value)} {target.unit}", target.aim, mark)
    console.print(table)


def print_machine(console: Console, run: Run) -> None:
    """On what, with which versions, how often."""
    machine = run.machine
    console.print(
        f"[dim]{machine['processor']}, {machine['cores']} cores; {machine['python']};"
        f" {machine['openssl']}; {run.rounds} interleaved rounds[/dim]"
    )
    console.print(f"[dim]{', '.join(f'{k} {v}' for k, v in run.versions.items())}[/dim]\n")


def number(value: float | None) -> str:
    """Three significant digits, thousands apart, no exponent."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{round(value, 2 - len(str(int(abs(value)))) + 1):,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _cell(figure: Figure | None) -> Text:
    if figure is None:
        return Text("")
    if figure.value is None:
        return Text(figure.note, style="dim italic")
    text = Text(number(figure.value))
    if figure.peer != OURS and figure.ratio is not None:
        text.append(f"\n{number(figure.ratio)}×", style="dim")
    return text


def _quartiles(figure: Figure) -> str:
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return ""
    return f"{number(figure.low)} to {number(figure.high)}"
