"""The options that describe a client, and what they come to. Opens nothing but the files named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lingpai_server.cli.options import fail

Names = list[str] | None

RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", show_default=False)]
RoleApi = Annotated[str, typer.Option("--api", metavar="URI", help="The API of the role.")]
Apis = Annotated[
    Names, typer.Option("--api", metavar="URI", help="An API it may ask tokens for; repeatable.")
]
Grants = Annotated[
    Names,
    typer.Option(
        "--grant",
        help="authorization_code, refresh_token, client_credentials, device_code or "
        "token_exchange; repeatable.",
    ),
]
Scopes = Annotated[Names, typer.Option("--scope", help="A scope it may ask for; repeatable.")]
RedirectUris = Annotated[
    Names,
    typer.Option("--redirect-uri", metavar="URI", help="Where browsers are sent; repeatable."),
]
LogoutUris = Annotated[
    Names,
    typer.Option(
        "--post-logout-redirect-uri", metavar="URI", help="The same after a logout; repeatable."
    ),
]
Backchannel = Annotated[
    str | None,
    typer.Option("--backchannel-logout-uri", metavar="URI", help="Who is told of a logout."),
]
AuthMethod = Annotated[
    str | None,
    typer.Option(
        "--auth-method",
        help="How it proves itself: none, client_secret_basic, client_secret_post, "
        "private_key_jwt, tls_client_auth or self_signed_tls_client_auth.",
    ),
]
Profile = Annotated[
    str | None, typer.Option("--profile", help="Its security profile: oauth21, oidc or fapi2.")
]
Jwks = Annotated[
    Path | None, typer.Option("--jwks", metavar="FILE", help="Its public keys, as a JWK Set.")
]
JwksUri = Annotated[
    str | None, typer.Option("--jwks-uri", metavar="URI", help="Where it publishes them.")
]
DpopBound = Annotated[
    bool | None, typer.Option("--dpop-bound/--not-dpop-bound", help="Only with DPoP proofs.")
]
RequirePar = Annotated[
    bool | None, typer.Option("--require-par/--no-require-par", help="Only by pushed requests.")
]
Pairwise = Annotated[
    bool | None, typer.Option("--pairwise/--public-subject", help="Subjects of its own.")
]
IdTokenAlg = Annotated[
    str | None, typer.Option("--id-token-alg", help="RS256, ES256, PS256 or Ed25519.")
]
Introspects = Annotated[
    Names,
    typer.Option(
        "--introspects", metavar="URI", help="An API whose tokens it may look into; repeatable."
    ),
]
Exchanges = Annotated[
    Names,
    typer.Option(
        "--exchanges", metavar="URI", help="An API whose tokens it may exchange; repeatable."
    ),
]
Metadata = Annotated[
    Path | None,
    typer.Option(
        "--metadata", metavar="FILE", help="Any client metadata (RFC 7591) as JSON; options win."
    ),
]


def read_metadata(
    file: Path | None,
    *,
    jwks: Path | None,
    redirect_uris: Names,
    post_logout_redirect_uris: Names,
    dpop_bound: bool | None,
    require_par: bool | None,
    pairwise: bool | None,
    **texts: str | None,
) -> dict[str, Any]:
    """The metadata by their registered names; what was not said is not in them."""
    said: dict[str, Any] = {
        **texts,
        "jwks": None if jwks is None else read_object(jwks),
        "redirect_uris": redirect_uris,
        "post_logout_redirect_uris": post_logout_redirect_uris,
        "dpop_bound_access_tokens": dpop_bound,
        "require_pushed_authorization_requests": require_par,
        "subject_type": None if pairwise is None else ("pairwise" if pairwise else "public"),
    }
    base = {} if file is None else read_object(file)
    return base | {name: value for name, value in said.items() if value is not None}


def read_profile(text: str | None) -> Any:
    """The security profile of that name; None if none was named."""
    from lingpai_server.core.client_settings import SecurityProfile

    if text is None:
        return None
    try:
        return SecurityProfile(text)
    except ValueError:
        fail(f"{text!r} is no profile; there are {', '.join(SecurityProfile)}")


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in a file; exits with 1 and one line if there is none."""
    try:
        value = json.loads(file.read_bytes())
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except (ValueError, RecursionError):
        fail(f"{file} holds no JSON")
    if not isinstance(value, dict):
        fail(f"{file} holds no JSON object")
    return value


def read_secret(file: Path | None) -> str | None:
    """The first line of a file that holds a secret from elsewhere."""
    if file is None:
        return None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8")
    return lines[0] if lines else fail(f"{file} is empty")


def as_tuple(values: Names) -> tuple[str, ...] | None:
    """Several of an option; None where it was not given."""
    return None if values is None else tuple(values)
