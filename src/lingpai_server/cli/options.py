"""Options that several commands share, and the configuration they lead to. Opens nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lingpai_server.config.loader import ConfigError, Loaded, load_config

EXIT_REFUSED = 1
EXIT_USAGE = 2
# of commands that take a drawn identifier: one in 64 begins with a dash, and is no option for that
ANY_NAME = {"ignore_unknown_options": True}

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data folder; by default that of the settings."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings, in TOML.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


def read_config(
    file: Path | None, data: Path | None, arguments: dict[str, object] | None = None
) -> Loaded:
    """The effective configuration; exits with 2 and every problem if it cannot be used."""
    given = dict(arguments or {})
    if data is not None:
        given["storage.data_dir"] = str(data)
    try:
        return load_config(file=file, environ=os.environ, arguments=given)
    except ConfigError as error:
        fail(*map(str, error.problems), code=EXIT_USAGE)


def fail(*lines: str, code: int = EXIT_REFUSED) -> NoReturn:
    """Tell what is wrong, a line each, and end."""
    for line in lines:
        sys.stderr.write(f"lingpai: {line}\n")
    raise typer.Exit(code)
