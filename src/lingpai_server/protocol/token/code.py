"""authorization_code grant: RFC 6749 section 4.1.3, PKCE RFC 7636. No I/O, no clock, no randomness.

The code is spent by one compare-and-set in the transaction that starts the session. What is wrong
with the request leaves the code as it is; a second redemption by its rightful client ends what the
first one bought, and anybody else's changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, EndSession, Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import RedeemCode
from lingpai_server.core.flow_records import AuthorizationCode, CodeFacts
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.records import AccountStatus, Client, Event
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import authenticate_client, check_grant_type
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import AUTHORIZATION_CODE, user_scopes_of
from lingpai_server.protocol.openid_scopes import OFFLINE_ACCESS
from lingpai_server.protocol.pipeline import first_refusal
from lingpai_server.protocol.pkce import is_verifier, verifier_matches
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.profiles import rules_of
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import Arrival, CodeRequest, PresentedClient
from lingpai_server.protocol.resources import (
    check_resource_syntax,
    check_same_resource,
    keeps_audience,
)
from lingpai_server.protocol.scopes import narrow_scope
from lingpai_server.protocol.sender import check_sender
from lingpai_server.protocol.token.start import UserGrant, start_grant
from lingpai_server.sessions.refresh_token import RefreshKeys

CODE_REUSED = "code_reused"


def parse_code_request(
    parameters: Mapping[str, str], client: PresentedClient, arrival: Arrival
) -> CodeRequest | Refusal:
    """Section 4.1.3, RFC 7636 section 4.5, RFC 8707 section 2.2."""
    code, resource = parameters.get("code"), parameters.get("resource")
    if code is None:
        return refuse(
            ErrorCode.INVALID_REQUEST,
            reason="code_missing",
            description="The parameter code is missing.",
        )
    malformed = check_resource_syntax(resource)
    if malformed is not None:
        return malformed
    return CodeRequest(
        client=client,
        code=Secret(code),
        redirect_uri=parameters.get("redirect_uri"),
        code_verifier=parameters.get("code_verifier"),
        resource=resource,
        address=arrival.address,
    )


@dataclass(frozen=True, slots=True)
class CodeCase:
    """A code that exists, and the client that presents it."""

    cmd: CodeRequest
    client: Client
    facts: CodeFacts
    now: float

    @property
    def code(self) -> AuthorizationCode:
        """The code as it was issued."""
        return self.facts.code


def check_owner(case: CodeCase) -> Refusal | None:
    """Section 4.1.3: the code is bound to the client that it was issued to."""
    owned = case.code.client_id == case.client.client_id
    return None if owned else _refuse_code("code_of_another_client")


def check_redirect_uri(case: CodeCase) -> Refusal | None:
    """Section 4.1.3 has it repeated where it was sent; OAuth 2.1 needs no more than that it does
    not differ, since PKCE does its work."""
    sent, issued = case.cmd.redirect_uri, case.code.redirect_uri
    must_repeat = issued is not None and not rules_of(case.client).pkce_required
    if sent == issued or (sent is None and not must_repeat):
        return None
    return _refuse_code("redirect_uri_differs")


def check_pkce(case: CodeCase) -> Refusal | None:
    """RFC 7636 section 4.6. A verifier for a code without a challenge is refused, too: somebody
    took the challenge away on its way here (RFC 9700 section 4.8.2)."""
    verifier, challenge = case.cmd.code_verifier, case.code.code_challenge
    if verifier is None and challenge is None:
        return None
    if challenge is None:
        return _refuse_code("code_verifier_without_challenge")
    if verifier is None:
        return _refuse_code("code_verifier_missing")
    if not is_verifier(verifier) or not verifier_matches(verifier, challenge):
        return _refuse_code("code_verifier_wrong")
    return None


def check_key(case: CodeCase) -> Refusal | None:
    """RFC 9449 section 10: a code that was asked for with a key is redeemed with that key."""
    bound = case.code.jkt
    return None if bound in (None, case.cmd.sender.jkt) else _refuse_code("jkt_mismatch")


def check_unexpired(case: CodeCase) -> Refusal | None:
    """Section 4.1.2: codes live shortly."""
    return None if case.now < case.code.expires_at else _refuse_code("code_expired")


def check_alive(case: CodeCase) -> Refusal | None:
    """What ended the browser session or stopped the user, ended this too."""
    browser = case.facts.browser
    if case.facts.user.status is not AccountStatus.ACTIVE:
        return _refuse_code("account_not_active")
    if browser is None or browser.ended_at is not None:
        return _refuse_code("browser_session_ended")
    return None


def check_audience(case: CodeCase) -> Refusal | None:
    """What the operator took from the client since is gone."""
    kept = keeps_audience(case.client, case.code.audience)
    return None if kept else _refuse_code("audience_withdrawn")


def check_resource(case: CodeCase) -> Refusal | None:
    """RFC 8707 section 2.2: the audience was chosen with the authorization request."""
    return check_same_resource(case.cmd.resource, case.code.audience)


# whether the code is this client's to present; only then does a second use mean anything
OWNER_STEPS = (check_owner, check_redirect_uri, check_pkce, check_key)
# whether it still buys something
VALUE_STEPS = (check_unexpired, check_alive, check_audience, check_resource)


def decide_code(
    cmd: CodeRequest,
    client: Client | None,
    facts: CodeFacts | None,
    policy: IssuePolicy,
    *,
    refresh_keys: RefreshKeys,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """A session with its tokens for a code that is good. `client` is the one that the request
    names, `facts` are of the code that it holds."""
    asking = authenticate_client(cmd.client, client)
    if isinstance(asking, Refusal):
        return Decision(asking)
    refusal = check_grant_type(asking, AUTHORIZATION_CODE) or check_sender(asking, cmd.sender)
    if refusal is not None:
        return Decision(refusal)
    if facts is None:
        return Decision(_refuse_code("code_unknown"))
    case = CodeCase(cmd, asking, facts, now)
    refusal = first_refusal(OWNER_STEPS, case)
    if refusal is not None:
        return Decision(refusal)
    if facts.code.redeemed_at is not None:
        return _punish_reuse(case)
    refusal = first_refusal(VALUE_STEPS, case)
    if refusal is not None:
        return Decision(refusal)
    return _redeem(case, policy, refresh_keys=refresh_keys, now=now, fresh=fresh)


def _redeem(
    case: CodeCase, policy: IssuePolicy, *, refresh_keys: RefreshKeys, now: float, fresh: Fresh
) -> Decision[TokenReply | Refusal]:
    code, facts = case.code, case.facts
    # the facts are the newest: what the client may ask for today, of what it was granted
    allowed = user_scopes_of(case.client, facts.api)
    scopes = narrow_scope(None, code.scopes, allowed)
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    grant = UserGrant(
        client=case.client,
        user=facts.user,
        api=facts.api,
        access=facts.access,
        scopes=scopes,
        sender=case.cmd.sender,
        auth_time=code.auth_time,
        amr=code.amr,
        acr=code.acr,
        browser=facts.browser,
        claims=code.claims,
        authorization_details=code.authorization_details,
        nonce=code.nonce,
    )
    started = start_grant(grant, policy, refresh_keys=refresh_keys, now=now, fresh=fresh)
    redeemed = RedeemCode(code.code_sha256, int(now), fresh.session_id)
    event = _record(EventKind.CODE_REDEEMED, case, fresh.session_id, now=now)
    return Decision(started.reply, (redeemed, *started.effects, event))


def _punish_reuse(case: CodeCase) -> Decision[TokenReply | Refusal]:
    """Section 4.1.2: two hold the code, and its client cannot tell which of them was first."""
    session_id = case.code.session_id
    ended: Effects = ()
    if session_id is not None:
        ended = (
            EndSession(session_id, int(case.now), CODE_REUSED),
            _record(EventKind.CODE_REUSED, case, session_id, now=case.now),
        )
    return Decision(_refuse_code(CODE_REUSED), ended)


def _record(kind: EventKind, case: CodeCase, session_id: str, *, now: float) -> Record:
    return Record(
        Event(
            kind,
            now,
            user_id=case.code.user_id,
            client_id=case.client.client_id,
            session_id=session_id,
            address=case.cmd.address,
            detail={
                "audience": case.code.audience,
                "offline": OFFLINE_ACCESS in case.code.scopes,
            },
        )
    )


def _refuse_code(reason: str) -> Refusal:
    """One public answer for every private reason."""
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The authorization code is not valid, or not any more.",
    )
