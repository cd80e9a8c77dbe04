"""What the token endpoints answer, as values. Rendering is `http`'s, signing is the signer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingpai_server.core.secret import Secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of one access token (RFC 9068 section 2.2) and how to sign them."""

    claims: Mapping[str, Any]
    algorithm: str
    audience: str


@dataclass(frozen=True, slots=True)
class TokenReply:
    """RFC 6749 section 5.1, before signing. `in_cookie` sends the refresh token by Set-Cookie."""

    access: AccessToken
    expires_in_seconds: int
    scopes: tuple[str, ...]
    refresh_token: Secret[str] | None = None
    refresh_expires_in_seconds: int | None = None
    in_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Revoked:
    """RFC 7009 section 2.2: the token is of no use any more, or never was."""


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The session is over. `clear_cookie` tells the browser to forget its refresh token."""

    clear_cookie: bool
