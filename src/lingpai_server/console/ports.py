"""What the pages ask of the use cases. No implementation; `app` has them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.outcomes import AuthorizeOutcome
from lingpai_server.protocol.device import DeviceDecided, DevicePrompt
from lingpai_server.protocol.end_session import EndSessionOutcome
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.sign_in import SignedIn


class Authorizing(Protocol):
    """An authorization request through its pages. `ticket` is the one of the outcome before."""

    async def start(
        self,
        parameters: Mapping[str, str],
        *,
        browser_secret: Secret[str] | None,
        address: str | None,
    ) -> AuthorizeOutcome:
        """What a client sent its user here with."""

    async def resume(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> AuthorizeOutcome:
        """The same request again, after a login or a reload."""

    async def consent(
        self,
        ticket: str,
        *,
        allow: bool,
        browser_secret: Secret[str] | None,
        address: str | None,
    ) -> AuthorizeOutcome:
        """The user's answer to NeedsConsent."""

    async def cancel(self, ticket: str) -> AuthorizeOutcome:
        """The user would rather not log in."""


class SigningIn(Protocol):
    """Takes a password, starts a browser session."""

    async def __call__(
        self,
        username: str,
        password: Secret[str],
        address: str | None,
        old_browser_secret: Secret[str] | None,
    ) -> SignedIn | Refusal:
        """As they were typed."""


class DecidingDevice(Protocol):
    """The person beside a device. `user_code` is as it was typed."""

    async def load(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DevicePrompt | Refusal:
        """What to ask; LOGIN_REQUIRED where nobody is logged in."""

    async def approve(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DeviceDecided | Refusal:
        """Yes."""

    async def deny(
        self, user_code: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> DeviceDecided | Refusal:
        """No."""


class EndingSession(Protocol):
    """A logout through its pages."""

    async def start(
        self,
        parameters: Mapping[str, str],
        *,
        browser_secret: Secret[str] | None,
        address: str | None,
        posted: bool = False,
    ) -> EndSessionOutcome:
        """What a client sent its user here with."""

    async def resume(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> EndSessionOutcome:
        """What ComeByGet sent the browser here with."""

    async def confirm(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> EndSessionOutcome:
        """The user said yes to AskToConfirm."""


class Tickets(Protocol):
    """Seals what travels in a browser."""

    def seal_ticket(self, purpose: str, members: Mapping[str, Any]) -> str:
        """URL-safe; only this issuer can read it."""

    def open_ticket(self, purpose: str, ticket: str) -> Mapping[str, Any] | None:
        """None for what was not sealed here, or for another purpose."""
