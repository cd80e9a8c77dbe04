"""`lingpai api`: create, list. The secret of an HS256 API is shown once, when it is made."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.printing import print_json, print_line, print_rows

app = typer.Typer(help="Resource servers that take tokens.", no_args_is_help=True)

_ABOUT_THE_SECRET = """\
Tokens for this API are signed with this secret (a JWK). It is shown once. Whoever has it can make
such tokens, so give it to this API alone; the other algorithms need no secret.
"""


@app.command()
def create(
    audience: Annotated[str, typer.Argument(metavar="URI", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "",
    algorithm: Annotated[str, typer.Option("--algorithm", help="ES256, RS256 or HS256.")] = "ES256",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A scope it knows; repeatable.")
    ] = None,
    ttl: Annotated[
        int | None,
        typer.Option("--ttl", min=30, max=3600, help="Seconds that its access tokens live."),
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create an API, named by the audience of its tokens."""
    from lingpai_server.app.admin.apis import create_api

    made = at_office(
        lambda office: create_api(
            office,
            audience,
            name=name or audience,
            algorithm=algorithm,
            scopes=tuple(scope or ()),
            access_ttl_seconds=ttl,
        ),
        data=data,
        config=config,
        as_json=as_json,
    )
    jwk = None if made.jwk is None else made.jwk.reveal()
    if as_json:
        shown = {"audience": audience, "algorithm": algorithm}
        print_json(shown if jwk is None else shown | {"jwk": json.loads(jwk)})
        return
    print_line(f"API {audience} created, {algorithm}")
    if jwk is not None:
        print_line(f"\n{_ABOUT_THE_SECRET}\n{jwk}")


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all APIs."""
    apis = at_office(
        lambda office: office.store.list_apis(), data=data, config=config, as_json=as_json
    )
    rows = [
        {
            "audience": api.audience,
            "name": api.name,
            "algorithm": api.algorithm,
            "access_ttl_seconds": api.access_ttl_seconds,
            "scopes": list(api.scopes),
        }
        for api in apis
    ]
    columns = ("audience", "name", "algorithm", "access_ttl_seconds", "scopes")
    print_rows(rows, columns, as_json=as_json)
