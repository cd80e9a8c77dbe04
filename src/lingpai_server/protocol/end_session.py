"""RP-Initiated Logout 1.0: a client sends its user here to log out. Reads no clock, draws nothing.

What ends is the browser session, with the sessions of all clients in it. Whoever can make a browser
come here could log its user out, so a person is asked first, unless an ID token of this very user
or session shows that one of its clients sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import EndBrowser
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.records import Client, Event, Session
from lingpai_server.protocol.authorize.outcomes import PageRefusal
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.sessions.browsers import is_live

LOGOUT = "logout"
_MAX_STATE_CHARS = 2048
_MAX_LOCALES = 8


@dataclass(frozen=True, slots=True)
class LoggedOutPage:
    """Nobody is logged in here any more; the browser forgets its cookie. `client` is who asked, as
    far as that is known."""

    client: Client | None
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PostLogoutRedirect:
    """The same, and the browser goes back to the client that asked (section 3)."""

    uri: str


@dataclass(frozen=True, slots=True)
class AskToConfirm:
    """The user has to say that this is wanted. `ticket` holds the request, sealed, until then."""

    ticket: str
    client: Client | None
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComeByGet:
    """The browser is to come again by GET, with this ticket: a POST from a client's page does not
    bring the cookie along (SameSite=Lax), so that nobody would seem to be logged in."""

    ticket: str


EndSessionOutcome: TypeAlias = (
    LoggedOutPage | PostLogoutRedirect | AskToConfirm | ComeByGet | PageRefusal
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What an ID token of ours says, however old: whom it was for, and of which login it told."""

    client_id: str
    subject: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class EndSessionRequest:
    """What a client asks for (section 2), none of it checked against the client yet."""

    client_id: str | None = None
    hint: Hint | None = None
    redirect_uri: str | None = None
    state: str | None = None
    ui_locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndSessionFacts:
    """`browser` is the session of the cookie; `subject` what the client knows its user by; `hinted`
    the session that the hint names."""

    client: Client | None = None
    browser: BrowserSession | None = None
    subject: str | None = None
    hinted: Session | None = None


def read_locales(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """`ui_locales`: languages, best first."""
    return tuple(parameters.get("ui_locales", "").split()[:_MAX_LOCALES])


def parse_end_session(
    parameters: Mapping[str, str], hint_claims: Mapping[str, Any] | None
) -> EndSessionRequest | Refusal:
    """The request. `hint_claims` are those of `id_token_hint`, None if it is no token of ours."""
    hint = None
    if "id_token_hint" in parameters:
        hint = None if hint_claims is None else _read_hint(hint_claims)
        if hint is None:
            return _refuse("id_token_hint_invalid", "The id_token_hint is no ID token of ours.")
    client_id = parameters.get("client_id")
    if hint is not None and client_id not in {None, hint.client_id}:
        return _refuse("id_token_hint_of_another_client", "The ID token is for another client.")
    if len(parameters.get("state", "")) > _MAX_STATE_CHARS:
        return _refuse("state_too_long", "The parameter state is too long.")
    return EndSessionRequest(
        client_id=client_id if hint is None else hint.client_id,
        hint=hint,
        redirect_uri=parameters.get("post_logout_redirect_uri"),
        state=parameters.get("state"),
        ui_locales=read_locales(parameters),
    )


def decide_end_session(
    request: EndSessionRequest,
    facts: EndSessionFacts,
    *,
    ticket: str,
    confirmed: bool,
    address: str | None,
    now: float,
) -> Decision[EndSessionOutcome]:
    """Log out, ask first, or refuse. `ticket` is what the page that asks carries; `confirmed` says
    that it was answered with yes."""
    refusal = check_end_session(request, facts.client)
    if refusal is not None:
        return Decision(PageRefusal(refusal, request.ui_locales))
    browser = facts.browser
    if browser is None or not is_live(browser, now=now):
        return Decision(_finish(request, facts.client))
    if not confirmed and not _is_proven(request, facts, browser):
        return Decision(AskToConfirm(ticket, facts.client, request.ui_locales))
    effects = _end(browser, request, address=address, now=now)
    return Decision(_finish(request, facts.client), effects)


def check_end_session(request: EndSessionRequest, client: Client | None) -> Refusal | None:
    """Section 2: the client has to be known, and the URI one that it registered, to the letter.

    A URI that comes with no client cannot be checked, so it is not followed (section 3); that alone
    does not keep a user from logging out.
    """
    if request.client_id is None:
        return None
    if client is None:
        return _refuse("client_unknown", "The client is not known here.")
    if request.redirect_uri is None:
        return None
    registered = () if client.disabled else client.settings.post_logout_redirect_uris
    if request.redirect_uri in registered:
        return None
    return _refuse(
        "post_logout_redirect_uri_not_registered",
        "The post_logout_redirect_uri is not one that the client registered.",
    )


def _is_proven(request: EndSessionRequest, facts: EndSessionFacts, browser: BrowserSession) -> bool:
    """Whether the hint is of a login in this browser, or at least of the user who is logged in."""
    hint, hinted = request.hint, facts.hinted
    if hint is None:
        return False
    if hinted is not None and hinted.client_id == hint.client_id:
        return hinted.browser_id == browser.browser_id or hinted.user_id == browser.user_id
    return facts.subject is not None and facts.subject == hint.subject


def _finish(request: EndSessionRequest, client: Client | None) -> EndSessionOutcome:
    if client is None or request.redirect_uri is None:
        return LoggedOutPage(client, request.ui_locales)
    return PostLogoutRedirect(_with_state(request.redirect_uri, request.state))


def _with_state(uri: str, state: str | None) -> str:
    """Section 3: the state goes back as it came. A registered URI has no fragment."""
    if state is None:
        return uri
    return uri + ("&" if "?" in uri else "?") + urlencode({"state": state})


def _end(
    browser: BrowserSession, request: EndSessionRequest, *, address: str | None, now: float
) -> Effects:
    event = Event(
        EventKind.SIGNED_OUT,
        now,
        user_id=browser.user_id,
        client_id=request.client_id,
        session_id=None if request.hint is None else request.hint.session_id,
        address=address,
    )
    return (EndBrowser(browser.browser_id, int(now), LOGOUT), Record(event))


def _read_hint(claims: Mapping[str, Any]) -> Hint | None:
    """Core section 2: `aud` is the client alone; no other JWT of ours has all of these."""
    audience, subject, session_id = claims.get("aud"), claims.get("sub"), claims.get("sid")
    is_id_token = isinstance(claims.get("exp"), int) and isinstance(claims.get("auth_time"), int)
    if not is_id_token or not isinstance(audience, str) or not isinstance(subject, str):
        return None
    return Hint(audience, subject, session_id if isinstance(session_id, str) else None)


def _refuse(reason: str, description: str) -> Refusal:
    return refuse(ErrorCode.INVALID_REQUEST, reason=reason, description=description)
