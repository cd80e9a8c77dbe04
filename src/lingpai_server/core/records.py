"""What the server remembers, one frozen record a thing. Refuses to know where it is kept.

Times are seconds since the epoch. Records are values: a change is an effect, never an assignment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.secret import Secret

USERINFO_AUDIENCE = "urn:lingpai:userinfo"
"""The API that the issuer itself is: what a token is for that asks for nothing but an identity."""


class AccountStatus(StrEnum):
    """Whether an account may be used at all."""

    ACTIVE = "active"
    LOCKED = "locked"


class KeyState(StrEnum):
    """The life of a signing key: published, then signing, then published only, then gone."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


class KeyPurpose(StrEnum):
    """What a stored key is for; one key never serves two purposes."""

    SIGN = "sign"  # a private JWK of the issuer's key ring, published in its public half
    API_SECRET = "api_secret"  # the symmetric JWK of one API that chose HS256, never published
    REFRESH = "refresh"  # the MAC key that refresh tokens derive from, one a version
    TICKET = "ticket"  # seals what a browser carries from one page to the next, and DPoP nonces
    OPAQUE_TOKEN = "opaque_token"  # seals the access tokens of APIs that chose opaque ones
    PAIRWISE = "pairwise"  # derives pairwise subjects; never rotated, or every subject would change


@dataclass(frozen=True, slots=True)
class User:
    """A person who can log in. `password_hash` is a PHC string, shown to nobody; `claims` are the
    standard claims of OpenID Connect Core section 5.1, as they are to be told."""

    user_id: str
    username: str
    password_hash: Secret[str] | None
    status: AccountStatus
    access_version: int
    created_at: int
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Client:
    """An application. One that neither has a secret nor registered another method is public.

    `audiences` are the APIs it may ask tokens for, the first by default; `scopes` the most it may
    ask; `first_party` lets it use POST /login.
    """

    client_id: str
    name: str
    secret_sha256: bytes | None = field(repr=False)
    first_party: bool
    grant_types: tuple[str, ...]
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    disabled: bool
    access_version: int
    created_at: int
    settings: ClientSettings = field(default_factory=ClientSettings)

    @property
    def is_public(self) -> bool:
        """Whether the client holds no credential of its own (RFC 6749 section 2.1)."""
        method = self.settings.auth_method
        return self.secret_sha256 is None if method is None else method == "none"


@dataclass(frozen=True, slots=True)
class Api:
    """A resource server, named by its audience (an absolute URI, RFC 8707 section 2)."""

    audience: str
    name: str
    algorithm: str
    scopes: tuple[str, ...]
    access_ttl_seconds: int
    access_version: int
    created_at: int
    settings: ApiSettings = field(default_factory=ApiSettings)


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of permissions at one API."""

    audience: str
    name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Users who hold roles together, at any API."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """What one subject may do at one API: the `roles` and `permissions` of its tokens, sorted. A
    user holds roles himself and by his groups."""

    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One login of one user at one client; ends by logout, by deadline or by revocation.

    `browser_id` names the browser session that it came from, None for a first-party login. An
    `offline` session outlives the logout of its browser (OpenID Connect Core section 11). `notify`
    says that the client wants to hear of its end (Back-Channel Logout 1.0). `claims` is the JSON
    text of the `claims` parameter (OpenID Connect Core section 5.5).
    """

    session_id: str
    user_id: str
    client_id: str
    auth_time: int
    amr: tuple[str, ...]
    idle_deadline: int
    absolute_deadline: int
    ended_at: int | None = None
    end_reason: str | None = None
    browser_id: bytes | None = field(default=None, repr=False)
    acr: str = ""
    offline: bool = False
    notify: bool = False
    claims: str | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """All refresh tokens of one grant, in one row: only the generation ever moves.

    `rotated_at` is a float, since the grace window after a rotation is measured in it. `jkt` and
    `x5t` bind it to a DPoP key (RFC 9449) or a client certificate (RFC 8705);
    `authorization_details` is JSON text (RFC 9396); `nonce` is not kept: a refreshed ID token has
    none.
    """

    family_id: bytes
    session_id: str
    user_id: str
    client_id: str
    audience: str
    scopes: tuple[str, ...]
    generation: int
    rotated_at: float
    idle_deadline: int
    absolute_deadline: int
    key_version: int
    jkt: str | None = None
    revoked_at: int | None = None
    revoked_reason: str | None = None
    x5t: str | None = None
    authorization_details: str | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it rests on disk: sealed, with what is needed to publish or retire it.

    `audience` names the API of an API secret and is empty for the others; `version` counts refresh
    keys and is 0 for the others.
    """

    kid: str
    purpose: KeyPurpose
    algorithm: str
    state: KeyState
    sealed: bytes = field(repr=False)
    created_at: int = 0
    audience: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """How one throttled name (an account, an address, a pair of both) stands.

    `failures` decays as time passes; `blocked_until` is when the next attempt may be made.
    """

    name: str
    failures: float
    updated_at: float
    blocked_until: float


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the outbox: what happened, written in the transaction that made it true."""

    kind: str
    at: float
    user_id: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    detail: Mapping[str, str | int | bool | None] = field(default_factory=dict)
