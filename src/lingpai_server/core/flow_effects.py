"""What the flows of OAuth and OpenID Connect ask the store to do. Every single use can be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lingpai_server.core.flow_records import (
    AuthorizationCode,
    BrowserSession,
    Consent,
    DeviceGrant,
    PushedRequest,
)
from lingpai_server.core.records import Api, Client


@dataclass(frozen=True, slots=True)
class StartBrowser:
    """A new browser session; NotFound without its user."""

    browser: BrowserSession


@dataclass(frozen=True, slots=True)
class SlideBrowser:
    """Moves the idle deadline forward, never back, of a browser session that has not ended; nothing
    happens to one that has."""

    browser_id: bytes = field(repr=False)
    idle_deadline: int


@dataclass(frozen=True, slots=True)
class RenewBrowser:
    """The same user has logged in there again: ends the browser session and starts `browser`, which
    inherits its clients' live sessions, and the codes and devices that were not redeemed. Lost if
    it has ended meanwhile, or is gone, or is another user's."""

    browser_id: bytes = field(repr=False)
    browser: BrowserSession
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class EndBrowser:
    """Final: ends the browser session, ends its clients' sessions except those that are `offline`,
    and revokes their families. Ending twice keeps the first; NotFound if absent."""

    browser_id: bytes = field(repr=False)
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class StoreCode:
    """A new code; lost if its browser session has ended meanwhile, or its row is gone."""

    code: AuthorizationCode


@dataclass(frozen=True, slots=True)
class RedeemCode:
    """Compare-and-set from not redeemed to redeemed; lost if it was redeemed, or is gone, or if its
    browser session has ended meanwhile, or its row is gone."""

    code_sha256: bytes = field(repr=False)
    at: int
    session_id: str


@dataclass(frozen=True, slots=True)
class StorePushed:
    """A new pushed request."""

    pushed: PushedRequest


@dataclass(frozen=True, slots=True)
class UsePushed:
    """Compare-and-set from unused to used; lost if it was used, or is gone."""

    request_sha256: bytes = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class StoreDevice:
    """A new device grant; AlreadyExists if the user code is taken."""

    device: DeviceGrant


@dataclass(frozen=True, slots=True)
class MoveDevice:
    """Compare-and-set of a device grant: lost unless its state, its interval and its last poll
    still are those of `before`. A step to another state is lost, too, if `after` names a browser
    session that has ended, or whose row is gone. Who asks, for which API, and until when, stays as
    it is."""

    before: DeviceGrant
    after: DeviceGrant


@dataclass(frozen=True, slots=True)
class PutConsent:
    """Creates or replaces what a user let a client have at one API."""

    consent: Consent


@dataclass(frozen=True, slots=True)
class RemoveConsents:
    """Forgets all that a user let a client have. Nothing happens if there is nothing."""

    user_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Spend:
    """Marks something as used until `expires_at`: a client assertion's or a DPoP proof's `jti`.

    AlreadySpent if it is marked. `purpose` keeps the kinds apart; `digest` is a SHA-256.
    """

    purpose: str
    digest: bytes
    expires_at: int


@dataclass(frozen=True, slots=True)
class MoveNotice:
    """Compare-and-set on `attempts` of a logout notice: claims it by raising them by one and moving
    it to `due_at`; lost if another process did. None as `due_at` says that it is done with."""

    session_id: str
    attempts: int
    due_at: int | None


@dataclass(frozen=True, slots=True)
class ReplaceClient:
    """Replaces name, secret, grants, scopes, audiences, settings and whether it is first-party, and
    raises the access version: compare-and-set on `client.access_version`."""

    client: Client


@dataclass(frozen=True, slots=True)
class DeleteClient:
    """Disables a client for ever, ends its sessions, revokes its families, forgets its consents and
    its roles; compare-and-set on the access version. The row stays, and the identifier taken, for
    as long as something refers to it, and for a day at least."""

    client_id: str
    access_version: int
    at: int


@dataclass(frozen=True, slots=True)
class ReplaceApi:
    """Replaces name, algorithm, scopes, lifetime and settings of an API, and raises its access
    version: compare-and-set on `api.access_version`."""

    api: Api


@dataclass(frozen=True, slots=True)
class PutUserClaims:
    """Replaces what is known of a person (OpenID Connect Core section 5.1); NotFound without the
    user. The access version stays: no access token holds any of it."""

    user_id: str
    claims: Mapping[str, Any] = field(repr=False)


FlowEffect: TypeAlias = (
    StartBrowser
    | SlideBrowser
    | RenewBrowser
    | EndBrowser
    | StoreCode
    | RedeemCode
    | StorePushed
    | UsePushed
    | StoreDevice
    | MoveDevice
    | PutConsent
    | RemoveConsents
    | Spend
    | MoveNotice
    | ReplaceClient
    | DeleteClient
    | ReplaceApi
    | PutUserClaims
)
