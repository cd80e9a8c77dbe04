"""Login: one refusal for everything that is wrong with user and password."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import (
    ACCESS,
    API,
    CONFIDENTIAL,
    CONFIDENTIAL_CLIENT,
    FRESH,
    KEYS,
    NOTES,
    NOW,
    ORDERS,
    POLICY,
    PUBLIC,
    PUBLIC_CLIENT,
    USER,
)

from lingpai_server.accounts.throttle import Throttled
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import (
    Record,
    RefundBucket,
    RequireVersion,
    StartFamily,
    StartSession,
)
from lingpai_server.core.ports import LoginFacts
from lingpai_server.core.records import AccountStatus, Family, Session
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.login import (
    LoginTarget,
    check_login,
    decide_login,
    refuse_throttled,
)
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import (
    ClientAuthMethod,
    ClientProof,
    LoginRequest,
    PresentedClient,
    Sender,
)
from lingpai_server.sessions.refresh_token import PresentedRefreshToken, verify_refresh_token

REQUEST = LoginRequest(PUBLIC, "alice", Secret("p"), address="192.0.2.7")
FACTS = LoginFacts(PUBLIC_CLIENT, USER, API, ACCESS)
LOCKED = replace(USER, status=AccountStatus.LOCKED)


def _decide(
    cmd: LoginRequest = REQUEST, facts: LoginFacts = FACTS, *, password_ok: bool = True
) -> Decision[TokenReply | Refusal]:
    return decide_login(
        cmd, facts, password_ok, POLICY, refresh_keys=KEYS, now=NOW + 0.5, fresh=FRESH
    )


def _answered(decision: Decision[TokenReply | Refusal]) -> TokenReply:
    assert isinstance(decision.reply, TokenReply), decision.reply
    return decision.reply


def _refused(reply: object) -> tuple[ErrorCode, str]:
    assert isinstance(reply, Refusal)
    return reply.code, reply.reason


def _one(decision: Decision[TokenReply | Refusal], kind: type[object]) -> object:
    [found] = [effect for effect in decision.effects if isinstance(effect, kind)]
    return found


def test_a_login_starts_a_session_with_both_deadlines() -> None:
    assert _one(_decide(), StartSession) == StartSession(
        Session(
            session_id="new-session",
            acr="urn:lingpai:acr:password",
            user_id="u-alice",
            client_id="app",
            auth_time=NOW,
            amr=("pwd",),
            idle_deadline=NOW + 1000,
            absolute_deadline=NOW + 5000,
        )
    )


def test_a_login_starts_a_family_under_the_current_key() -> None:
    assert _one(_decide(), StartFamily) == StartFamily(
        Family(
            family_id=b"n" * 16,
            session_id="new-session",
            user_id="u-alice",
            client_id="app",
            audience=ORDERS,
            scopes=("orders:read", "orders:write"),
            generation=0,
            rotated_at=NOW + 0.5,
            idle_deadline=NOW + 1000,
            absolute_deadline=NOW + 5000,
            key_version=KEYS.current,
        )
    )


def test_the_refresh_token_is_the_first_of_that_family() -> None:
    reply = _answered(_decide())
    assert reply.refresh_token is not None
    reading = verify_refresh_token(reply.refresh_token.reveal(), KEYS)
    assert reading == PresentedRefreshToken(KEYS.current, b"n" * 16, 0)
    assert reply.refresh_expires_in_seconds == 5000


def test_the_access_token_is_of_that_session() -> None:
    reply = _answered(_decide())
    claims = reply.access.claims
    assert (claims["sub"], claims["sid"], claims["auth_time"]) == ("u-alice", "new-session", NOW)
    assert (claims["aud"], claims["amr"], claims["jti"]) == (ORDERS, ["pwd"], "new-jti")
    assert reply.expires_in_seconds == 300


def test_a_login_is_lost_when_any_of_its_facts_changed() -> None:
    versions = [e for e in _decide().effects if isinstance(e, RequireVersion)]
    assert versions == [
        RequireVersion("user", "u-alice", 11),
        RequireVersion("client", "app", 12),
        RequireVersion("api", ORDERS, 13),
    ]


def test_a_success_refunds_its_attempt() -> None:
    refunds = [e for e in _decide().effects if isinstance(e, RefundBucket)]
    assert [r.name for r in refunds] == [
        "pair:alice|192.0.2.7",
        "account:alice",
        "address:192.0.2.7",
    ]


def test_a_success_is_recorded() -> None:
    record = _one(_decide(), Record)
    assert isinstance(record, Record)
    event = record.event
    assert (event.kind, event.user_id, event.session_id) == (
        "login.succeeded",
        "u-alice",
        "new-session",
    )


@pytest.mark.parametrize("in_cookie", [True, False])
def test_the_refresh_token_goes_where_it_was_asked_to(in_cookie: bool) -> None:
    assert _answered(_decide(replace(REQUEST, in_cookie=in_cookie))).in_cookie is in_cookie


def test_a_client_without_the_refresh_grant_gets_a_session_and_no_refresh_token() -> None:
    client = replace(PUBLIC_CLIENT, grant_types=())
    decision = _decide(replace(REQUEST, in_cookie=True), replace(FACTS, client=client))
    reply = _answered(decision)
    assert (reply.refresh_token, reply.refresh_expires_in_seconds) == (None, None)
    assert not reply.in_cookie
    assert isinstance(_one(decision, StartSession), StartSession)
    assert not any(isinstance(effect, StartFamily) for effect in decision.effects)


@pytest.mark.parametrize(
    ("facts", "password_ok", "reason"),
    [
        (replace(FACTS, user=None), False, "user_unknown"),
        (replace(FACTS, user=None), True, "user_unknown"),
        (FACTS, False, "password_wrong"),
        (replace(FACTS, user=LOCKED), True, "account_not_active"),
        (replace(FACTS, user=LOCKED), False, "password_wrong"),
    ],
)
def test_a_failed_login_starts_nothing_refunds_nothing_and_is_recorded(
    facts: LoginFacts, password_ok: bool, reason: str
) -> None:
    decision = _decide(facts=facts, password_ok=password_ok)
    assert _refused(decision.reply) == (ErrorCode.INVALID_GRANT, reason)
    [effect] = decision.effects
    assert isinstance(effect, Record)
    assert (effect.event.kind, effect.event.detail) == ("login.failed", {"reason": reason})
    assert effect.event.address == "192.0.2.7"


def test_unknown_user_wrong_password_and_locked_account_look_the_same() -> None:
    replies = [
        _decide(facts=replace(FACTS, user=None), password_ok=False).reply,
        _decide(password_ok=False).reply,
        _decide(facts=replace(FACTS, user=LOCKED)).reply,
    ]
    assert len({replace(r, reason="") for r in replies if isinstance(r, Refusal)}) == 1


def test_the_name_that_was_typed_is_not_recorded() -> None:  # it may be a password
    cmd = replace(REQUEST, username="hunter2-in-the-wrong-field")
    decision = _decide(cmd, replace(FACTS, user=None), password_ok=False)
    assert "hunter2" not in repr(decision)


def _check(cmd: LoginRequest = REQUEST, facts: LoginFacts = FACTS) -> LoginTarget | Refusal:
    return check_login(cmd, facts)


def test_the_check_before_the_hash_passes_whoever_the_user_is() -> None:
    expected = LoginTarget(PUBLIC_CLIENT, API, ("orders:read", "orders:write"))
    for user in (USER, LOCKED, None):
        assert _check(facts=replace(FACTS, user=user)) == expected


def test_an_unknown_client_is_refused() -> None:
    facts = replace(FACTS, client=None)
    assert _refused(_check(facts=facts)) == (ErrorCode.INVALID_CLIENT, "client_unknown")


def test_a_disabled_client_is_refused() -> None:
    facts = replace(FACTS, client=replace(PUBLIC_CLIENT, disabled=True))
    assert _refused(_check(facts=facts)) == (ErrorCode.INVALID_CLIENT, "client_disabled")


def test_a_client_that_is_not_first_party_may_not_take_passwords() -> None:
    facts = replace(FACTS, client=replace(PUBLIC_CLIENT, first_party=False))
    assert _refused(_check(facts=facts))[0] is ErrorCode.UNAUTHORIZED_CLIENT


def test_a_confidential_client_has_to_authenticate() -> None:
    facts = replace(FACTS, client=CONFIDENTIAL_CLIENT)
    bare = replace(REQUEST, client=replace(CONFIDENTIAL, secret=None))
    assert _refused(_check(bare, facts))[0] is ErrorCode.INVALID_CLIENT
    proven = replace(REQUEST, client=CONFIDENTIAL)
    assert isinstance(_check(proven, facts), LoginTarget)


def test_an_api_that_is_not_the_clients_is_no_target() -> None:
    for api in (None, replace(API, audience="https://other.example")):
        assert _refused(_check(facts=replace(FACTS, api=api)))[0] is ErrorCode.INVALID_TARGET


def test_another_api_than_the_one_asked_for_is_never_answered() -> None:
    cmd = replace(REQUEST, resource=NOTES)
    assert _refused(_check(cmd))[0] is ErrorCode.INVALID_TARGET


@pytest.mark.parametrize("scope", ["orders:admin", "notes:read"])
def test_a_scope_beyond_client_or_api_is_refused(scope: str) -> None:
    assert _refused(_check(replace(REQUEST, scopes=(scope,))))[0] is ErrorCode.INVALID_SCOPE


def test_a_narrower_scope_is_the_scope_of_the_family() -> None:
    decision = _decide(replace(REQUEST, scopes=("orders:read",)))
    started = _one(decision, StartFamily)
    assert isinstance(started, StartFamily)
    assert started.family.scopes == _answered(decision).scopes == ("orders:read",)


def test_the_decision_refuses_what_the_check_refuses_and_writes_nothing() -> None:
    facts = replace(FACTS, client=replace(PUBLIC_CLIENT, first_party=False))
    decision = _decide(facts=facts)
    assert decision.reply == _check(facts=facts)
    assert decision.effects == ()


def test_a_throttled_attempt_is_told_when_to_come_back() -> None:
    refusal = refuse_throttled(Throttled(7))
    assert (refusal.code, refusal.retry_after_seconds) == (ErrorCode.SLOW_DOWN, 7)


# who sends it


def test_the_strict_profile_keeps_passwords_to_the_login_page() -> None:  # FAPI 2.0
    strict = ClientSettings(profile=SecurityProfile.FAPI2, auth_method="private_key_jwt")
    client = replace(PUBLIC_CLIENT, settings=strict)
    proof = ClientProof(client.client_id, client.access_version)
    caller = PresentedClient(client.client_id, ClientAuthMethod.PRIVATE_KEY_JWT, proof=proof)
    cmd = replace(REQUEST, client=caller, sender=Sender(jkt="j"))
    refused = check_login(cmd, replace(FACTS, client=client))
    assert _refused(refused) == (ErrorCode.UNAUTHORIZED_CLIENT, "login_not_in_profile")


def test_a_client_registered_for_dpop_logs_in_with_a_proof() -> None:  # RFC 9449 section 5.2
    facts = replace(FACTS, client=replace(PUBLIC_CLIENT, settings=ClientSettings(dpop_bound=True)))
    assert _refused(check_login(REQUEST, facts))[0] is ErrorCode.INVALID_DPOP_PROOF
    proven = replace(REQUEST, sender=Sender(jkt="j"))
    assert isinstance(check_login(proven, facts), LoginTarget)


def test_a_proof_binds_what_the_login_gives() -> None:  # RFC 9449 section 5
    decision = _decide(replace(REQUEST, sender=Sender(jkt="j")))
    assert _answered(decision).access.claims["cnf"] == {"jkt": "j"}
    family = _one(decision, StartFamily)
    assert isinstance(family, StartFamily)
    assert family.family.jkt == "j"
