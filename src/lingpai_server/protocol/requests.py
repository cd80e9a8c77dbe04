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

    `refresh_cookie` is the value of the refresh cookie; `address` the peer's, in text. `dpop` are
    the values of all DPoP headers; `certificate` is that of the header in which a trusted proxy
    says which client certificate it saw, and None from anybody else."""

    authorization: str | None = field(default=None, repr=False)
    refresh_cookie: Secret[str] | None = None
    sec_fetch_site: str | None = None
    origin: str | None = None
    address: str | None = None
    dpop: tuple[str, ...] = field(default=(), repr=False)
    certificate: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Which key the sender of a request proved to hold, for tokens that are bound to it.

    `jkt` is the thumbprint of a DPoP key (RFC 9449 section 6.1), `x5t` the SHA-256 of a client
    certificate (RFC 8705 section 3.1), both in base64url. A request without either binds nothing.
    """

    jkt: str | None = None
    x5t: str | None = None


NO_SENDER = Sender()


class ClientAuthMethod(StrEnum):
    """RFC 7591 section 2, `token_endpoint_auth_method`."""

    NONE = "none"
    CLIENT_SECRET_BASIC = "client_secret_basic"
    CLIENT_SECRET_POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"  # OpenID Connect Core section 9, RFC 7523
    TLS_CLIENT_AUTH = "tls_client_auth"  # RFC 8705 section 2.1
    SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"  # RFC 8705 section 2.2


SECRET_METHODS = frozenset(
    {ClientAuthMethod.CLIENT_SECRET_BASIC, ClientAuthMethod.CLIENT_SECRET_POST}
)
TLS_METHODS = frozenset(
    {ClientAuthMethod.TLS_CLIENT_AUTH, ClientAuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH}
)


@dataclass(frozen=True, slots=True)
class ClientProof:
    """An assertion or a certificate was checked against what this version of a client registered.

    Only `app.proofs` makes one: the keys and the marks of what was used before are not at hand
    where decisions are made."""

    client_id: str
    access_version: int


@dataclass(frozen=True, slots=True)
class PresentedClient:
    """Who a caller says it is, and the credential it brought. Nothing is checked yet, unless
    `proof` says so; a secret is checked by the decision itself. `assertion` is a JWT as sent."""

    client_id: str
    method: ClientAuthMethod
    secret: Secret[str] | None = None
    assertion: Secret[str] | None = None
    proof: ClientProof | None = None


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
    sender: Sender = NO_SENDER


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """grant_type=refresh_token (RFC 6749 section 6). `in_cookie`: the token came by cookie, and its
    successor goes back the same way. `sender` is who proved to send it."""

    client: PresentedClient
    refresh_token: Secret[str]
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    in_cookie: bool = False
    address: str | None = None
    sender: Sender = NO_SENDER


@dataclass(frozen=True, slots=True)
class ClientCredentialsRequest:
    """grant_type=client_credentials (RFC 6749 section 4.4)."""

    client: PresentedClient
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    address: str | None = None
    sender: Sender = NO_SENDER


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """grant_type=authorization_code (RFC 6749 section 4.1.3, RFC 7636 section 4.5)."""

    client: PresentedClient
    code: Secret[str]
    redirect_uri: str | None = None
    code_verifier: str | None = field(default=None, repr=False)
    resource: str | None = None
    address: str | None = None
    sender: Sender = NO_SENDER


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device that asks whether somebody has let it in (RFC 8628 section 3.4)."""

    client: PresentedClient
    device_code: Secret[str]
    address: str | None = None
    sender: Sender = NO_SENDER


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """grant_type=token-exchange (RFC 8693 section 2.1). `resource` is what `resource` or `audience`
    named; `wants_jwt` says that nothing but a JWT will do."""

    client: PresentedClient
    subject_token: Secret[str]
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    wants_jwt: bool = False
    address: str | None = None
    sender: Sender = NO_SENDER


TokenRequest: TypeAlias = (
    CodeRequest | RefreshRequest | ClientCredentialsRequest | DeviceRequest | ExchangeRequest
)


@dataclass(frozen=True, slots=True)
class DeviceAuthorizationRequest:
    """POST /device_authorization (RFC 8628 section 3.1). `authorization_details` is as sent."""

    client: PresentedClient
    resource: str | None = None
    scopes: tuple[str, ...] | None = None
    authorization_details: str | None = None
    address: str | None = None
    sender: Sender = NO_SENDER


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
