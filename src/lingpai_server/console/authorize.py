"""/authorize, /signin and /consent: a browser on its way from a client and back. Decides nothing.

Every page of the way is shown by GET under an address that shows it again, so a reload asks the
same question and going back asks it anew; every form answers with 303.

A request that a client's page sends by POST (OpenID Connect Core section 3.1.2.1) arrives without
the cookie, which is SameSite=Lax: nobody would seem to be logged in. So it is sealed and comes
again by GET, the cookie with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, assert_never

from lingpai_server.app.clock import Clock, now
from lingpai_server.console.answers import answer_refusal, see_other, with_query
from lingpai_server.console.cookies import set_session_cookie
from lingpai_server.console.csrf import check_form
from lingpai_server.console.device import device_login
from lingpai_server.console.ports import Authorizing, SigningIn, Tickets
from lingpai_server.console.rendering import Renderer
from lingpai_server.console.views import (
    LoginForm,
    consent_page,
    form_post_page,
    hidden,
    login_page,
)
from lingpai_server.console.visits import Visit
from lingpai_server.core.secret import Secret
from lingpai_server.http.answers import Answer
from lingpai_server.http.exchange import Exchange
from lingpai_server.protocol.authorize.outcomes import (
    AuthorizationResponse,
    AuthorizeOutcome,
    NeedsConsent,
    NeedsLogin,
    PageRefusal,
)
from lingpai_server.protocol.discovery import AUTHORIZATION_PATH, DEVICE_PATH
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.sign_in import SignedIn

SIGN_IN_PATH: Final = "/signin"
CONSENT_PATH: Final = "/consent"

_POSTED = "posted_authorize"
_POSTED_PARAMETER = "lingpai_posted"
_POSTED_SECONDS = 600
_MAX_POSTED_CHARS = 16_000  # an address that is longer gets lost between here and there
_EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class AuthorizePages:
    """One method an endpoint."""

    issuer: str
    authorize: Authorizing
    sign_in: SigningIn
    tickets: Tickets
    renderer: Renderer
    clock: Clock = now

    async def get_authorize(self, exchange: Exchange) -> Answer:
        """GET /authorize (RFC 6749 section 3.1)."""
        visit = Visit.of(exchange, exchange.read_query())
        if _POSTED_PARAMETER in visit.parameters:
            return await self._start_posted(visit)
        return self._show(visit, await self.authorize.start(visit.parameters, **visit.bearings))

    async def post_authorize(self, exchange: Exchange) -> Answer:
        """POST /authorize: the same, from a form of another site."""
        visit = Visit.of(exchange, await exchange.read_form())
        members = {"at": int(self.clock()), "parameters": dict(visit.parameters)}
        ticket = self.tickets.seal_ticket(_POSTED, members)
        if len(ticket) > _MAX_POSTED_CHARS:
            refusal = refuse(
                ErrorCode.INVALID_REQUEST,
                reason="posted_request_too_large",
                description="The request is too large; push it instead (RFC 9126).",
            )
            return answer_refusal(self.renderer, refusal, visit.language())
        return see_other(self.renderer.link(AUTHORIZATION_PATH, **{_POSTED_PARAMETER: ticket}))

    async def get_sign_in(self, exchange: Exchange) -> Answer:
        """GET /signin: the request of a ticket, wherever it stands now. With `other`, the login
        page, whoever is logged in."""
        visit = Visit.of(exchange, exchange.read_query())
        ticket = visit.parameters.get("ticket")
        if ticket is None:
            return self._refuse_ticket(visit)
        if "other" in visit.parameters:
            outcome = await self.authorize.resume(
                ticket, browser_secret=None, address=visit.address
            )
        else:
            outcome = await self.authorize.resume(ticket, **visit.bearings)
        return self._show(visit, outcome, otherwise=_EXPIRED)

    async def post_sign_in(self, exchange: Exchange) -> Answer:
        """POST /signin: the login form, for a ticket or for a device's code."""
        foreign = check_form(exchange, self.issuer)
        visit = Visit.of(exchange, {} if foreign else await exchange.read_form())
        if foreign is not None:
            return answer_refusal(self.renderer, foreign, visit.language())
        form = visit.parameters
        if "ticket" not in form and "user_code" not in form:
            return self._refuse_ticket(visit)
        if form.get("action") == "cancel":
            return await self._cancel(visit)
        password = Secret(form.get("password", ""))
        reply = await self.sign_in(form.get("username", ""), password, visit.address, visit.secret)
        if isinstance(reply, Refusal):
            return await self._ask_again(visit, reply)
        return see_other(self._next(visit), (self._keep(reply, lasting="remember" in form),))

    async def post_consent(self, exchange: Exchange) -> Answer:
        """POST /consent: the user's answer."""
        foreign = check_form(exchange, self.issuer)
        visit = Visit.of(exchange, {} if foreign else await exchange.read_form())
        if foreign is not None:
            return answer_refusal(self.renderer, foreign, visit.language())
        ticket, action = visit.parameters.get("ticket"), visit.parameters.get("action")
        if ticket is None or action not in {"allow", "deny"}:
            return self._refuse_ticket(visit)
        outcome = await self.authorize.consent(ticket, allow=action == "allow", **visit.bearings)
        return self._send_on(visit, outcome)

    async def get_consent(self, exchange: Exchange) -> Answer:
        """GET /consent: the answer was given, or never asked for."""
        return self._refuse_ticket(Visit.of(exchange, {}))

    async def _start_posted(self, visit: Visit) -> Answer:
        members = self.tickets.open_ticket(_POSTED, visit.parameters[_POSTED_PARAMETER])
        if members is None or self.clock() - members["at"] >= _POSTED_SECONDS:
            return self._refuse_ticket(visit)
        parameters: dict[str, Any] = members["parameters"]
        return self._show(visit, await self.authorize.start(parameters, **visit.bearings))

    async def _cancel(self, visit: Visit) -> Answer:
        if "ticket" not in visit.parameters:
            return see_other(self.renderer.link(DEVICE_PATH, visit.chosen))
        return self._send_on(visit, await self.authorize.cancel(visit.parameters["ticket"]))

    async def _ask_again(self, visit: Visit, refusal: Refusal) -> Answer:
        """The same page with what was wrong. Without the session that the browser may have: who
        mistyped a password does not want to go on as somebody else."""
        form = LoginForm(
            visit.parameters.get("username", ""), "remember" in visit.parameters, refusal
        )
        if "ticket" not in visit.parameters:
            page = device_login(self.renderer, visit, visit.parameters["user_code"], form)
            return self.renderer.render(page)
        outcome = await self.authorize.resume(
            visit.parameters["ticket"], browser_secret=None, address=visit.address
        )
        return self._show(visit, outcome, form=form, otherwise=_EXPIRED)

    def _keep(self, signed_in: SignedIn, *, lasting: bool) -> tuple[str, str]:
        seconds = signed_in.browser.absolute_deadline - int(self.clock())
        return set_session_cookie(signed_in.secret, max_age_seconds=seconds if lasting else None)

    def _next(self, visit: Visit) -> str:
        """Where a login leads."""
        if "ticket" in visit.parameters:
            return self._ticket_link(visit, visit.parameters["ticket"])
        code = visit.parameters["user_code"]
        return self.renderer.link(DEVICE_PATH, visit.chosen, user_code=code)

    def _ticket_link(self, visit: Visit, ticket: str) -> str:
        return self.renderer.link(SIGN_IN_PATH, visit.chosen, ticket=ticket)

    def _show(
        self,
        visit: Visit,
        outcome: AuthorizeOutcome,
        *,
        form: LoginForm | None = None,
        otherwise: str = "request",
    ) -> Answer:
        """An outcome as the answer to a GET."""
        match outcome:
            case NeedsLogin():
                return self._show_login(visit, outcome, form or LoginForm())
            case NeedsConsent():
                return self._show_consent(visit, outcome)
            case AuthorizationResponse():
                return self._respond(visit, outcome)
            case PageRefusal():
                language = visit.language(outcome.ui_locales)
                return answer_refusal(self.renderer, outcome.refusal, language, otherwise=otherwise)
            case _:
                assert_never(outcome)

    def _send_on(self, visit: Visit, outcome: AuthorizeOutcome) -> Answer:
        """An outcome as the answer to a form: what is still to be asked is asked by GET."""
        if isinstance(outcome, NeedsLogin | NeedsConsent):
            return see_other(self._ticket_link(visit, outcome.ticket))
        return self._show(visit, outcome, otherwise=_EXPIRED)

    def _show_login(self, visit: Visit, needed: NeedsLogin, form: LoginForm) -> Answer:
        page = login_page(
            needed,
            form,
            visit.language(needed.ui_locales),
            hidden(visit.chosen, ticket=needed.ticket),
            here=self.renderer.link(SIGN_IN_PATH, ticket=needed.ticket),
        )
        return self.renderer.render(page)

    def _show_consent(self, visit: Visit, needed: NeedsConsent) -> Answer:
        link, ticket = self.renderer.link, needed.ticket
        page = consent_page(
            needed,
            visit.language(needed.ui_locales),
            hidden(visit.chosen, ticket=ticket),
            issuer=self.renderer.issuer_name,
            here=link(SIGN_IN_PATH, ticket=ticket),
            other_account=link(SIGN_IN_PATH, visit.chosen, ticket=ticket, other="1"),
        )
        return self.renderer.render(page)

    def _respond(self, visit: Visit, response: AuthorizationResponse) -> Answer:
        if response.response_mode == "form_post":
            return self.renderer.render(form_post_page(response, visit.language()))
        return see_other(with_query(response.redirect_uri, response.parameters))

    def _refuse_ticket(self, visit: Visit) -> Answer:
        refusal = refuse(ErrorCode.INVALID_REQUEST, reason="ticket_missing_or_old")
        return answer_refusal(self.renderer, refusal, visit.language(), otherwise=_EXPIRED)
