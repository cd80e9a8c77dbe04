"""`lingpai session`: list, show, end. No command shows a token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import ANY_NAME, EXIT_USAGE, AsJson, ConfigFile, Data, fail
from lingpai_server.cli.outcomes import ENDED
from lingpai_server.cli.printing import print_line, print_record, print_rows
from lingpai_server.cli.words import say_date, say_span

if TYPE_CHECKING:
    from lingpai_server.core.records import Session

app = typer.Typer(help="Logins that go on.", no_args_is_help=True)

SessionId = Annotated[str, typer.Argument(metavar="SESSION_ID", show_default=False)]


@app.command("list")
def list_(
    username: Annotated[str, typer.Argument(metavar="USERNAME", show_default=False)],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions of a user, the newest login first, with those that ended lately."""
    from lingpai_server.app.admin.sessions import list_sessions

    sessions = at_office(
        lambda office: list_sessions(office, username), data=data, config=config, as_json=as_json
    )
    now = time.time()
    if as_json:
        print_rows([describe(session, now) for session in sessions], (), as_json=True)
        return
    rows = [
        {
            "session_id": session.session_id,
            "client": session.client_id,
            "login": f"{say_span(now - session.auth_time)} ago",
            "state": tell_state(session, now),
        }
        for session in sessions
    ]
    print_rows(rows, ("session_id", "client", "login", "state"), as_json=False)


@app.command(context_settings=ANY_NAME)
def show(
    session_id: SessionId, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show one session."""
    from lingpai_server.app.admin.sessions import find_session

    facts = at_office(
        lambda office: find_session(office, session_id), data=data, config=config, as_json=as_json
    )
    now = time.time()
    record = describe(facts.session, now) | {
        "username": facts.user.username,
        "user_status": facts.user.status.value,
        "client_disabled": facts.client.disabled,
    }
    if not as_json:
        times = ("auth_time", "idle_deadline", "absolute_deadline", "ended_at")
        record |= {name: say_date(record[name]) for name in times if record[name] is not None}
        record["state"] = tell_state(facts.session, now)
    print_record(record, as_json=as_json)


@app.command(context_settings=ANY_NAME)
def end(
    session_id: Annotated[
        str | None, typer.Argument(metavar="[SESSION_ID]", show_default=False)
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="USERNAME", help="All sessions of this user.")
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End one session, or all of a user: its tokens are refused at once, and nothing is refreshed
    any more."""
    if (session_id is None) == (user is None):
        fail("name a session, or a user with --user", code=EXIT_USAGE)
    if user is not None:
        told = _end_all(user, data=data, config=config, as_json=as_json)
    else:
        told = _end_one(session_id or "", data=data, config=config, as_json=as_json)
    if as_json:
        print_record(told, as_json=True)


def _end_all(user: str, *, data: Data, config: ConfigFile, as_json: bool) -> dict[str, Any]:
    from lingpai_server.app.admin.users import end_sessions

    ended = at_office(
        lambda office: end_sessions(office, user), data=data, config=config, as_json=as_json
    )
    if not as_json:
        print_line(f"all sessions of user {ended.username} have ended")
        print_line(ENDED)
    return {"username": ended.username, "ended": True}


def _end_one(session_id: str, *, data: Data, config: ConfigFile, as_json: bool) -> dict[str, Any]:
    from lingpai_server.app.admin.sessions import end_session

    before = at_office(
        lambda office: end_session(office, session_id), data=data, config=config, as_json=as_json
    )
    was_over = before.session.ended_at is not None
    if not as_json:
        what = f"session {session_id} of user {before.user.username} at {before.client.client_id}"
        print_line(f"{what} had ended before" if was_over else f"{what} has ended")
        print_line(ENDED)
    return {"session_id": session_id, "username": before.user.username, "had_ended": was_over}


def describe(session: Session, now: float) -> dict[str, Any]:
    """A session as a program reads it; times are seconds since the epoch."""
    return {
        "session_id": session.session_id,
        "client_id": session.client_id,
        "live": is_live(session, now),
        "auth_time": session.auth_time,
        "amr": list(session.amr),
        "acr": session.acr or None,
        "offline": session.offline,
        "idle_deadline": session.idle_deadline,
        "absolute_deadline": session.absolute_deadline,
        "ended_at": session.ended_at,
        "end_reason": session.end_reason,
    }


def is_live(session: Session, now: float) -> bool:
    """Whether it has neither ended nor run out."""
    deadline = min(session.idle_deadline, session.absolute_deadline)
    return session.ended_at is None and now < deadline


def tell_state(session: Session, now: float) -> str:
    """How it stands, as a person reads it."""
    if session.ended_at is not None:
        reason = (session.end_reason or "").replace("_", " ")
        return f"ended {say_span(now - session.ended_at)} ago: {reason}"
    deadline = min(session.idle_deadline, session.absolute_deadline)
    if now >= deadline:
        return f"ran out {say_span(now - deadline)} ago"
    return f"live, runs out in {say_span(deadline - now)} unless it is used"
