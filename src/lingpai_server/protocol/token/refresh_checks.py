"""What must hold before a refresh token is answered, one small step a rule. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.protocol.client_auth import check_grant_type
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import REFRESH_TOKEN
from lingpai_server.protocol.requests import RefreshRequest
from lingpai_server.protocol.resources import check_same_resource, keeps_audience
from lingpai_server.protocol.sender import check_sender
from lingpai_server.sessions.families import why_over
from lingpai_server.sessions.refresh_token import PresentedRefreshToken


@dataclass(frozen=True, slots=True)
class RefreshCase:
    """An authentic token of a known family, with the client that presents it."""

    cmd: RefreshRequest
    client: Client
    presented: PresentedRefreshToken
    facts: FamilyFacts
    now: float


def check_owner(case: RefreshCase) -> Refusal | None:
    """RFC 6749 section 6: a refresh token is bound to the client that it was issued to."""
    owned = case.facts.family.client_id == case.client.client_id
    return None if owned else refuse_grant("refresh_token_of_another_client")


def check_enabled(case: RefreshCase) -> Refusal | None:
    """A disabled client's sessions are over for its users, not misconfigured."""
    return refuse_grant("client_disabled") if case.client.disabled else None


def check_key_binding(case: RefreshCase) -> Refusal | None:
    """RFC 9449 section 5, RFC 8705 section 4: a bound token without its key is a stolen one."""
    family, sender = case.facts.family, case.cmd.sender
    if family.jkt is not None and family.jkt != sender.jkt:
        return refuse_grant("jkt_mismatch")
    if family.x5t is not None and family.x5t != sender.x5t:
        return refuse_grant("x5t_mismatch")
    return None


def check_alive(case: RefreshCase) -> Refusal | None:
    """Neither revoked, nor logged out, nor past a deadline."""
    reason = why_over(case.facts.family, case.facts.session, now=case.now)
    return None if reason is None else refuse_grant(reason)


def check_registered(case: RefreshCase) -> Refusal | None:
    """The grant has to be among those of the client, today as on the day of the login."""
    return check_grant_type(case.client, REFRESH_TOKEN)


def check_user(case: RefreshCase) -> Refusal | None:
    """A locked account keeps its sessions, and gets nothing from them."""
    active = case.facts.user.status is AccountStatus.ACTIVE
    return None if active else refuse_grant("account_not_active")


def check_audience(case: RefreshCase) -> Refusal | None:
    """What the operator took from the client since the login is gone."""
    kept = keeps_audience(case.client, case.facts.family.audience)
    return None if kept else refuse_grant("audience_withdrawn")


def check_resource(case: RefreshCase) -> Refusal | None:
    """RFC 8707 section 2.2."""
    return check_same_resource(case.cmd.resource, case.facts.family.audience)


def check_constrained(case: RefreshCase) -> Refusal | None:
    """The new access token is bound as its client registered, or there is none."""
    return check_sender(case.client, case.cmd.sender)


# whether the token may be looked at; then comes its standing, so that reuse is seen whatever else
# the request says
TOKEN_STEPS = (check_owner, check_enabled, check_key_binding, check_alive)
# whether the request may be answered; none of these may cost a current token
REQUEST_STEPS = (check_registered, check_constrained, check_user, check_audience, check_resource)


def refuse_grant(reason: str) -> Refusal:
    """One public answer for every private reason: who holds a dead token learns no more of it."""
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The refresh token is not valid, or not any more.",
    )
