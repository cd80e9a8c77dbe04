"""How the scenes of the demo look: coloured on a terminal, plain ASCII marks elsewhere."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from typing import assert_never

from rich.console import Console
from rich.text import Text

from lingpai_server.cli.token_printing import render_rows
from lingpai_server.cli.token_view import Row, look_at, printable, rows_of
from lingpai_server.demo.scenes import Command, Exchange, Fact, Scene, ShowToken, Step

_WIDTH = 88
_INDENT = "   "


class Printer:
    """Prints scenes, and counts the steps."""

    def __init__(self, *, plain: bool) -> None:
        self._console = Console(
            color_system=None if plain else "auto",
            highlight=False,
            markup=False,
            soft_wrap=True,
            emoji=False,
        )
        self._steps = 0

    def show(self, scene: Scene) -> None:
        """One scene."""
        match scene:
            case Step():
                self._show_step(scene)
            case Exchange():
                self._show_exchange(scene)
            case Command():
                self._show_command(scene)
            case ShowToken():
                self._show_token(scene)
            case Fact():
                self._paragraph("= ", scene.words, "green")
            case other:
                assert_never(other)

    def say(self, words: str, style: str = "") -> None:
        """A line of its own."""
        self._console.print(words, style=style)

    def _show_step(self, step: Step) -> None:
        self._steps += 1
        self._console.print()
        self._console.print(f"{self._steps}. {step.title}", style="bold")
        self._paragraph("", step.words, "dim")

    def _show_exchange(self, exchange: Exchange) -> None:
        method, _, path = exchange.request.partition(" ")
        line = Text.assemble(
            f"{_INDENT}> ", (f"{method} {path}", "bold"), ("  to ", "dim"), (exchange.to, "cyan")
        )
        self._console.print(line)
        self._details(exchange.sent)
        style = "green" if exchange.status < 400 else "red"
        answer = Text.assemble(
            f"{_INDENT}< ",
            (str(exchange.status), f"bold {style}"),
            (f"  in {_milliseconds(exchange.seconds)}", "dim"),
        )
        self._console.print(answer)
        self._details(exchange.received)

    def _show_command(self, command: Command) -> None:
        self._console.print(
            Text.assemble(
                f"{_INDENT}$ ",
                (command.line, "bold"),
                (f"  in {_milliseconds(command.seconds)}", "dim"),
            )
        )
        self._details(command.output.splitlines())

    def _show_token(self, shown: ShowToken) -> None:
        look = look_at(shown.raw)
        rows = self._choose(rows_of(look.claims or {}, now=time.time()), shown.members)
        if not shown.members:
            rows = [*rows_of(look.header, now=0), *rows]
        self._console.print(f"{_INDENT}{shown.caption}", style="dim")
        for line in render_rows(rows):
            self._console.print(Text(_INDENT).append_text(line))

    @staticmethod
    def _choose(rows: Sequence[Row], members: Sequence[str]) -> list[Row]:
        return [row for row in rows if not members or row.name in members]

    def _paragraph(self, mark: str, words: str, style: str) -> None:
        first, rest = f"{_INDENT}{mark}", _INDENT + " " * len(mark)
        wrapped = textwrap.wrap(
            words, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False
        )
        for line in wrapped:
            self._console.print(line, style=style)

    def _details(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._console.print(f"{_INDENT}    {printable(line)}", style="dim")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
