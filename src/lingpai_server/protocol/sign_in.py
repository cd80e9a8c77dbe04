"""The login page's decision: a password starts a browser session. No I/O, no clock, no randomness.

Every refusal that depends on the user is one and the same, as at POST /login.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.accounts.throttle import names_for, refund_attempt
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record, RequireVersion
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import EndBrowser, RenewBrowser, StartBrowser
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.records import AccountStatus, Event, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.login import PASSWORD_ACR, PASSWORD_AMR, refuse_password
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.sessions.browsers import browser_id_of, is_live
from lingpai_server.sessions.families import absolute_deadline, idle_deadline

REPLACED = "signed_in_as_another"
RENEWED = "signed_in_again"


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """`user` is of the name that was typed; `previous` is the session that the browser had."""

    user: User | None
    previous: BrowserSession | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What the browser is to keep, and the session that it opens."""

    secret: Secret[str]
    browser: BrowserSession


def decide_sign_in(
    username: str,
    facts: SignInFacts,
    password_ok: bool,
    policy: IssuePolicy,
    *,
    secret: Secret[str],
    address: str | None,
    now: float,
) -> Decision[SignedIn | Refusal]:
    """A new browser session in the place of the old one; `secret` is what its cookie will hold.

    A cookie is never taken over from before the login, so that nobody can plant one (ASVS 5.0
    requirement 7.2.4). Of the same user, the clients' sessions go on in the new one: who proves
    once more who they are, as one client asked, is not logged out of the others. `password_ok` is
    about the hash in these very `facts`.
    """
    user = facts.user
    if user is None or not password_ok or user.status is not AccountStatus.ACTIVE:
        return refuse_password(
            user, password_ok=password_ok, client_id=None, address=address, now=now
        )
    browser = _start_browser(user, secret, policy, now=now)
    event = Event(
        EventKind.SIGNED_IN,
        now,
        user_id=user.user_id,
        address=address,
        detail={"acr": browser.acr},
    )
    effects = (
        RequireVersion("user", user.user_id, user.access_version),
        *_put_in_place(browser, facts.previous, now=now),
        *refund_attempt(names_for(username, address)),
        Record(event),
    )
    return Decision(SignedIn(secret, browser), effects)


def _start_browser(
    user: User, secret: Secret[str], policy: IssuePolicy, *, now: float
) -> BrowserSession:
    absolute = absolute_deadline(policy.sessions, auth_time=int(now))
    return BrowserSession(
        browser_id=browser_id_of(secret),
        user_id=user.user_id,
        auth_time=int(now),
        amr=PASSWORD_AMR,
        acr=PASSWORD_ACR,
        idle_deadline=idle_deadline(policy.sessions, absolute, now=now),
        absolute_deadline=absolute,
    )


def _put_in_place(
    browser: BrowserSession, previous: BrowserSession | None, *, now: float
) -> Effects:
    if previous is None or not is_live(previous, now=now):
        return (StartBrowser(browser),)
    if previous.user_id == browser.user_id:
        return (RenewBrowser(previous.browser_id, browser, int(now), RENEWED),)
    return (EndBrowser(previous.browser_id, int(now), REPLACED), StartBrowser(browser))
