"""The authorization endpoint's decision: a page, an error or a code. No I/O, clock, randomness.

Every call decides the whole request anew, from what was asked and what is known now; what a page
has settled since shows in the facts. So nothing that a browser carries has to be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import PutConsent, SlideBrowser, StoreCode, UsePushed
from lingpai_server.core.flow_records import (
    AuthorizationCode,
    AuthorizeFacts,
    BrowserSession,
    Consent,
)
from lingpai_server.core.records import AccountStatus, Api, Event, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.outcomes import (
    AuthorizationResponse,
    AuthorizeOutcome,
    NeedsConsent,
    NeedsLogin,
    PageRefusal,
)
from lingpai_server.protocol.authorize.request import (
    Asked,
    AuthorizeRequest,
    Prompt,
    parse_authorize,
)
from lingpai_server.protocol.authorize.steps import (
    REDIRECT_STEPS,
    Case,
    Place,
    check_details,
    find_place,
    response_mode_of,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import choose_user_scopes, require_versions
from lingpai_server.protocol.opaque import opaque_sha256
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.redirects import host_of
from lingpai_server.protocol.resources import choose_user_api
from lingpai_server.sessions.browsers import is_live
from lingpai_server.sessions.families import idle_deadline

CODE_PREFIX = "lp_ac_"


@dataclass(frozen=True, slots=True)
class Carried:
    """What `app` makes beforehand: the sealed request, the code that may be issued, the user that
    an `id_token_hint` names (None without a hint, "" for one that is not good), and the user's
    answer to a consent page, None if it is not an answer."""

    ticket: str
    code: Secret[str]
    hinted_user_id: str | None = None
    allowed: bool | None = None
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that is in order: what is asked for, by whom, at which API."""

    asked: Asked
    place: Place
    request: AuthorizeRequest
    api: Api
    scopes: tuple[str, ...]
    details: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """Who is logged in, in a browser session that is alive."""

    user: User
    browser: BrowserSession


def decide_authorize(
    asked: Asked, facts: AuthorizeFacts, carried: Carried, policy: IssuePolicy, *, now: float
) -> Decision[AuthorizeOutcome]:
    """What becomes of the request now."""
    place = find_place(asked, facts, now=now)
    if isinstance(place, Refusal):
        return Decision(PageRefusal(place, asked.ui_locales))
    wish = read_wish(asked, place, facts.api)
    if isinstance(wish, Refusal):
        return Decision(answer_error(asked, place, wish, policy))
    person = _find_person(facts, now=now)
    return _decide_login(wish, facts, person, carried, policy, now=now)


def read_wish(asked: Asked, place: Place, api: Api | None) -> Wish | Refusal:
    """The request, if all of it is in order; also for a request that is pushed (RFC 9126)."""
    refusal = first_refusal(REDIRECT_STEPS, Case(asked, place))
    if refusal is not None:
        return refusal
    request = parse_authorize(asked)
    if isinstance(request, Refusal):
        return request
    client = place.client
    chosen = choose_user_api(client, api, request.resource)
    if isinstance(chosen, Refusal):
        return chosen
    scopes = choose_user_scopes(client, chosen, request.scopes)
    if isinstance(scopes, Refusal):
        return scopes
    details = check_details(client, chosen, request.details)
    if isinstance(details, Refusal):
        return details
    if not scopes and details is None:
        return refuse(
            ErrorCode.INVALID_SCOPE,
            reason="nothing_asked",
            description="The request asks for nothing.",
        )
    return Wish(asked, place, request, chosen, scopes, details)


def answer_error(
    asked: Asked, place: Place, refusal: Refusal, policy: IssuePolicy
) -> AuthorizationResponse:
    """RFC 6749 section 4.1.2.1, with `iss` (RFC 9207 section 2)."""
    return _respond(
        asked,
        place,
        {"error": refusal.code.value, "error_description": refusal.description},
        policy,
    )


def _decide_login(
    wish: Wish,
    facts: AuthorizeFacts,
    person: Person | None,
    carried: Carried,
    policy: IssuePolicy,
    *,
    now: float,
) -> Decision[AuthorizeOutcome]:
    reason = _why_login(wish, person, carried, now=now)
    if person is not None and reason is None:
        return _decide_acr(wish, facts, person, carried, policy, now=now)
    fruitless = reason == _OTHER_USER and _logged_in_since(wish, person)
    if Prompt.NONE in wish.request.prompt or fruitless:
        refusal = refuse(
            ErrorCode.LOGIN_REQUIRED,
            reason=reason or "nobody_logged_in",
            description="The user has to log in.",
        )
        return Decision(answer_error(wish.asked, wish.place, refusal, policy))
    return Decision(
        NeedsLogin(
            ticket=carried.ticket,
            client=wish.place.client,
            username=wish.request.username,
            again=person is not None,
            ui_locales=wish.asked.ui_locales,
        )
    )


_OTHER_USER = "another_user_logged_in"


def _why_login(wish: Wish, person: Person | None, carried: Carried, *, now: float) -> str | None:
    """OpenID Connect Core section 3.1.2.3. None if whoever is logged in will do."""
    if person is None:
        return "nobody_logged_in"
    if carried.hinted_user_id not in (None, person.user.user_id):
        return _OTHER_USER
    if _logged_in_since(wish, person):
        return None
    if wish.request.prompt & {Prompt.LOGIN, Prompt.SELECT_ACCOUNT}:
        return "login_asked_for"
    max_age = _max_age(wish)
    if max_age is not None and now - person.browser.auth_time > max_age:
        return "login_too_long_ago"
    return None


def _logged_in_since(wish: Wish, person: Person | None) -> bool:
    """Whether the login that was asked for has happened: after the request came."""
    asked = wish.asked
    return asked.returning and person is not None and person.browser.auth_time >= asked.at


def _max_age(wish: Wish) -> int | None:
    """What the request says, else what the client registered. 0 lets no older login pass."""
    if wish.request.max_age_seconds is not None:
        given: int | None = wish.request.max_age_seconds
    else:
        given = wish.place.client.settings.default_max_age_seconds
    return -1 if given == 0 else given


def _decide_acr(
    wish: Wish,
    facts: AuthorizeFacts,
    person: Person,
    carried: Carried,
    policy: IssuePolicy,
    *,
    now: float,
) -> Decision[AuthorizeOutcome]:
    """An essential `acr` that no login here reaches (OpenID Connect Core section 5.5.1.1); what is
    asked for by `acr_values` is a preference, and the token says what it was."""
    asked = wish.request.claims.id_token.get("acr")
    unmet = asked is not None and asked.essential and asked.values is not None
    if unmet and asked is not None and person.browser.acr not in (asked.values or ()):
        refusal = refuse(
            ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS,
            reason="acr_unmet",
            description="The login cannot be as strong as the client demands.",
        )
        return Decision(answer_error(wish.asked, wish.place, refusal, policy))
    return _decide_consent(wish, facts, person, carried, policy, now=now)


def _decide_consent(
    wish: Wish,
    facts: AuthorizeFacts,
    person: Person,
    carried: Carried,
    policy: IssuePolicy,
    *,
    now: float,
) -> Decision[AuthorizeOutcome]:
    if carried.allowed is False:
        refusal = refuse(
            ErrorCode.ACCESS_DENIED,
            reason="consent_denied",
            description="The user did not agree.",
        )
        event = _record(EventKind.CONSENT_DENIED, wish, person, carried, now=now)
        return Decision(answer_error(wish.asked, wish.place, refusal, policy), (event,))
    if carried.allowed or not _needs_consent(wish, facts.consent):
        return _issue_code(wish, facts, person, carried, policy, now=now)
    if Prompt.NONE in wish.request.prompt:
        refusal = refuse(
            ErrorCode.CONSENT_REQUIRED,
            reason="consent_missing",
            description="The user has to agree.",
        )
        return Decision(answer_error(wish.asked, wish.place, refusal, policy))
    return Decision(
        NeedsConsent(
            ticket=carried.ticket,
            client=wish.place.client,
            user=person.user,
            api=wish.api,
            scopes=_scopes_to_show(wish),
            details=wish.details,
            redirect_host=host_of(wish.place.redirect_uri),
            ui_locales=wish.asked.ui_locales,
        )
    )


def _needs_consent(wish: Wish, consent: Consent | None) -> bool:
    """Remembered by scopes; details are for one time each, and are asked each time."""
    if Prompt.CONSENT in wish.request.prompt:
        return True
    if wish.place.client.first_party:
        return False
    known = set() if consent is None else set(consent.scopes)
    return wish.details is not None or not set(_scopes_to_show(wish)) <= known


def _scopes_to_show(wish: Wish) -> tuple[str, ...]:
    """What is asked for, and what single claims asked for by name stand for."""
    client = wish.place.client
    named = wish.request.claims.scopes & set(client.scopes)
    ordered = (scope for scope in OPENID_SCOPES if scope in named)
    return tuple(dict.fromkeys((*wish.scopes, *ordered)))


def _issue_code(
    wish: Wish,
    facts: AuthorizeFacts,
    person: Person,
    carried: Carried,
    policy: IssuePolicy,
    *,
    now: float,
) -> Decision[AuthorizeOutcome]:
    client, browser, request = wish.place.client, person.browser, wish.request
    code = AuthorizationCode(
        code_sha256=opaque_sha256(carried.code),
        client_id=client.client_id,
        user_id=person.user.user_id,
        browser_id=browser.browser_id,
        audience=wish.api.audience,
        scopes=wish.scopes,
        redirect_uri=wish.asked.get("redirect_uri"),
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        claims=request.claims_text,
        authorization_details=wish.details,
        jkt=request.jkt or (None if wish.asked.pushed is None else wish.asked.pushed.jkt),
        auth_time=browser.auth_time,
        amr=browser.amr,
        acr=browser.acr,
        issued_at=int(now),
        expires_at=int(now) + wish.place.rules.code_ttl_seconds,
    )
    slid = idle_deadline(policy.sessions, browser.absolute_deadline, now=now)
    effects: Effects = (
        *require_versions(person.user, client, wish.api),
        *_use_pushed(wish.asked, now=now),
        StoreCode(code),
        *_remember_consent(wish, facts.consent, person, carried, now=now),
        SlideBrowser(browser.browser_id, slid),
        _record(EventKind.CODE_ISSUED, wish, person, carried, now=now),
    )
    response = _respond(wish.asked, wish.place, {"code": carried.code.reveal()}, policy)
    return Decision(response, effects)


def _use_pushed(asked: Asked, *, now: float) -> Effects:
    """RFC 9126 section 7.3: a pushed request gives one code."""
    pushed = asked.pushed
    return () if pushed is None else (UsePushed(pushed.request_sha256, int(now)),)


def _remember_consent(
    wish: Wish, before: Consent | None, person: Person, carried: Carried, *, now: float
) -> Effects:
    if carried.allowed is not True:
        return ()
    known = () if before is None else before.scopes
    consent = Consent(
        user_id=person.user.user_id,
        client_id=wish.place.client.client_id,
        audience=wish.api.audience,
        scopes=tuple(dict.fromkeys((*known, *_scopes_to_show(wish)))),
        granted_at=int(now),
    )
    event = _record(EventKind.CONSENT_GRANTED, wish, person, carried, now=now)
    return (PutConsent(consent), event)


def _find_person(facts: AuthorizeFacts, *, now: float) -> Person | None:
    browser, user = facts.browser, facts.user
    if browser is None or user is None or not is_live(browser, now=now):
        return None
    return Person(user, browser) if user.status is AccountStatus.ACTIVE else None


def _respond(
    asked: Asked, place: Place, members: Mapping[str, str], policy: IssuePolicy
) -> AuthorizationResponse:
    state = asked.get("state")
    parameters = {**members, **({} if state is None else {"state": state}), "iss": policy.issuer}
    return AuthorizationResponse(place.redirect_uri, response_mode_of(asked), parameters)


def _record(kind: EventKind, wish: Wish, person: Person, carried: Carried, *, now: float) -> Record:
    return Record(
        Event(
            kind,
            now,
            user_id=person.user.user_id,
            client_id=wish.place.client.client_id,
            address=carried.address,
            detail={"audience": wish.api.audience, "scope": " ".join(wish.scopes)},
        )
    )
