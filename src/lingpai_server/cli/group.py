"""`lingpai group`: users who hold roles together. Create, list, show, delete, members, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.client_options import RoleApi, RoleArgument
from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.outcomes import STALE
from lingpai_server.cli.printing import group_by_api, print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.groups import GroupWithMembers

app = typer.Typer(help="Users who hold roles together.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="GROUP", show_default=False)]
Member = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]


@app.command()
def create(
    name: Name,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a group, or give one another description."""
    from lingpai_server.app.admin.groups import create_group, show_group

    async def put(office: Any) -> GroupWithMembers:
        await create_group(office, name, description)
        return await show_group(office, name)

    shown = at_office(put, data=data, config=config, as_json=as_json)
    if as_json:
        print_record(_describe(shown), as_json=True)
    else:
        print_line(f"group {name} is there, with {_count(shown)}")


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all groups."""
    from lingpai_server.app.admin.groups import list_groups

    groups = at_office(list_groups, data=data, config=config, as_json=as_json)
    rows = [
        {
            "group": each.group.name,
            "members": len(each.members),
            "roles": group_by_api(each.roles),
            "description": each.group.description,
        }
        for each in groups
    ]
    print_rows(rows, ("group", "members", "roles", "description"), as_json=as_json)


@app.command()
def show(name: Name, data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one group, who is in it, and which roles that brings."""
    from lingpai_server.app.admin.groups import show_group

    shown = at_office(
        lambda office: show_group(office, name), data=data, config=config, as_json=as_json
    )
    print_record(_describe(shown), as_json=as_json)


@app.command()
def delete(name: Name, data: Data = None, config: ConfigFile = None) -> None:
    """Forget a group; its members lose what they had by it."""
    from lingpai_server.app.admin.groups import delete_group

    gone = at_office(lambda office: delete_group(office, name), data=data, config=config)
    print_line(f"group {name} is gone; it had {_count(gone)}")
    print_line(STALE)


@app.command()
def add(name: Name, username: Member, data: Data = None, config: ConfigFile = None) -> None:
    """Put a user into a group, with all its roles."""
    from lingpai_server.app.admin.groups import add_member

    user = at_office(lambda office: add_member(office, name, username), data=data, config=config)
    print_line(f"user {user.username} is in group {name}")
    print_line(STALE)


@app.command()
def remove(name: Name, username: Member, data: Data = None, config: ConfigFile = None) -> None:
    """Take a user out of a group."""
    from lingpai_server.app.admin.groups import remove_member

    user = at_office(lambda office: remove_member(office, name, username), data=data, config=config)
    print_line(f"user {user.username} is in group {name} no more")
    print_line(STALE)


@app.command()
def grant(
    name: Name, role: RoleArgument, api: RoleApi, data: Data = None, config: ConfigFile = None
) -> None:
    """Give a role at an API to all in a group."""
    from lingpai_server.app.admin.groups import grant_group_role

    at_office(lambda office: grant_group_role(office, name, api, role), data=data, config=config)
    print_line(f"group {name} has role {role} at {api}")
    print_line(STALE)


@app.command()
def revoke(
    name: Name, role: RoleArgument, api: RoleApi, data: Data = None, config: ConfigFile = None
) -> None:
    """Take a role at an API from a group."""
    from lingpai_server.app.admin.groups import revoke_group_role

    at_office(lambda office: revoke_group_role(office, name, api, role), data=data, config=config)
    print_line(f"group {name} has role {role} at {api} no more")
    print_line(STALE)


def _count(shown: GroupWithMembers) -> str:
    count = len(shown.members)
    return "one member" if count == 1 else f"{count or 'no'} members"


def _describe(shown: GroupWithMembers) -> dict[str, Any]:
    return {
        "group": shown.group.name,
        "description": shown.group.description,
        "members": [user.username for user in shown.members],
        "roles": group_by_api(shown.roles),
    }
