"""`lingpai event`: list what happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.printing import print_rows

app = typer.Typer(help="What happened, from the audit log.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What happened, from the audit log."""


@app.command("list")
def list_(
    after: Annotated[int, typer.Option("--after", min=0, help="Begin after this number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10000, help="So many.")] = 100,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List events in their order, oldest first."""
    events = at_office(
        lambda office: office.store.load_events(after, limit),
        data=data,
        config=config,
        as_json=as_json,
    )
    rows = [
        {
            "number": number,
            "time": datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds"),
            "kind": str(event.kind),
            "user_id": event.user_id,
            "client_id": event.client_id,
            "session_id": event.session_id,
            "address": event.address,
            "detail": dict(event.detail),
        }
        for number, event in events
    ]
    columns = ("number", "time", "kind", "user_id", "client_id", "address", "detail")
    print_rows(rows, columns, as_json=as_json)
