"""How a token is printed: coloured where there is a terminal, plain where there is none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lingpai_server.cli.token_view import Look, Row, Size, rows_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {
    **dict.fromkeys(("alg", "kid", "typ", "cty", "enc"), "blue"),
    **dict.fromkeys(("iss", "aud", "sub", "client_id"), "cyan"),
    **dict.fromkeys(("exp", "iat", "nbf", "auth_time"), "magenta"),
    **dict.fromkeys(("scope", "roles", "permissions"), "green"),
}


def make_console(*, to_stderr: bool = False) -> Console:
    """Whole lines, however long: a token that is broken over lines cannot be copied."""
    from rich.console import Console

    return Console(
        file=sys.stderr if to_stderr else sys.stdout, highlight=False, markup=False, soft_wrap=True
    )


def print_look(look: Look, *, now: float) -> None:
    """An unverified token, and that it is that."""
    console = make_console()
    console.print(_banner("UNVERIFIED", "black on yellow", _what(look)))
    print_parts(console, look.header, look.claims, now=now)
    if look.kind == "encrypted":
        console.print("its content is encrypted: lingpai token decrypt --key FILE", style="dim")
    print_size(console, look.size)
    for remark in look.remarks:
        console.print(f"note: {remark}", style="yellow")


def print_verified(
    header: Mapping[str, Any], claims: Mapping[str, Any], size: Size, *, now: float
) -> None:
    """A token that passed."""
    console = make_console()
    console.print(_banner("VERIFIED", "black on green", f"a signed token, {header['alg']}"))
    print_parts(console, header, claims, now=now)
    print_size(console, size)


def print_parts(
    console: Console, header: Mapping[str, Any], claims: Mapping[str, Any] | None, *, now: float
) -> None:
    """Header and claims, aligned with each other."""
    sections = {"header": rows_of(header, now=now)}
    if claims is not None:
        sections["claims"] = rows_of(claims, now=now)
    every = [row for rows in sections.values() for row in rows]
    for title, rows in sections.items():
        console.print(title, style="bold")
        for line in render_rows(rows, among=every):
            console.print(line)


def render_rows(rows: Sequence[Row], *, among: Sequence[Row] = ()) -> list[Text]:
    """One line a row; columns are as wide as the widest of `among`."""
    from rich.text import Text

    name_width = max((len(row.name) for row in among or rows), default=0)
    value_width = max((len(row.value) for row in among or rows if row.note), default=0)
    lines = []
    for row in rows:
        line = Text("  ")
        line.append(f"{row.name:<{name_width}}  ", style="dim")
        padded = f"{row.value:<{value_width}}" if row.note else row.value
        line.append(padded, style=_STYLES.get(row.name, ""))
        if row.note:
            line.append(f"  {row.note}", style="dim")
        lines.append(line)
    return lines


def print_size(console: Console, size: Size) -> None:
    """The size beside the budget."""
    console.print(f"size: {size}", style="dim")


def print_refusal(reason: str, code: str, meaning: str) -> None:
    """Why a token was refused, on standard error: standard output is for what passed."""
    console = make_console(to_stderr=True)
    console.print(_banner("refused:", "bold red", reason))
    console.print(f"  {code}: {meaning}", style="dim")


def _banner(word: str, style: str, rest: str) -> Text:
    from rich.text import Text

    padded = f" {word} " if " on " in style else word
    return Text.assemble((padded, style), " ", rest)


def _what(look: Look) -> str:
    if look.kind == "encrypted":
        return f"an encrypted token, {look.header.get('alg')} with {look.header.get('enc')}"
    return f"a signed token, {look.header.get('alg')}"
