"""`lingpai user`: create, list, show, claims, lock, unlock, reset-password, roles, sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli import client_options as options
from lingpai_server.cli.office import at_office, read_password
from lingpai_server.cli.options import AsJson, ConfigFile, Data, fail
from lingpai_server.cli.outcomes import ENDED, STALE, SUSPENDED, UNSUSPENDED
from lingpai_server.cli.printing import group_by_api, print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.users import UserWithAccess, UserWithPassword
    from lingpai_server.core.records import Role, User

app = typer.Typer(help="People who can log in.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


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
    """Show one user, with the roles it holds: its own, and those that come with its groups."""
    from lingpai_server.app.admin.users import show_user

    shown = at_office(
        lambda office: show_user(office, username), data=data, config=config, as_json=as_json
    )
    if as_json:
        print_record(_describe(shown.user) | _describe_roles(shown), as_json=True)
        return
    print_record(_describe(shown.user) | {"groups": list(shown.by_group)}, as_json=False)
    for line in _explain_roles(shown):
        print_line(line)


@app.command()
def lock(username: Username, data: Data = None, config: ConfigFile = None) -> None:
    """Lock an account: no login, no refresh, and its tokens are suspended at once."""
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
    """Give a user a new password, and end all sessions at once."""
    from lingpai_server.app.admin import users

    password = read_password(from_stdin=password_stdin)
    made = at_office(
        lambda office: users.reset_password(office, username, password),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_with_password(made, "has a new password", as_json=as_json)
    if not as_json:
        print_line(ENDED)


@app.command("end-sessions")
def end_sessions(username: Username, data: Data = None, config: ConfigFile = None) -> None:
    """Log a user out everywhere."""
    from lingpai_server.app.admin import users

    ended = at_office(lambda office: users.end_sessions(office, username), data=data, config=config)
    print_line(f"all sessions of user {ended.username} have ended")
    print_line(ENDED)


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
    role: options.RoleArgument,
    api: options.RoleApi,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Give a user a role at an API."""
    from lingpai_server.app.admin.users import grant_role

    user = at_office(
        lambda office: grant_role(office, username, api, role), data=data, config=config
    )
    print_line(f"user {user.username} has role {role} at {api}")
    print_line(STALE)


@app.command()
def revoke(
    username: Username,
    role: options.RoleArgument,
    api: options.RoleApi,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Take a role at an API from a user."""
    from lingpai_server.app.admin.users import revoke_role

    user = at_office(
        lambda office: revoke_role(office, username, api, role), data=data, config=config
    )
    print_line(f"user {user.username} has role {role} at {api} no more")
    print_line(STALE)


def _set_locked(username: str, *, locked: bool, data: Data, config: ConfigFile) -> None:
    from lingpai_server.app.admin.users import set_locked

    user = at_office(
        lambda office: set_locked(office, username, locked=locked), data=data, config=config
    )
    print_line(f"user {user.username} is {'locked' if locked else 'unlocked'}")
    print_line(SUSPENDED if locked else UNSUSPENDED)


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


def _describe_roles(shown: UserWithAccess) -> dict[str, Any]:
    """`roles` is what tokens say; the other two where it comes from."""
    return {
        "roles": {audience: list(access.roles) for audience, access in shown.access.items()},
        "own_roles": group_by_api(shown.own),
        "groups": {name: group_by_api(roles) for name, roles in shown.by_group.items()},
    }


def _explain_roles(shown: UserWithAccess) -> list[str]:
    """A line for each role that it holds, and how it came by it."""
    lines = []
    for audience, access in shown.access.items():
        for role in access.roles:
            ways = ["itself"] if _has(shown.own, audience, role) else []
            ways += [
                f"by group {name}"
                for name, roles in shown.by_group.items()
                if _has(roles, audience, role)
            ]
            lines.append(f"role        {role} at {audience} ({', '.join(ways)})")
    return lines or ["role        -"]


def _has(roles: tuple[Role, ...], audience: str, name: str) -> bool:
    return any((role.audience, role.name) == (audience, name) for role in roles)
