"""POST /login: a first-party app exchanges a password for tokens. No I/O, no clock, no randomness.

The order is: parse, `check_login` (what needs no password), count the attempt (accounts/throttle),
hash, `decide_login`. Nothing that depends on the user is answered before the hash is done, and
every refusal that does depend on the user is one and the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.accounts.throttle import Throttled, names_for, refund_attempt
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, Record, StartFamily, StartSession
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.ports import LoginFacts
from lingpai_server.core.records import AccountStatus, Api, Client, Event, Family, Session, User
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.client_auth import authenticate_client
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import (
    REFRESH_TOKEN,
    choose_scopes,
    reply_with,
    require_versions,
)
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import LoginRequest
from lingpai_server.protocol.resources import choose_api
from lingpai_server.protocol.sender import bind_access, bind_family, check_sender
from lingpai_server.protocol.status_slot import choose_slot, slot_of_session
from lingpai_server.sessions.families import FIRST_GENERATION, absolute_deadline, idle_deadline
from lingpai_server.sessions.refresh_token import RefreshKeys, derive_refresh_token

PASSWORD_AMR = ("pwd",)  # RFC 8176 section 2
PASSWORD_ACR = "urn:lingpai:acr:password"  # OpenID Connect Core section 2: one factor, known


@dataclass(frozen=True, slots=True)
class LoginTarget:
    """What the request asks for and may have, whoever the user turns out to be."""

    client: Client
    api: Api
    scopes: tuple[str, ...]


def check_login(cmd: LoginRequest, facts: LoginFacts) -> LoginTarget | Refusal:
    """Everything that can be refused before a password is hashed; says nothing about the user."""
    client = authenticate_client(cmd.client, facts.client)
    if isinstance(client, Refusal):
        return client
    refusal = _check_may_log_in(client) or check_sender(client, cmd.sender)
    if refusal is not None:
        return refusal
    api = choose_api(client, facts.api, cmd.resource)
    if isinstance(api, Refusal):
        return api
    scopes = choose_scopes(client, api, cmd.scopes)
    return scopes if isinstance(scopes, Refusal) else LoginTarget(client, api, scopes)


def decide_login(
    cmd: LoginRequest,
    facts: LoginFacts,
    password_ok: bool,
    policy: IssuePolicy,
    *,
    refresh_keys: RefreshKeys,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """A session with its tokens, or one refusal for all that is wrong with user and password.

    `password_ok` is about the hash in these very `facts`: load anew, verify anew.
    """
    target = check_login(cmd, facts)
    if isinstance(target, Refusal):
        return Decision(target)
    user = facts.user
    if user is None or not password_ok or user.status is not AccountStatus.ACTIVE:
        return refuse_password(
            user,
            password_ok=password_ok,
            client_id=cmd.client.client_id,
            address=cmd.address,
            now=now,
        )
    session = _start_session(user, target, policy, now=now, fresh=fresh)
    family = _start_family(cmd, session, target, refresh_keys, now=now, fresh=fresh)
    slot, taken = choose_slot(
        slot_of_session(session, target.api.audience),
        None,
        fresh,
        held_until=session.absolute_deadline,
        now=now,
    )
    access = build_access_token(
        policy.issuer,
        target.client,
        target.api,
        facts.access,
        session,
        target.scopes,
        slot,
        now=now,
        jti=fresh.jti,
        sender=bind_access(target.client, cmd.sender),
    )
    reply = reply_with(
        access,
        target.scopes,
        family=family,
        refresh_token=None if family is None else _first_token(refresh_keys, family),
        in_cookie=cmd.in_cookie and family is not None,
        now=now,
    )
    started = (StartSession(session), *(() if family is None else (StartFamily(family),)), *taken)
    return Decision(reply, _login_effects(cmd, user, target, session, started, now=now))


def refuse_throttled(throttled: Throttled) -> Refusal:
    """The answer to an attempt that came too soon."""
    return refuse(
        ErrorCode.SLOW_DOWN,
        reason="attempts_throttled",
        description="Too many attempts. Try again later.",
        retry_after_seconds=throttled.retry_after_seconds,
    )


def refuse_password(
    user: User | None, *, password_ok: bool, client_id: str | None, address: str | None, now: float
) -> Decision[Refusal]:
    """The one answer to all that is wrong with user and password; the event knows what it was."""
    if user is None:
        reason = "user_unknown"
    else:
        reason = "account_not_active" if password_ok else "password_wrong"
    # the name that was typed is not recorded: it may be a password in the wrong field
    event = Event(
        EventKind.LOGIN_FAILED,
        now,
        user_id=None if user is None else user.user_id,
        client_id=client_id,
        address=address,
        detail={"reason": reason},
    )
    return Decision(refuse_credentials(reason), (Record(event),))


def refuse_credentials(reason: str) -> Refusal:
    """What a caller hears of wrong credentials, whatever the reason."""
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The username or the password is wrong.",
    )


def _check_may_log_in(client: Client) -> Refusal | None:
    """A strict profile keeps passwords to the login page, whoever made the client."""
    if client.first_party and rules_of(client).login_endpoint_allowed:
        return None
    return refuse(
        ErrorCode.UNAUTHORIZED_CLIENT,
        reason="login_not_in_profile" if client.first_party else "client_not_first_party",
        description="The client may not take passwords.",
    )


def _start_session(
    user: User, target: LoginTarget, policy: IssuePolicy, *, now: float, fresh: Fresh
) -> Session:
    absolute = absolute_deadline(policy.sessions, auth_time=int(now))
    return Session(
        session_id=fresh.session_id,
        user_id=user.user_id,
        client_id=target.client.client_id,
        auth_time=int(now),
        amr=PASSWORD_AMR,
        idle_deadline=idle_deadline(policy.sessions, absolute, now=now),
        absolute_deadline=absolute,
        acr=PASSWORD_ACR,
    )


def _start_family(
    cmd: LoginRequest,
    session: Session,
    target: LoginTarget,
    keys: RefreshKeys,
    *,
    now: float,
    fresh: Fresh,
) -> Family | None:
    """The session's refresh family; None for a client that may not refresh."""
    if REFRESH_TOKEN not in target.client.grant_types:
        return None
    bound = bind_family(target.client, cmd.sender)
    return Family(
        family_id=fresh.family_id,
        session_id=session.session_id,
        user_id=session.user_id,
        client_id=session.client_id,
        audience=target.api.audience,
        scopes=target.scopes,
        generation=FIRST_GENERATION,
        rotated_at=now,
        idle_deadline=session.idle_deadline,
        absolute_deadline=session.absolute_deadline,
        key_version=keys.current,
        jkt=bound.jkt,
        x5t=bound.x5t,
    )


def _first_token(keys: RefreshKeys, family: Family) -> Secret[str]:
    return derive_refresh_token(
        keys,
        version=family.key_version,
        family_id=family.family_id,
        generation=family.generation,
    )


def _login_effects(
    cmd: LoginRequest,
    user: User,
    target: LoginTarget,
    session: Session,
    started: Effects,
    *,
    now: float,
) -> Effects:
    event = Event(
        EventKind.LOGIN_SUCCEEDED,
        now,
        user_id=user.user_id,
        client_id=session.client_id,
        session_id=session.session_id,
        address=cmd.address,
        detail={"audience": target.api.audience},
    )
    return (
        *require_versions(user, target.client, target.api),
        *started,
        *refund_attempt(names_for(cmd.username, cmd.address)),
        Record(event),
    )
