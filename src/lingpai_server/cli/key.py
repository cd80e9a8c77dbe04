"""`lingpai key`: list. No command shows a private key."""

from __future__ import annotations

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.printing import print_rows

app = typer.Typer(help="The issuer's keys.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The issuer's keys."""


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the keys that are not retired."""
    keys = at_office(
        lambda office: office.store.load_keys(), data=data, config=config, as_json=as_json
    )
    rows = [
        {
            "kid": key.kid,
            "purpose": key.purpose.value,
            "algorithm": key.algorithm,
            "state": key.state.value,
            "created_at": key.created_at,
            "audience": key.audience or None,
        }
        for key in keys
    ]
    print_rows(rows, ("kid", "purpose", "algorithm", "state", "audience"), as_json=as_json)
