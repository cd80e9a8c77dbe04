"""`lingpai session`: end."""

from __future__ import annotations

from typing import Annotated

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import ConfigFile, Data
from lingpai_server.cli.printing import print_line

app = typer.Typer(help="Logins that go on.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Logins that go on."""


@app.command()
def end(
    user: Annotated[str, typer.Option("--user", metavar="USERNAME", help="Whose sessions.")],
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Log a user out everywhere: nothing of theirs is refreshed any more."""
    from lingpai_server.app.admin.users import end_sessions

    ended = at_office(lambda office: end_sessions(office, user), data=data, config=config)
    print_line(f"all sessions of user {ended.username} have ended")
