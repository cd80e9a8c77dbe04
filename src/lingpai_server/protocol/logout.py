"""POST /logout: ends the session that a refresh token belongs to. No I/O, no clock, no randomness.

To hold the token is enough: who could not log out with it could still use it. Logging out twice,
or with a token that is not one, succeeds, since nothing is left to end.
"""

from __future__ import annotations

from collections.abc import Mapping

from lingpai_server.core.decision import Decision
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.protocol.family_end import LOGOUT, end_family, record
from lingpai_server.protocol.origin_check import check_ambient_request
from lingpai_server.protocol.replies import LoggedOut
from lingpai_server.protocol.requests import Arrival, LogoutRequest
from lingpai_server.sessions.families import is_issued
from lingpai_server.sessions.refresh_token import RefreshTokenProblem


def parse_logout_request(
    parameters: Mapping[str, str], arrival: Arrival, *, issuer: str
) -> LogoutRequest | Refusal:
    """The token from the form, else from the cookie.

    Without one in the form the origin is checked even when no cookie came: the answer clears the
    cookie, and a foreign page must not be able to ask for that either.
    """
    sent = parameters.get("refresh_token")
    if sent is not None:
        return LogoutRequest(Secret(sent), in_cookie=False, address=arrival.address)
    foreign = check_ambient_request(arrival, issuer)
    return foreign or LogoutRequest(arrival.refresh_cookie, in_cookie=True, address=arrival.address)


def decide_logout(
    cmd: LogoutRequest, facts: RefreshTokenFacts | None, *, now: float
) -> Decision[LoggedOut]:
    """Ends the session if there is one. `facts` is None when the request holds no token."""
    reply = LoggedOut(clear_cookie=cmd.in_cookie)
    if facts is None or isinstance(facts.presented, RefreshTokenProblem) or facts.family is None:
        return Decision(reply)
    presented, family = facts.presented, facts.family.family
    if not is_issued(presented, family):
        kind = EventKind.REFRESH_NEVER_ISSUED
        return Decision(reply, (record(kind, family, presented, address=cmd.address, now=now),))
    ended = end_family(facts.family, reason=LOGOUT, now=now)
    if not ended:
        return Decision(reply)
    event = record(EventKind.LOGGED_OUT, family, presented, address=cmd.address, now=now)
    return Decision(reply, (*ended, event))
