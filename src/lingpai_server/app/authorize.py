"""The authorization endpoint: what was asked, what is known, a decision. No HTML, no HTTP.

A request that has to wait for a page travels in the browser, sealed. It comes back as it was, and
is decided anew. The page is bound to the browser session that it was shown to: a "yes" that comes
from another one is a question asked once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lingpai_server.app.clock import Clock, now
from lingpai_server.app.entropy import draw_opaque
from lingpai_server.app.issuing import with_subject_of
from lingpai_server.app.ports import ClientKeys, ClientResolver, KeyRing
from lingpai_server.app.request_reading import RequestReader
from lingpai_server.app.settling import Contended, refuse_busy, settle
from lingpai_server.core.decision import Decision
from lingpai_server.core.flow_records import AuthorizeFacts
from lingpai_server.core.ports import Store
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.decide import CODE_PREFIX, Carried, decide_authorize
from lingpai_server.protocol.authorize.outcomes import AuthorizeOutcome, PageRefusal
from lingpai_server.protocol.authorize.request import Asked, read_locales, refuse_request
from lingpai_server.protocol.claims_request import read_claims_request
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.id_token import ID_TOKEN_TYP
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.resources import wanted_audience
from lingpai_server.protocol.scopes import parse_scope
from lingpai_server.protocol.subjects import sector_of
from lingpai_server.sessions.browsers import browser_id_of, browser_name

TICKET = "authorize"
TICKET_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Opened:
    """A request that comes back, and the browser session that its page was shown to."""

    asked: Asked
    browser: str | None


@dataclass(frozen=True, slots=True)
class Authorize:
    """The use case. One instance serves every request."""

    store: Store
    keys: KeyRing
    client_keys: ClientKeys
    policy: IssuePolicy
    clock: Clock = now
    resolver: ClientResolver | None = None

    @property
    def _reader(self) -> RequestReader:
        return RequestReader(self.store, self.client_keys, self.policy, self.clock, self.resolver)

    async def start(
        self,
        parameters: Mapping[str, str],
        *,
        browser_secret: Secret[str] | None,
        address: str | None,
    ) -> AuthorizeOutcome:
        """What a client sent its user here with. Raises StoreUnavailable."""
        asked = await self._reader.read(parameters)
        if isinstance(asked, Refusal):
            return PageRefusal(asked, read_locales(parameters))
        return await self._settle(asked, browser_secret, address)

    async def resume(
        self, ticket: str, *, browser_secret: Secret[str] | None, address: str | None
    ) -> AuthorizeOutcome:
        """The same request again, after a login or a reload. Raises StoreUnavailable."""
        opened = await self._open(ticket)
        if isinstance(opened, Refusal):
            return PageRefusal(opened)
        return await self._settle(opened.asked, browser_secret, address)

    async def consent(
        self,
        ticket: str,
        *,
        allow: bool,
        browser_secret: Secret[str] | None,
        address: str | None,
    ) -> AuthorizeOutcome:
        """The user's answer to NeedsConsent; of another browser session, it asks again.

        Whoever logs in as somebody else in another tab has not seen this page. Raises
        StoreUnavailable.
        """
        opened = await self._open(ticket)
        if isinstance(opened, Refusal):
            return PageRefusal(opened)
        own = opened.browser == browser_name(browser_secret)
        return await self._settle(
            opened.asked, browser_secret, address, allowed=allow if own else None
        )

    async def cancel(self, ticket: str) -> AuthorizeOutcome:
        """The user would rather not log in: the client hears that access is denied."""
        opened = await self._open(ticket)
        if isinstance(opened, Refusal):
            return PageRefusal(opened)
        denied = refuse(
            ErrorCode.ACCESS_DENIED,
            reason="login_cancelled",
            description="The user did not log in.",
        )
        return await self._settle(replace(opened.asked, problem=denied), None, None)

    # --- tickets ------------------------------------------------------------------------------

    def _seal(self, asked: Asked, browser_secret: Secret[str] | None) -> str:
        members: dict[str, Any] = {
            "at": asked.at,
            "signed": asked.signed,
            "browser": browser_name(browser_secret),
        }
        if asked.request_uri is None:
            members["parameters"] = dict(asked.parameters)
        else:
            members |= {"client_id": asked.get("client_id"), "request_uri": asked.request_uri}
        return self.keys.seal_ticket(TICKET, members)

    async def _open(self, ticket: str) -> _Opened | Refusal:
        members = self.keys.open_ticket(TICKET, ticket)
        if members is None or self.clock() - members["at"] >= TICKET_SECONDS:
            return refuse_request(
                "ticket_over", "The page has waited for too long. Go back to the application."
            )
        if "request_uri" in members:
            asked = await self._reader.read_pushed(
                members["client_id"], members["request_uri"], members["at"], returning=True
            )
            if isinstance(asked, Refusal):
                return asked
        else:
            parameters, signed = members["parameters"], members["signed"]
            asked = Asked(parameters, members["at"], signed=signed, returning=True)
        return _Opened(asked, members.get("browser"))  # absent from what an older version sealed

    # --- what becomes of it -------------------------------------------------------------------

    async def _settle(
        self,
        asked: Asked,
        browser_secret: Secret[str] | None,
        address: str | None,
        *,
        allowed: bool | None = None,
    ) -> AuthorizeOutcome:
        async def decide() -> Decision[AuthorizeOutcome]:
            fresh = asked if asked.pushed is None else await self._reload(asked)
            facts = await self._load(fresh, browser_secret)
            carried = Carried(
                ticket=self._seal(asked, browser_secret),
                code=draw_opaque(CODE_PREFIX),
                hinted_user_id=await self._read_hint(fresh, facts),
                allowed=allowed,
                address=address,
            )
            return decide_authorize(fresh, facts, carried, self.policy, now=self.clock())

        try:
            return await settle(self.store, decide)
        except Contended:
            return PageRefusal(refuse_busy("contended"), asked.ui_locales)

    async def _reload(self, asked: Asked) -> Asked:
        """A pushed request may have been used meanwhile."""
        if asked.pushed is None:
            return asked
        pushed = await self.store.load_pushed(asked.pushed.request_sha256)
        return replace(asked, pushed=pushed or replace(asked.pushed, used_at=int(self.clock())))

    async def _load(self, asked: Asked, browser_secret: Secret[str] | None) -> AuthorizeFacts:
        scopes = parse_scope(asked.get("scope"))
        wanted = wanted_audience(
            asked.get("resource"), None if isinstance(scopes, Refusal) else scopes
        )
        return await self.store.load_authorize(
            client_id=asked.get("client_id") or "",
            audience=wanted,
            browser_id=None if browser_secret is None else browser_id_of(browser_secret),
        )

    async def _read_hint(self, asked: Asked, facts: AuthorizeFacts) -> str | None:
        """The user that an `id_token_hint`, or a `sub` asked for by value, names: the one who is
        logged in if it is that one, and "" for anybody else."""
        subjects = await self._hinted_subjects(asked)
        if not subjects:
            return None
        if facts.user is None or facts.client is None:
            return ""
        claims = with_subject_of(sector_of(facts.client), {"sub": facts.user.user_id}, self.keys)
        return facts.user.user_id if subjects == {claims["sub"]} else ""

    async def _hinted_subjects(self, asked: Asked) -> set[str]:
        wish = read_claims_request(asked.get("claims")).id_token.get("sub")
        subjects = set(map(str, (wish and wish.values) or ()))
        hint = asked.get("id_token_hint")
        if hint is not None:
            claims = await self.keys.read_own_token(hint, typ=ID_TOKEN_TYP)
            subjects.add("" if claims is None else str(claims.get("sub")))
        return subjects
