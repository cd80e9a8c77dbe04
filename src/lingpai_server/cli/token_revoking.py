"""`lingpai token revoke`: call one access token back, or everything that its session was given."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.office import at_premises
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.outcomes import ENDED
from lingpai_server.cli.printing import print_line, print_record
from lingpai_server.cli.token_input import read_token
from lingpai_server.cli.token_options import TokenArgument
from lingpai_server.cli.words import say_span

if TYPE_CHECKING:
    from lingpai_server.main import Premises


def revoke(
    token: TokenArgument = None,
    grant: Annotated[
        bool, typer.Option("--grant", help="End its session, and with it all its tokens.")
    ] = False,
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", metavar="URL", help="Its iss, if not that of the settings."),
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Deny one access token of ours until it expires; its holder may refresh. With --grant end the
    session that it belongs to."""
    raw = read_token(token)
    act = _end_grant if grant else _deny
    told, lines = at_premises(
        lambda premises: act(premises, raw, issuer), data=data, config=config, as_json=as_json
    )
    if as_json:
        print_record(told, as_json=True)
        return
    for line in lines:
        print_line(line)


async def _deny(
    premises: Premises, raw: str, issuer: str | None
) -> tuple[dict[str, Any], list[str]]:
    from lingpai_server.app.admin.tokens import deny
    from lingpai_server.main import open_keys

    denied = await deny(premises.office, await open_keys(premises, issuer=issuer), raw)
    told = {
        "token_id": denied.token_id,
        "client_id": denied.client_id,
        "audience": denied.audience,
        "denied_until": denied.expires_at,
    }
    left = say_span(denied.expires_at - time.time())
    return told, [
        f"one token of {denied.client_id} for {denied.audience} is denied until its end, in {left}",
        "the session goes on, and its client may refresh; --grant ends it",
    ]


async def _end_grant(
    premises: Premises, raw: str, issuer: str | None
) -> tuple[dict[str, Any], list[str]]:
    from lingpai_server.app.admin.tokens import end_grant
    from lingpai_server.main import open_keys

    facts = await end_grant(premises.office, await open_keys(premises, issuer=issuer), raw)
    was_over = facts.session.ended_at is not None
    what = f"session {facts.session.session_id} of user {facts.user.username}"
    told = {
        "session_id": facts.session.session_id,
        "username": facts.user.username,
        "client_id": facts.client.client_id,
        "had_ended": was_over,
    }
    return told, [f"{what} {'had ended before' if was_over else 'has ended'}", ENDED]
