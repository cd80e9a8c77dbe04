"""`lingpai client`: create, list, show, disable, enable. A secret is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.printing import print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.core.records import Client

app = typer.Typer(help="Applications that ask for tokens.", no_args_is_help=True)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", show_default=False)]


@app.command()
def create(
    client_id: ClientId,
    api: Annotated[
        list[str],
        typer.Option("--api", metavar="URI", help="An API it may ask tokens for; repeatable."),
    ],
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "",
    confidential: Annotated[
        bool, typer.Option("--confidential", help="Give it a secret of its own.")
    ] = False,
    first_party: Annotated[
        bool, typer.Option("--first-party", help="Let it take passwords at /login.")
    ] = False,
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", help="refresh_token or client_credentials; repeatable."),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A scope it may ask for; repeatable.")
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a client. By default it is public and may refresh what it was given."""
    from lingpai_server.app.admin.clients import ClientWish, create_client

    wish = ClientWish(
        client_id=client_id,
        name=name or client_id,
        confidential=confidential,
        first_party=first_party,
        grant_types=tuple(grant or (["client_credentials"] if confidential else ["refresh_token"])),
        scopes=tuple(scope or ()),
        audiences=tuple(api),
    )
    made = at_office(
        lambda office: create_client(office, wish), data=data, config=config, as_json=as_json
    )
    secret = None if made.secret is None else made.secret.reveal()
    if as_json:
        shown = _describe(made.client) | ({} if secret is None else {"client_secret": secret})
        print_record(shown, as_json=True)
        return
    print_line(f"client {made.client.client_id} created")
    if secret is not None:
        print_line(f"secret (shown once): {secret}")


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all clients."""
    clients = at_office(
        lambda office: office.store.list_clients(), data=data, config=config, as_json=as_json
    )
    columns = ("client_id", "name", "public", "first_party", "disabled", "grant_types")
    print_rows([_describe(client) for client in clients], columns, as_json=as_json)


@app.command()
def show(
    client_id: ClientId, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show one client."""
    from lingpai_server.app.admin.clients import find_client

    client = at_office(
        lambda office: find_client(office, client_id), data=data, config=config, as_json=as_json
    )
    print_record(_describe(client), as_json=as_json)


@app.command()
def disable(client_id: ClientId, data: Data = None, config: ConfigFile = None) -> None:
    """Stop a client: it gets no tokens any more, nor do its users through it."""
    _set_disabled(client_id, disabled=True, data=data, config=config)


@app.command()
def enable(client_id: ClientId, data: Data = None, config: ConfigFile = None) -> None:
    """Let a disabled client go on."""
    _set_disabled(client_id, disabled=False, data=data, config=config)


def _set_disabled(client_id: str, *, disabled: bool, data: Data, config: ConfigFile) -> None:
    from lingpai_server.app.admin.clients import set_client_disabled

    at_office(
        lambda office: set_client_disabled(office, client_id, disabled=disabled),
        data=data,
        config=config,
    )
    print_line(f"client {client_id} is {'disabled' if disabled else 'enabled'}")


def _describe(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "public": client.is_public,
        "first_party": client.first_party,
        "disabled": client.disabled,
        "grant_types": list(client.grant_types),
        "scopes": list(client.scopes),
        "audiences": list(client.audiences),
        "created_at": client.created_at,
    }
