"""What the token endpoints answer, as values. Rendering is `http`'s, signing is the signer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of one access token (RFC 9068 section 2.2) and how to sign them.

    With a `sector` the `sub` becomes that sector's when the token is signed (OpenID Connect Core
    section 8.1)."""

    claims: Mapping[str, Any]
    algorithm: str
    audience: str
    settings: ApiSettings = field(default_factory=ApiSettings)
    sector: str | None = None


@dataclass(frozen=True, slots=True)
class IdToken:
    """The claims of one ID token (OpenID Connect Core section 2), `at_hash` left for the signer,
    who alone knows the access token. `client` says how it is signed, whether it is encrypted, and
    whether `sub` becomes pairwise."""

    claims: Mapping[str, Any]
    client: Client


@dataclass(frozen=True, slots=True)
class TokenReply:
    """RFC 6749 section 5.1, before signing. `in_cookie` sends the refresh token by Set-Cookie.

    `authorization_details` is JSON text (RFC 9396 section 7), `issued_token_type` that of RFC 8693
    section 2.2.1; the token type is DPoP where the access token's `cnf` holds a `jkt`.
    """

    access: AccessToken
    expires_in_seconds: int
    scopes: tuple[str, ...]
    refresh_token: Secret[str] | None = None
    refresh_expires_in_seconds: int | None = None
    in_cookie: bool = False
    id_token: IdToken | None = None
    authorization_details: str | None = None
    issued_token_type: str | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    """RFC 7009 section 2.2: the token is of no use any more, or never was."""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The session is over. `clear_cookie` tells the browser to forget its refresh token."""

    clear_cookie: bool
