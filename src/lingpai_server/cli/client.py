"""`lingpai client`: create, change, list, show, disable, enable, roles. A secret is shown once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli import client_options as options
from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data
from lingpai_server.cli.outcomes import STALE, SUSPENDED, UNSUSPENDED
from lingpai_server.cli.printing import print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.clients import ClientWithSecret
    from lingpai_server.core.records import Client

app = typer.Typer(help="Applications that ask for tokens.", no_args_is_help=True)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", show_default=False)]


@app.command()
def create(
    client_id: ClientId,
    api: options.Apis = None,
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "",
    confidential: Annotated[
        bool, typer.Option("--confidential", help="Give it a secret of its own.")
    ] = False,
    first_party: Annotated[
        bool, typer.Option("--first-party", help="It is yours: no consent is asked for it.")
    ] = False,
    grant: options.Grants = None,
    scope: options.Scopes = None,
    redirect_uri: options.RedirectUris = None,
    post_logout_redirect_uri: options.LogoutUris = None,
    backchannel_logout_uri: options.Backchannel = None,
    auth_method: options.AuthMethod = None,
    profile: options.Profile = None,
    jwks: options.Jwks = None,
    jwks_uri: options.JwksUri = None,
    dpop_bound: options.DpopBound = None,
    require_par: options.RequirePar = None,
    pairwise: options.Pairwise = None,
    id_token_alg: options.IdTokenAlg = None,
    introspects: options.Introspects = None,
    exchanges: options.Exchanges = None,
    metadata: options.Metadata = None,
    import_secret_file: Annotated[
        Path | None,
        typer.Option(
            "--import-secret-file", metavar="FILE", help="A secret from elsewhere: its first line."
        ),
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create a client. By default it is public and may refresh what it was given."""
    from lingpai_server.app.admin.clients import ClientWish, create_client
    from lingpai_server.core.client_settings import SecurityProfile
    from lingpai_server.core.secret import Secret

    members = options.read_metadata(
        metadata,
        jwks=jwks,
        redirect_uris=redirect_uri,
        post_logout_redirect_uris=post_logout_redirect_uri,
        dpop_bound=dpop_bound,
        require_par=require_par,
        pairwise=pairwise,
        backchannel_logout_uri=backchannel_logout_uri,
        token_endpoint_auth_method=auth_method,
        jwks_uri=jwks_uri,
        id_token_signed_response_alg=id_token_alg,
    )
    secret = options.read_secret(import_secret_file)
    wish = ClientWish(
        client_id=client_id,
        name=name or client_id,
        confidential=confidential,
        first_party=first_party,
        grant_types=tuple(grant or _default_grants(members, confidential=confidential)),
        scopes=tuple(scope or ()),
        audiences=tuple(api or ()),
        metadata=members,
        profile=options.read_profile(profile) or SecurityProfile.OAUTH21,
        introspects=tuple(introspects or ()),
        exchanges=tuple(exchanges or ()),
        secret=None if secret is None else Secret(secret),
    )
    made = at_office(
        lambda office: create_client(office, wish), data=data, config=config, as_json=as_json
    )
    _print_made(made, f"client {client_id} created", as_json=as_json)


@app.command()
def update(
    client_id: ClientId,
    api: options.Apis = None,
    name: Annotated[str | None, typer.Option("--name", help="What people see.")] = None,
    first_party: Annotated[
        bool | None, typer.Option("--first-party/--third-party", help="Whether it is yours.")
    ] = None,
    grant: options.Grants = None,
    scope: options.Scopes = None,
    redirect_uri: options.RedirectUris = None,
    post_logout_redirect_uri: options.LogoutUris = None,
    backchannel_logout_uri: options.Backchannel = None,
    auth_method: options.AuthMethod = None,
    profile: options.Profile = None,
    jwks: options.Jwks = None,
    jwks_uri: options.JwksUri = None,
    dpop_bound: options.DpopBound = None,
    require_par: options.RequirePar = None,
    pairwise: options.Pairwise = None,
    id_token_alg: options.IdTokenAlg = None,
    introspects: options.Introspects = None,
    exchanges: options.Exchanges = None,
    metadata: options.Metadata = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a client. An option that is given replaces what was there; the others leave it."""
    from lingpai_server.app.admin.clients import ClientChange, update_client

    members = options.read_metadata(
        metadata,
        jwks=jwks,
        redirect_uris=redirect_uri,
        post_logout_redirect_uris=post_logout_redirect_uri,
        dpop_bound=dpop_bound,
        require_par=require_par,
        pairwise=pairwise,
        backchannel_logout_uri=backchannel_logout_uri,
        token_endpoint_auth_method=auth_method,
        jwks_uri=jwks_uri,
        id_token_signed_response_alg=id_token_alg,
    )
    change = ClientChange(
        name=name,
        first_party=first_party,
        grant_types=options.as_tuple(grant),
        scopes=options.as_tuple(scope),
        audiences=options.as_tuple(api),
        metadata=members,
        profile=options.read_profile(profile),
        introspects=options.as_tuple(introspects),
        exchanges=options.as_tuple(exchanges),
    )
    client = at_office(
        lambda office: update_client(office, client_id, change),
        data=data,
        config=config,
        as_json=as_json,
    )
    print_record(_describe(client), as_json=as_json)


@app.command("rotate-secret")
def rotate_secret(
    client_id: ClientId, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Give a client a new secret. The old one is worth nothing from now on."""
    from lingpai_server.app.admin.clients import rotate_client_secret

    made = at_office(
        lambda office: rotate_client_secret(office, client_id),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_made(made, f"client {client_id} has a new secret", as_json=as_json)


@app.command("registration-token")
def registration_token(as_json: AsJson = False) -> None:
    """Make a token that lets its holder register a client (RFC 7591). It is kept nowhere: its
    digest goes into the configuration."""
    from lingpai.jose import base64url
    from lingpai_server.app.entropy import draw_opaque
    from lingpai_server.protocol.opaque import opaque_sha256
    from lingpai_server.protocol.registration import INITIAL_TOKEN_PREFIX

    token = draw_opaque(INITIAL_TOKEN_PREFIX)
    digest = base64url.encode(opaque_sha256(token))
    if as_json:
        print_record({"token": token.reveal(), "sha256": digest}, as_json=True)
        return
    print_line(f"token (shown once): {token.reveal()}")
    print_line("in lingpai.toml:")
    print_line(f'  [registration]\n  mode = "token"\n  initial_access_tokens = ["{digest}"]')


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
    """Stop a client at once: it gets no tokens, nor do its users through it, and those that it has
    are suspended."""
    _set_disabled(client_id, disabled=True, data=data, config=config)


@app.command()
def enable(client_id: ClientId, data: Data = None, config: ConfigFile = None) -> None:
    """Let a disabled client go on: its sessions are as they were."""
    _set_disabled(client_id, disabled=False, data=data, config=config)


def _set_disabled(client_id: str, *, disabled: bool, data: Data, config: ConfigFile) -> None:
    from lingpai_server.app.admin.clients import set_client_disabled

    at_office(
        lambda office: set_client_disabled(office, client_id, disabled=disabled),
        data=data,
        config=config,
    )
    print_line(f"client {client_id} is {'disabled' if disabled else 'enabled'}")
    print_line(SUSPENDED if disabled else UNSUSPENDED)


@app.command("grant-role")
def grant_role(
    client_id: ClientId,
    role: options.RoleArgument,
    api: options.RoleApi,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Give a client a role at an API, for the tokens that it asks for itself."""
    from lingpai_server.app.admin.clients import grant_client_role

    at_office(
        lambda office: grant_client_role(office, client_id, api, role), data=data, config=config
    )
    print_line(f"client {client_id} has role {role} at {api}")
    print_line(STALE)


@app.command("revoke-role")
def revoke_role(
    client_id: ClientId,
    role: options.RoleArgument,
    api: options.RoleApi,
    data: Data = None,
    config: ConfigFile = None,
) -> None:
    """Take a role at an API from a client."""
    from lingpai_server.app.admin.clients import revoke_client_role

    at_office(
        lambda office: revoke_client_role(office, client_id, api, role), data=data, config=config
    )
    print_line(f"client {client_id} has role {role} at {api} no more")
    print_line(STALE)


def _default_grants(members: dict[str, Any], *, confidential: bool) -> tuple[str, ...]:
    if members.get("redirect_uris"):
        return ("authorization_code", "refresh_token")
    return ("client_credentials",) if confidential else ("refresh_token",)


def _print_made(made: ClientWithSecret, told: str, *, as_json: bool) -> None:
    secret = None if made.secret is None else made.secret.reveal()
    if as_json:
        shown = _describe(made.client) | ({} if secret is None else {"client_secret": secret})
        print_record(shown, as_json=True)
        return
    print_line(told)
    if secret is not None:
        print_line(f"secret (shown once): {secret}")


def _describe(client: Client) -> dict[str, Any]:
    from lingpai_server.protocol.client_metadata import show_settings

    settings = client.settings
    return {
        "client_id": client.client_id,
        "name": client.name,
        "public": client.is_public,
        "first_party": client.first_party,
        "disabled": client.disabled,
        "profile": settings.profile.value,
        "grant_types": list(client.grant_types),
        "scopes": list(client.scopes),
        "audiences": list(client.audiences),
        "introspects": list(settings.introspects),
        "exchanges": list(settings.exchanges),
        **show_settings(client),
        "created_at": client.created_at,
    }
