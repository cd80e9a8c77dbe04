"""How commands print: tables for people, JSON for programs, and what is shown only once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from lingpai_server.app.bootstrap import FirstStart
    from lingpai_server.core.records import Role

_ENDLESS = 100_000


def print_json(value: Any) -> None:
    """One JSON value, indented, on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_line(text: str) -> None:
    """One line on standard output."""
    sys.stdout.write(text + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Rows as a table of some of their members, or as JSON with all of them."""
    if as_json:
        print_json(list(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(column.replace("_", " ") for column in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(show(row[column]) for column in columns))
    # a reader that is no terminal gets a line a row, however long
    width = None if Console().is_terminal else Console(width=_ENDLESS).measure(table).maximum
    Console(width=width, markup=False, highlight=False).print(table)


def print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing, a member a line, or as JSON."""
    if as_json:
        print_json(record)
        return
    width = max(map(len, record))
    for name, value in record.items():
        print_line(f"{name.replace('_', ' '):<{width}}  {show(value)}")


def show(value: Any) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case Mapping():
            return " ".join(f"{name}={show(member)}" for name, member in value.items())
        case Iterable():
            return " ".join(map(show, value)) or "-"
        case _:
            return str(value)


def group_by_api(roles: Iterable[Role]) -> dict[str, list[str]]:
    """Names of roles by their audience."""
    grouped: dict[str, list[str]] = {}
    for role in roles:
        grouped.setdefault(role.audience, []).append(role.name)
    return grouped


def print_first_start(first: FirstStart, stream: TextIO | None = None) -> None:
    """What the first start made. The password is shown here and nowhere else, and never again."""
    rows = (
        ("user", first.username),
        ("password", first.password.reveal()),
        ("demo client", first.client_id),
        ("demo APIs", "  ".join(first.audiences)),
    )
    body = "".join(f"  {name:<12} {value}\n" for name, value in rows)
    rule = "─" * 72
    (stream or sys.stdout).write(
        f"{rule}\n  First start. This is shown once:\n\n{body}\n"
        f"  A lost password: lingpai user reset-password {first.username}\n{rule}\n"
    )
    (stream or sys.stdout).flush()
