"""`lingpai role`: create or replace, list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.outcomes import STALE
from lingpai_server.cli.printing import print_line, print_record, print_rows

app = typer.Typer(help="Named bundles of permissions at one API.", no_args_is_help=True)


@app.command()
@app.command("put")
def create(
    name: Annotated[str, typer.Argument(metavar="ROLE", show_default=False)],
    api: Annotated[str, typer.Option("--api", metavar="URI", help="The API it is a role of.")],
    permission: Annotated[
        list[str] | None,
        typer.Option("--permission", metavar="NAME", help="What it permits; may be repeated."),
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Create a role, or replace what it permits; `put` and `create` are the same."""
    from lingpai_server.app.admin.apis import put_role

    role = at_office(
        lambda office: put_role(office, api, name, permission or ()), data=data, config=config
    )
    print_line(f"role {role.name} at {role.audience}: {' '.join(role.permissions) or '-'}")
    print_line(STALE)


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all roles."""
    roles = at_office(
        lambda office: office.store.list_roles(), data=data, config=config, as_json=as_json
    )
    rows = [
        {"api": role.audience, "role": role.name, "permissions": list(role.permissions)}
        for role in roles
    ]
    print_rows(rows, ("api", "role", "permissions"), as_json=as_json)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ROLE", show_default=False)],
    api: Annotated[str, typer.Option("--api", metavar="URI", help="The API it is a role of.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one role: what it permits and who was given it."""
    from lingpai_server.app.admin.roles import show_role

    shown = at_office(
        lambda office: show_role(office, api, name), data=data, config=config, as_json=as_json
    )
    record = {
        "api": shown.role.audience,
        "role": shown.role.name,
        "permissions": list(shown.role.permissions),
        "users": list(shown.users),
        "groups": list(shown.groups),
        "users_in_groups": shown.members,
        "clients": list(shown.clients),
    }
    print_record(record, as_json=as_json)
