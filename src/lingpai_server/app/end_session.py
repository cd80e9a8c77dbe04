"""The logout page of the issuer (RP-Initiated Logout 1.0). Refuses to know HTML and HTTP.

A request that has to wait for the user, or to come again by GET, travels in the browser as a sealed
ticket. One that waits is bound to the browser session that it was asked of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.issuing import with_subject_of
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_records import BrowserFacts
from lingpai_server.core.ports import Store
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.outcomes import PageRefusal
from lingpai_server.protocol.end_session import (
    ComeByGet,
    EndSessionFacts,
    EndSessionOutcome,
    EndSessionRequest,
    Hint,
    decide_end_session,
    parse_end_session,
    read_locales,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.id_token import ID_TOKEN_TYP
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.subjects import sector_of
from lingpai_server.sessions.browsers import browser_id_of, browser_name

TICKET_SECONDS = 3600
_COME_BY_GET = "end_session"
_CONFIRM = "end_session_confirm"


@dataclass(frozen=True, slots=True)
class EndSession:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    policy: IssuePolicy
    clock: Clock = now

    async def start(
        self,
        parameters: Mapping[str, str],
        *,
        browser_secret: Secret[str] | None,
        address: str | None,
        posted: bool = False,
    ) -> EndSessionOutcome:
        """What a client sent its user here with. `posted` says that it came by POST. Raises
        StoreUnavailable."""
        raw = parameters.get("id_token_hint")
        claims = None if raw is None else await self.keys.read_own_token(raw, typ=ID_TOKEN_TYP)
        request = parse_end_session(parameters, claims)
        if isinstance(request, Refusal):
            return PageRefusal(request, read_locales(parameters))
        if posted and browser_secret is None:
            return ComeByGet(self._seal(_COME_BY_GET, request, None))
        return await self._settle(request, browser_secret, address=address, confirmed=False)

    async def resume(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> EndSessionOutcome:
        """What ComeByGet sent the browser here with. Raises StoreUnavailable."""
        members = self._open(_COME_BY_GET, ticket)
        if members is None:
            return _refuse_ticket()
        request = _read_request(members)
        return await self._settle(request, browser_secret, address=address, confirmed=False)

    async def confirm(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> EndSessionOutcome:
        """The user said yes to AskToConfirm. A ticket of another browser session asks again.

        Raises StoreUnavailable.
        """
        members = self._open(_CONFIRM, ticket)
        if members is None:
            return _refuse_ticket()
        return await self._settle(
            _read_request(members),
            browser_secret,
            address=address,
            confirmed=members.get("browser") == browser_name(browser_secret),
        )

    async def _settle(
        self,
        request: EndSessionRequest,
        browser_secret: Secret[str] | None,
        *,
        address: str | None,
        confirmed: bool,
    ) -> EndSessionOutcome:
        async def decide() -> Decision[EndSessionOutcome]:
            return decide_end_session(
                request,
                await self._load(request, browser_secret),
                ticket=self._seal(_CONFIRM, request, browser_secret),
                confirmed=confirmed,
                address=address,
                now=self.clock(),
            )

        try:
            return await settle(self.store, decide)
        except Contended:
            return PageRefusal(refuse_busy("contended"), request.ui_locales)

    async def _load(
        self, request: EndSessionRequest, browser_secret: Secret[str] | None
    ) -> EndSessionFacts:
        client_id, hint = request.client_id, request.hint
        client = None if client_id is None else await self.store.load_client(client_id)
        browser = None
        if browser_secret is not None:
            browser = await self.store.load_browser(browser_id_of(browser_secret))
        hinted = None
        if hint is not None and hint.session_id is not None:
            hinted = await self.store.load_session(hint.session_id)
        return EndSessionFacts(
            client=client,
            browser=None if browser is None else browser.browser,
            subject=self._subject(client, browser),
            hinted=None if hinted is None else hinted.session,
        )

    def _subject(self, client: Client | None, browser: BrowserFacts | None) -> str | None:
        """What the client knows the user of the browser by."""
        if client is None or browser is None:
            return None
        claims = {"sub": browser.user.user_id}
        subject: str = with_subject_of(sector_of(client), claims, self.keys)["sub"]
        return subject

    def _seal(
        self, purpose: str, request: EndSessionRequest, browser_secret: Secret[str] | None
    ) -> str:
        members = {
            "at": int(self.clock()),
            "browser": browser_name(browser_secret),
            "client_id": request.client_id,
            "redirect_uri": request.redirect_uri,
            "state": request.state,
            "ui_locales": list(request.ui_locales),
        }
        if request.hint is not None:
            members |= {"sub": request.hint.subject, "sid": request.hint.session_id}
        return self.keys.seal_ticket(purpose, members)

    def _open(self, purpose: str, ticket: str) -> Mapping[str, Any] | None:
        members = self.keys.open_ticket(purpose, ticket)
        if members is None or self.clock() - members["at"] >= TICKET_SECONDS:
            return None
        return members


def _read_request(members: Mapping[str, Any]) -> EndSessionRequest:
    """What `_seal` wrote; a sealed ticket is as it was made."""
    client_id = members["client_id"]
    return EndSessionRequest(
        client_id=client_id,
        hint=Hint(client_id, members["sub"], members["sid"]) if "sub" in members else None,
        redirect_uri=members["redirect_uri"],
        state=members["state"],
        ui_locales=tuple(members["ui_locales"]),
    )


def _refuse_ticket() -> PageRefusal:
    return PageRefusal(
        refuse(
            ErrorCode.INVALID_REQUEST,
            reason="logout_ticket_invalid",
            description="The page has waited for too long. Log out once more.",
        )
    )
