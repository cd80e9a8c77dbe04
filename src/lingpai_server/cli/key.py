"""`lingpai key`: list, revoke. No command shows a private key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import ANY_NAME, AsJson, ConfigFile, Data
from lingpai_server.cli.printing import print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.keys import RevokedKey

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


@app.command(context_settings=ANY_NAME)
def revoke(
    kid: Annotated[str, typer.Argument(metavar="KID", show_default=False)],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """For a key that has leaked: nothing that it signed is good any more. Cannot be undone.

    A key that signs now gets a successor first. Sessions go on.
    """
    from lingpai_server.app.admin.keys import revoke_key

    revoked = at_office(
        lambda office: revoke_key(office, kid), data=data, config=config, as_json=as_json
    )
    if as_json:
        print_record(_describe(revoked), as_json=True)
        return
    for line in _explain(revoked):
        print_line(line)


def _describe(revoked: RevokedKey) -> dict[str, str | None]:
    return {
        "kid": revoked.key.kid,
        "algorithm": revoked.key.algorithm,
        "audience": revoked.key.audience or None,
        "successor": None if revoked.successor is None else revoked.successor.kid,
        "secret_jwk": None if revoked.jwk is None else revoked.jwk.reveal(),
    }


def _explain(revoked: RevokedKey) -> list[str]:
    """What now happens, in the order in which it does."""
    key, successor = revoked.key, revoked.successor
    lines = [f"key {key.kid} ({key.algorithm}) is revoked, for good"]
    if successor is not None:
        lines.append(f"key {successor.kid} signs in its place from now on")
    if key.audience:
        lines += [
            f"the API {key.audience} takes no token before it has the new secret",
            f"secret (shown once): {'' if revoked.jwk is None else revoked.jwk.reveal()}",
        ]
        return lines
    return [
        *lines,
        "all tokens under the old key are refused everywhere: verifiers hear of it by the stream",
        "the published key set (JWKS) no longer has it; verifiers fetch its successor in time",
        "sessions go on: clients refresh by themselves, nobody has to log in",
    ]
