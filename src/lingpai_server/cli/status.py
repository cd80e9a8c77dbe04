"""`lingpai status`: show, watch, new-epoch. What verifiers are told of tokens that are out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import EXIT_USAGE, AsJson, ConfigFile, Data, fail, read_config
from lingpai_server.cli.printing import print_line, print_record
from lingpai_server.cli.words import parse_span

if TYPE_CHECKING:
    from lingpai_server.app.admin.statuses import Standings

app = typer.Typer(help="What verifiers are told of tokens that are out.", no_args_is_help=True)


@app.command()
def show(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show, in numbers, what every verifier knows."""
    from lingpai_server.app.admin.statuses import show_statuses

    standings = at_office(show_statuses, data=data, config=config, as_json=as_json)
    print_record(_describe(standings), as_json=as_json)


@app.command()
def watch(
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", metavar="URL", help="Whose stream; by default our own."),
    ] = None,
    span: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="End by itself, after 30s or 5m.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what the status stream tells verifiers, as it happens. Ctrl-C ends it.

    With --json a line of JSON for each thing told, heartbeats too.
    """
    from lingpai_server.cli.status_watch import watch as watch_stream

    try:
        seconds = None if span is None else float(parse_span(span))
    except ValueError as error:
        fail(str(error), code=EXIT_USAGE)
    url = issuer or read_config(config, None).config.server.issuer
    watch_stream(url, seconds=seconds, as_json=as_json)


@app.command("new-epoch")
def new_epoch(
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """After a restore from a backup: end every session and begin all status lists anew.

    A backup does not know what was revoked after it was made.
    """
    from lingpai_server.app.admin.statuses import start_epoch

    if not yes:
        typer.confirm(
            "Every session of every user ends, and all have to log in again. Go on?",
            abort=True,
            err=True,
        )
    epoch = at_office(start_epoch, data=data, config=config, as_json=as_json)
    if as_json:
        print_record({"epoch": epoch}, as_json=True)
        return
    print_line(f"epoch {epoch} has begun: status lists have new names and start empty")
    print_line("every session has ended, and no refresh token from before is good")
    print_line("running servers follow by themselves")


def _describe(standings: Standings) -> dict[str, Any]:
    counts = {status.name.lower(): count for status, count in standings.statuses.items()}
    return {
        "epoch": standings.epoch,
        "seq": standings.seq,
        "lists": standings.lists,
        "slots": standings.slots,
        "not_valid": sum(counts.values()),
        **counts,
        "denied_tokens": standings.denied,
        "revoked_keys": list(standings.kids),
    }
