"""`lingpai user`: create, list, show, claims, lock, unlock, reset-password, grant, revoke."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.office import at_office, read_password
from lingpai_server.cli.options import AsJson, ConfigFile, Data, fail
from lingpai_server.cli.printing import print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.users import UserWithPassword
    from lingpai_server.core.records import User

app = typer.Typer(help="People who can log in.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
ApiOption = Annotated[str, typer.Option("--api", metavar="URI", help="The API of the role.")]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", show_default=False)]


@app.command()
def create(
    username: Username,
    password_stdin: PasswordStdin = False,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a user. Without --password-stdin a password is made and shown once."""
    from lingpai_server.app.admin.users import create_user

    password = read_password(from_stdin=password_stdin)
    made = at_office(
        lambda office: create_user(office, username, password),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_with_password(made, "created", as_json=as_json)


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all users."""
    users = at_office(
        lambda office: office.store.list_users(), data=data, config=config, as_json=as_json
    )
    columns = ("username", "user_id", "status", "created_at")
    print_rows([_describe(user) for user in users], columns, as_json=as_json)


@app.command()
def show(
    username: Username, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show one user, with the roles that it holds."""
    from lingpai_server.app.admin.users import show_user

    shown = at_office(
        lambda office: show_user(office, username), data=data, config=config, as_json=as_json
    )
    held = {audience: list(access.roles) for audience, access in shown.access.items()}
    print_record(_describe(shown.user) | {"roles": held}, as_json=as_json)


@app.command()
def lock(username: Username, data: Data = None, config: ConfigFile = None) -> None:
    """Lock an account: no login, no refresh."""
    _set_locked(username, locked=True, data=data, config=config)


@app.command()
def unlock(username: Username, data: Data = None, config: ConfigFile = None) -> None:
    """Unlock an account; its sessions go on."""
    _set_locked(username, locked=False, data=data, config=config)


@app.command("reset-password")
def reset_password(
    username: Username,
    password_stdin: PasswordStdin = False,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a user a new password, and end all sessions."""
    from lingpai_server.app.admin import users

    password = read_password(from_stdin=password_stdin)
    made = at_office(
        lambda office: users.reset_password(office, username, password),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_with_password(made, "has a new password", as_json=as_json)


@app.command()
def claims(
    username: Username,
    put: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A standard claim, such as name or email; JSON or text; repeatable.",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--unset", metavar="NAME", help="Forget one; repeatable.")
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a person, and change it. Clients hear what their scopes cover."""
    from lingpai_server.app.admin.users import change_claims, show_user

    known = dict(_read_claim(text) for text in put or ())
    if not known and not remove:
        shown = at_office(
            lambda office: show_user(office, username), data=data, config=config, as_json=as_json
        )
        print_record(dict(shown.user.claims), as_json=as_json)
        return
    user = at_office(
        lambda office: change_claims(office, username, put=known, remove=remove or ()),
        data=data,
        config=config,
        as_json=as_json,
    )
    print_record(dict(user.claims), as_json=as_json)


def _read_claim(text: str) -> tuple[str, Any]:
    """`true`, a number, an object and a text in quotes are JSON; anything else is text as it is."""
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"{text!r} is not NAME=VALUE")
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return name, value
    return name, read if isinstance(read, (bool, int, dict, str)) else value


@app.command()
def grant(
    username: Username,
    role: RoleArgument,
    api: ApiOption,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Give a user a role at an API."""
    from lingpai_server.app.admin.users import grant_role

    user = at_office(
        lambda office: grant_role(office, username, api, role), data=data, config=config
    )
    print_line(f"user {user.username} has role {role} at {api}")


@app.command()
def revoke(
    username: Username,
    role: RoleArgument,
    api: ApiOption,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Take a role at an API from a user."""
    from lingpai_server.app.admin.users import revoke_role

    user = at_office(
        lambda office: revoke_role(office, username, api, role), data=data, config=config
    )
    print_line(f"user {user.username} has role {role} at {api} no more")


def _set_locked(username: str, *, locked: bool, data: Data, config: ConfigFile) -> None:
    from lingpai_server.app.admin.users import set_locked

    user = at_office(
        lambda office: set_locked(office, username, locked=locked), data=data, config=config
    )
    print_line(f"user {user.username} is {'locked' if locked else 'unlocked'}")


def _print_with_password(made: UserWithPassword, what: str, *, as_json: bool) -> None:
    generated = None if made.generated is None else made.generated.reveal()
    if as_json:
        shown = _describe(made.user) | ({} if generated is None else {"password": generated})
        print_record(shown, as_json=True)
        return
    print_line(f"user {made.user.username} {what}")
    if generated is not None:
        print_line(f"password (shown once): {generated}")


def _describe(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "user_id": user.user_id,
        "status": user.status.value,
        "created_at": user.created_at,
    }
