"""/end-session: a client sends its user here to log out (RP-Initiated Logout 1.0 section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from lingpai_server.console.answers import answer_refusal, see_other
from lingpai_server.console.cookies import clear_session_cookie
from lingpai_server.console.csrf import check_form
from lingpai_server.console.ports import EndingSession
from lingpai_server.console.rendering import Renderer
from lingpai_server.console.views import done_page, hidden, logout_page
from lingpai_server.console.visits import Visit
from lingpai_server.http.answers import Answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.protocol.authorize.outcomes import PageRefusal
from lingpai_server.protocol.discovery import END_SESSION_PATH
from lingpai_server.protocol.end_session import (
    AskToConfirm,
    ComeByGet,
    EndSessionOutcome,
    LoggedOutPage,
    PostLogoutRedirect,
)

_TICKET = "logout_ticket"
_ACTIONS = frozenset({"confirm", "stay"})


@dataclass(frozen=True, slots=True)
class LogoutPages:
    """One method an endpoint."""

    issuer: str
    end_session: EndingSession
    renderer: Renderer

    async def get(self, exchange: Exchange) -> Answer:
        """GET /end-session: from a client, or again after ComeByGet."""
        visit = Visit.of(exchange, exchange.read_query())
        ticket = visit.parameters.get(_TICKET)
        if ticket is not None:
            return self._show(visit, await self.end_session.resume(ticket, **visit.bearings))
        return self._show(visit, await self.end_session.start(visit.parameters, **visit.bearings))

    async def post(self, exchange: Exchange) -> Answer:
        """POST /end-session: from a client's page, or from the page that asks."""
        visit = Visit.of(exchange, await exchange.read_form())
        if _TICKET in visit.parameters:
            return await self._confirm(exchange, visit)
        outcome = await self.end_session.start(visit.parameters, **visit.bearings, posted=True)
        return self._show(visit, outcome)

    async def _confirm(self, exchange: Exchange, visit: Visit) -> Answer:
        foreign = check_form(exchange, self.issuer)
        if foreign is not None:
            return answer_refusal(self.renderer, foreign, visit.language())
        if visit.parameters.get("action") != "confirm":
            return self.renderer.render(done_page("logout.stayed", visit.language()))
        ticket = visit.parameters[_TICKET]
        outcome = await self.end_session.confirm(ticket, **visit.bearings)
        if isinstance(outcome, LoggedOutPage):  # shown by GET, so that a reload sends nothing
            language = visit.language(outcome.ui_locales)
            here = self.renderer.link(END_SESSION_PATH, language)
            return see_other(here, (clear_session_cookie(),))
        return self._show(visit, outcome)

    def _show(self, visit: Visit, outcome: EndSessionOutcome) -> Answer:
        match outcome:
            case LoggedOutPage():
                language = visit.language(outcome.ui_locales)
                here = self.renderer.link(END_SESSION_PATH)
                page = done_page("logout.done", language, good=True, here=here)
                return self._forget(self.renderer.render(page))
            case PostLogoutRedirect():
                return see_other(outcome.uri, (clear_session_cookie(),))
            case AskToConfirm():
                language = visit.language(outcome.ui_locales)
                fields = hidden(visit.chosen or language, **{_TICKET: outcome.ticket})
                return self.renderer.render(logout_page(outcome, language, fields))
            case ComeByGet():
                link = self.renderer.link(END_SESSION_PATH, **{_TICKET: outcome.ticket})
                return see_other(link)
            case PageRefusal():
                language = visit.language(outcome.ui_locales)
                return answer_refusal(self.renderer, outcome.refusal, language)
            case _:
                assert_never(outcome)

    def _forget(self, answer: Answer) -> Answer:
        return Answer(answer.status, (*answer.headers, clear_session_cookie()), answer.body)
