"""What lives between two requests of one flow: browsers, codes, pushed requests, devices, consents.

Whatever opens something is kept as the SHA-256 of itself, so that a copy of the database opens
nothing. Times are seconds since the epoch. Records are values: a change is an effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from lingpai_server.core.records import Access, Api, Client, Session, User
from lingpai_server.core.slots import HeldSlot


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """One login of one user in one browser, shared by every client that the browser goes to.

    `browser_id` is the SHA-256 of the cookie's secret. A new login is a new browser session.
    """

    browser_id: bytes = field(repr=False)
    user_id: str
    auth_time: int
    amr: tuple[str, ...]
    acr: str
    idle_deadline: int
    absolute_deadline: int
    ended_at: int | None = None
    end_reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A grant on its way from the browser to the client (RFC 6749 section 4.1.2).

    `redirect_uri` is None where the client sent none. `claims` and `authorization_details` are the
    JSON text of what was asked (OpenID Connect Core 5.5, RFC 9396). `jkt` is the `dpop_jkt` that
    the code is bound to (RFC 9449 section 10). `session_id` names what the code bought, once it is
    redeemed.
    """

    code_sha256: bytes = field(repr=False)
    client_id: str
    user_id: str
    browser_id: bytes = field(repr=False)
    audience: str
    scopes: tuple[str, ...]
    redirect_uri: str | None
    nonce: str | None
    code_challenge: str | None
    claims: str | None
    authorization_details: str | None
    jkt: str | None
    auth_time: int
    amr: tuple[str, ...]
    acr: str
    issued_at: int
    expires_at: int
    redeemed_at: int | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """The parameters of an authorization request that came by the back channel (RFC 9126).

    `parameters` is a JSON object of text; `jkt` the key of the DPoP proof that came along.
    """

    request_sha256: bytes = field(repr=False)
    client_id: str
    parameters: str = field(repr=False)
    jkt: str | None
    expires_at: int
    used_at: int | None = None


class DeviceState(StrEnum):
    """The life of a device's request (RFC 8628)."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A device that waits for a person with a browser. `user_code` is in its canonical spelling.

    `polled_at` and `interval_seconds` tell when the device may ask again; `user_id` and what
    follows are set by the approval, `session_id` by the redemption.
    """

    device_sha256: bytes = field(repr=False)
    user_code: str = field(repr=False)
    client_id: str
    audience: str
    scopes: tuple[str, ...]
    authorization_details: str | None
    jkt: str | None
    state: DeviceState
    interval_seconds: int
    polled_at: float
    expires_at: int
    user_id: str | None = None
    browser_id: bytes | None = field(default=None, repr=False)
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    acr: str = ""
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user let a client have at one API; asked again only for what is not in it."""

    user_id: str
    client_id: str
    audience: str
    scopes: tuple[str, ...]
    granted_at: int


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """A session that has ended and whose client has not been told (Back-Channel Logout 1.0).

    `attempts` counts the deliveries tried; `due_at` is when the next may be.
    """

    session: Session
    client: Client
    attempts: int
    due_at: int


# --- facts: what a decision of a flow is made on, read in one snapshot --------------------------


@dataclass(frozen=True, slots=True)
class AuthorizeFacts:
    """For the authorization endpoint and its pages. `browser` and `user` are of the cookie that
    came along, None without one; `consent` is what this user let this client have at `api`."""

    client: Client | None
    api: Api | None
    browser: BrowserSession | None
    user: User | None
    access: Access
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """For the redemption of a code. `browser` is None once its row is gone."""

    code: AuthorizationCode
    client: Client
    user: User
    api: Api
    access: Access
    browser: BrowserSession | None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """For a device that polls. `user` is None, and `access` empty, until somebody approved;
    `browser` is that of the approval, None before it and once its row is gone."""

    device: DeviceGrant
    client: Client
    api: Api
    user: User | None
    access: Access
    browser: BrowserSession | None = None


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """A browser session and its user."""

    browser: BrowserSession
    user: User


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A client's session, with its user and its client, for introspection, userinfo, logout."""

    session: Session
    user: User
    client: Client


@dataclass(frozen=True, slots=True)
class ExchangeFacts:
    """For a token exchange: who asks, for which API, and on whose behalf.

    `user` and `session` are those of the subject token; `access` is the user's at `api`, or that of
    `subject_client` where the subject is a client. `slot` is the status slot that this grant
    holds, once there was one: the session's, or the subject client's, at `client` and `api`."""

    client: Client | None
    api: Api | None
    user: User | None
    session: Session | None
    access: Access
    subject_client: Client | None = None
    slot: HeldSlot | None = None
