"""`lingpai api`: create, change, list, show. The secret of an HS256 API is shown once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai_server.cli.client_options import read_object
from lingpai_server.cli.office import at_office
from lingpai_server.cli.options import AsJson, ConfigFile, Data, fail
from lingpai_server.cli.printing import print_json, print_line, print_record, print_rows

if TYPE_CHECKING:
    from lingpai_server.app.admin.apis import ApiWithSecret
    from lingpai_server.core.records import Api

app = typer.Typer(help="Resource servers that take tokens.", no_args_is_help=True)

_ABOUT_THE_SECRET = """\
Tokens for this API are signed with this secret (a JWK). It is shown once. Whoever has it can make
such tokens, so give it to this API alone; the other algorithms need no secret.
"""

Audience = Annotated[str, typer.Argument(metavar="URI", show_default=False)]
Algorithm = typer.Option("--algorithm", help="ES256, RS256, PS256, Ed25519 or HS256.")
ScopeNames = Annotated[
    list[str] | None, typer.Option("--scope", help="A scope it knows; repeatable.")
]
ScopeTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--scope-text",
        metavar="SCOPE=TEXT",
        help="What a scope means, for the consent page; SCOPE#zh-CN=TEXT for Chinese; repeatable.",
    ),
]
Ttl = Annotated[
    int | None,
    typer.Option("--ttl", min=30, max=3600, help="Seconds that its access tokens live."),
]
Format = Annotated[
    str | None, typer.Option("--format", help="What its access tokens are: jwt, opaque or jwe.")
]
EncryptionKey = Annotated[
    Path | None,
    typer.Option("--encryption-key", metavar="FILE", help="Its public key (a JWK), for jwe."),
]
MaxTokenBytes = Annotated[
    int | None,
    typer.Option("--max-token-bytes", help="The most bytes that one of its tokens may have."),
]
DetailsTypes = Annotated[
    list[str] | None,
    typer.Option("--details-type", help="A type of authorization_details it knows; repeatable."),
]


@app.command()
def create(
    audience: Audience,
    name: Annotated[str, typer.Option("--name", help="What people see.")] = "",
    algorithm: Annotated[str, Algorithm] = "ES256",
    scope: ScopeNames = None,
    scope_text: ScopeTexts = None,
    ttl: Ttl = None,
    format_: Format = None,
    encryption_key: EncryptionKey = None,
    max_token_bytes: MaxTokenBytes = None,
    details_type: DetailsTypes = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create an API, named by the audience of its tokens."""
    from lingpai_server.app.admin.apis import create_api
    from lingpai_server.core.api_settings import ApiSettings

    settings = _read_settings(format_, encryption_key, max_token_bytes, scope_text, details_type)
    made = at_office(
        lambda office: create_api(
            office,
            audience,
            name=name or audience,
            algorithm=algorithm,
            scopes=tuple(scope or ()),
            access_ttl_seconds=ttl,
            settings=ApiSettings(**settings),
        ),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_made(made, f"API {audience} created, {algorithm}", as_json=as_json)


@app.command()
def update(
    audience: Audience,
    name: Annotated[str | None, typer.Option("--name", help="What people see.")] = None,
    algorithm: Annotated[str | None, Algorithm] = None,
    scope: ScopeNames = None,
    scope_text: ScopeTexts = None,
    ttl: Ttl = None,
    format_: Format = None,
    encryption_key: EncryptionKey = None,
    max_token_bytes: MaxTokenBytes = None,
    details_type: DetailsTypes = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change an API. An option that is given replaces what was there; the others leave it."""
    from lingpai_server.app.admin.apis import ApiChange, update_api

    change = ApiChange(
        name=name,
        algorithm=algorithm,
        scopes=None if scope is None else tuple(scope),
        access_ttl_seconds=ttl,
        settings=_read_settings(format_, encryption_key, max_token_bytes, scope_text, details_type),
    )
    made = at_office(
        lambda office: update_api(office, audience, change),
        data=data,
        config=config,
        as_json=as_json,
    )
    _print_made(made, f"API {audience} changed", as_json=as_json)


@app.command("list")
def list_(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all APIs."""
    apis = at_office(
        lambda office: office.store.list_apis(), data=data, config=config, as_json=as_json
    )
    columns = ("audience", "name", "algorithm", "format", "access_ttl_seconds", "scopes")
    print_rows([_describe(api) for api in apis], columns, as_json=as_json)


@app.command()
def show(
    audience: Audience, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show one API."""
    from lingpai_server.app.admin.apis import find_api

    api = at_office(
        lambda office: find_api(office, audience), data=data, config=config, as_json=as_json
    )
    print_record(_describe(api), as_json=as_json)


def _read_settings(
    format_: str | None,
    encryption_key: Path | None,
    max_token_bytes: int | None,
    scope_texts: list[str] | None,
    details_types: list[str] | None,
) -> dict[str, Any]:
    """Fields of ApiSettings; what was not said is not in them."""
    key = None if encryption_key is None else json.dumps(read_object(encryption_key))
    said: dict[str, Any] = {
        "format": _read_format(format_),
        "encryption_jwk": key,
        "max_token_bytes": max_token_bytes,
        "scope_texts": None if scope_texts is None else dict(map(_read_pair, scope_texts)),
        "details_types": None if details_types is None else tuple(details_types),
    }
    settings = {name: value for name, value in said.items() if value is not None}
    if format_ in ("jwt", "opaque"):
        settings["encryption_jwk"] = key  # the key of an API that is encrypted to no more goes
    return settings


def _read_format(text: str | None) -> Any:
    from lingpai_server.core.api_settings import TokenFormat

    if text is None:
        return None
    try:
        return TokenFormat(text)
    except ValueError:
        fail(f"{text!r} is no format; there are {', '.join(TokenFormat)}")


def _read_pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"{text!r} is not SCOPE=TEXT")
    return name, value


def _print_made(made: ApiWithSecret, told: str, *, as_json: bool) -> None:
    jwk = None if made.jwk is None else made.jwk.reveal()
    if as_json:
        shown = _describe(made.api)
        print_json(shown if jwk is None else shown | {"jwk": json.loads(jwk)})
        return
    print_line(told)
    if jwk is not None:
        print_line(f"\n{_ABOUT_THE_SECRET}\n{jwk}")


def _describe(api: Api) -> dict[str, Any]:
    settings = api.settings
    return {
        "audience": api.audience,
        "name": api.name,
        "algorithm": api.algorithm,
        "format": settings.format.value,
        "access_ttl_seconds": api.access_ttl_seconds,
        "max_token_bytes": settings.max_token_bytes,
        "scopes": list(api.scopes),
        "scope_texts": dict(settings.scope_texts),
        "details_types": list(settings.details_types),
    }
