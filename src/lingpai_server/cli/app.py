"""The command `lingpai`: the table of its commands, and how each of them may end.

Commands import what they need when they run, so that `lingpai --version` costs next to nothing.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lingpai_server.cli import (
    api,
    client,
    config,
    demo,
    event,
    group,
    key,
    role,
    serve,
    session,
    status,
    token,
    user,
)

app = typer.Typer(
    name="lingpai",
    help="Lingpai: a self-hosted issuer of tokens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("check-config")(config.check_config)
app.add_typer(user.app, name="user")
app.add_typer(group.app, name="group")
app.add_typer(role.app, name="role")
app.add_typer(client.app, name="client")
app.add_typer(api.app, name="api")
app.add_typer(key.app, name="key")
app.add_typer(session.app, name="session")
app.add_typer(status.app, name="status")
app.add_typer(event.app, name="event")
app.add_typer(token.token_app, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # importing the package would load its cryptography

        sys.stdout.write(f"lingpai {version('lingpai')}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Nothing is common to all commands but the version."""


def run() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    run()
