"""What callers ask for, parsed: one frozen command a request. Refuses to know HTTP.

The functions that make them (`parse_…`) stand beside the decisions that read them. A `scopes` or
`resource` that is None was not sent. `address` is where the request came from, for the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from lingpai_server.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came beside a request's parameters: header values as they were sent, None if absent.

    `refresh_cookie` is the value of the refresh cookie; `address` the peer's, in text."""

    authorization: str | None = field(default=None, repr=False)
    refresh_cookie: Secret[str] | None = None
    sec_fetch_site: str | None = None
    origin: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Which key the sender of a request proved to hold, for tokens that are bound to it.

    `jkt` is the thumbprint of a DPoP key (RFC 9449 section 6.1), `x5t` the SHA-256 of a client
    certificate (RFC 8705 section 3.1), both in base64url. A request without either binds nothing.
    """

    jkt: str | None = None
    x5t: str | None = None


class ClientAuthMethod(StrEnum):
    """RFC 7591 section 2, `token_endpoint_auth_method`."""

    NONE = "none"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"


@dataclass(frozen=True, slots=True)
class PresentedClient:
    """Who a caller says it is, and the proof it brought; nothing is checked yet."""

    client_id: str
    method: ClientAuthMethod
    secret: Secret[str] | None = None


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """POST /login. `username` is canonical, `password` normalised; `in_cookie` asks for the refresh
    token in a cookie."""

    client: PresentedClient
    username: str
    password: Secret[str]
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    in_cookie: bool = False
    address: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """grant_type=refresh_token (RFC 6749 section 6). `in_cookie`: the token came by cookie, and its
    successor goes back the same way. `jkt` names the key of a DPoP proof that was checked."""

    client: PresentedClient
    refresh_token: Secret[str]
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    in_cookie: bool = False
    address: str | None = None
    jkt: str | None = None


@dataclass(frozen=True, slots=True)
class ClientCredentialsRequest:
    """grant_type=client_credentials (RFC 6749 section 4.4)."""

    client: PresentedClient
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    address: str | None = None


TokenRequest: TypeAlias = RefreshRequest | ClientCredentialsRequest


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """POST /revoke (RFC 7009 section 2.1)."""

    client: PresentedClient
    token: Secret[str]
    token_type_hint: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """POST /logout. No token at all is a request too: it has nothing left to end."""

    refresh_token: Secret[str] | None
    in_cookie: bool
    address: str | None = None
