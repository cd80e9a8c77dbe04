"""authorization_code grant: who may redeem a code, and what a second time costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import ACCESS, API, FRESH, KEYS, NOW, POLICY, PUBLIC, PUBLIC_CLIENT, USER
from tests.support.stores import a_browser, a_code

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import EndSession, RequireVersion, StartFamily, StartSession
from lingpai_server.core.flow_effects import RedeemCode
from lingpai_server.core.flow_records import CodeFacts
from lingpai_server.core.records import AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import Refusal
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import CodeRequest, Sender
from lingpai_server.protocol.token.code import decide_code

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CALLBACK = "https://app.example/callback"
WEB = replace(
    PUBLIC_CLIENT,
    grant_types=("authorization_code", "refresh_token"),
    scopes=("openid", "offline_access", "orders:read"),
)
CODE = a_code(
    client_id=WEB.client_id,
    user_id=USER.user_id,
    audience=API.audience,
    jkt=None,
    authorization_details=None,
    issued_at=int(NOW),
    expires_at=int(NOW) + 60,
    auth_time=int(NOW) - 5,
)
BROWSER = a_browser(
    user_id=USER.user_id,
    auth_time=int(NOW) - 5,
    idle_deadline=int(NOW) + 99,
    absolute_deadline=int(NOW) + 999,
)
FACTS = CodeFacts(CODE, WEB, USER, API, ACCESS, BROWSER)
CMD = CodeRequest(PUBLIC, Secret("lp_ac_x"), CALLBACK, VERIFIER)


def decide(
    cmd: CodeRequest = CMD,
    facts: CodeFacts | None = FACTS,
    client: Client | None = WEB,
    *,
    now: float = NOW,
) -> Decision[TokenReply | Refusal]:
    return decide_code(cmd, client, facts, POLICY, refresh_keys=KEYS, now=now, fresh=FRESH)


def reason(*arguments: Any, **options: Any) -> str:
    """Why it is refused; the client hears the same in every case, and nothing is written."""
    decision = decide(*arguments, **options)
    assert isinstance(decision.reply, Refusal)
    assert decision.effects == ()
    return decision.reply.reason


def with_code(**changes: Any) -> CodeFacts:
    return replace(FACTS, code=replace(CODE, **changes))


def test_a_good_code_starts_a_session_with_its_tokens() -> None:
    decision = decide()
    reply = decision.reply
    assert isinstance(reply, TokenReply)
    assert reply.refresh_token is not None
    assert reply.id_token is not None
    assert reply.id_token.claims["nonce"] == CODE.nonce
    assert reply.access.claims["scope"] == "openid orders:read"
    kinds = [type(effect) for effect in decision.effects]
    assert kinds.count(RequireVersion) == 3
    assert {RedeemCode, StartSession, StartFamily} <= set(kinds)


def test_a_session_ends_with_its_browser_unless_it_is_offline() -> None:
    """OpenID Connect Core section 11."""
    for scopes, deadline_of_browser in (
        (CODE.scopes, True),
        ((*CODE.scopes, "offline_access"), False),
    ):
        effects = decide(facts=with_code(scopes=scopes)).effects
        (started,) = [effect for effect in effects if isinstance(effect, StartSession)]
        assert (started.session.absolute_deadline == BROWSER.absolute_deadline) is (
            deadline_of_browser
        )
        assert started.session.browser_id == BROWSER.browser_id


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (None, "code_unknown"),
        (with_code(client_id="another"), "code_of_another_client"),
        (with_code(expires_at=int(NOW)), "code_expired"),
        (replace(FACTS, user=replace(USER, status=AccountStatus.LOCKED)), "account_not_active"),
        (replace(FACTS, browser=None), "browser_session_ended"),
        (replace(FACTS, browser=replace(BROWSER, ended_at=1)), "browser_session_ended"),
        (with_code(audience="https://gone.example"), "audience_withdrawn"),
    ],
)
def test_a_code_that_buys_nothing(facts: CodeFacts | None, expected: str) -> None:
    assert reason(CMD, facts) == expected


@pytest.mark.parametrize(
    ("verifier", "challenge", "expected"),
    [
        (None, CODE.code_challenge, "code_verifier_missing"),
        (VERIFIER, None, "code_verifier_without_challenge"),
        (VERIFIER[:-1] + "x", CODE.code_challenge, "code_verifier_wrong"),
        (VERIFIER + "\n", CODE.code_challenge, "code_verifier_wrong"),
        (CODE.code_challenge, CODE.code_challenge, "code_verifier_wrong"),  # plain
        ("short", CODE.code_challenge, "code_verifier_wrong"),
        ("x" * 129, CODE.code_challenge, "code_verifier_wrong"),
    ],
)
def test_the_verifier_has_to_be_the_one_that_was_announced(
    verifier: str | None, challenge: str | None, expected: str
) -> None:
    """RFC 7636 section 4.6; RFC 9700 section 4.8.2: a downgrade is an error."""
    cmd = replace(CMD, code_verifier=verifier)
    assert reason(cmd, with_code(code_challenge=challenge)) == expected


def test_the_redirect_has_to_be_the_one_that_was_used() -> None:
    """RFC 6749 section 4.1.3; OAuth 2.1 asks only that it does not differ."""
    assert reason(replace(CMD, redirect_uri=CALLBACK + "x")) == "redirect_uri_differs"
    assert isinstance(decide(replace(CMD, redirect_uri=None)).reply, TokenReply)
    oidc = replace(WEB, settings=ClientSettings(profile=SecurityProfile.OIDC))
    facts = replace(FACTS, client=oidc)
    assert reason(replace(CMD, redirect_uri=None), facts, oidc) == "redirect_uri_differs"
    unsent = replace(facts, code=replace(CODE, redirect_uri=None))
    assert reason(CMD, unsent, oidc) == "redirect_uri_differs"


def test_a_code_that_is_bound_to_a_key_needs_its_proof() -> None:
    """RFC 9449 section 10."""
    facts = with_code(jkt="thumb")
    assert reason(CMD, facts) == "jkt_mismatch"
    assert reason(replace(CMD, sender=Sender(jkt="other")), facts) == "jkt_mismatch"
    bound = decide(replace(CMD, sender=Sender(jkt="thumb")), facts).reply
    assert isinstance(bound, TokenReply)
    assert bound.access.claims["cnf"] == {"jkt": "thumb"}


def test_the_audience_was_chosen_with_the_request() -> None:
    """RFC 8707 section 2.2."""
    reply = decide(replace(CMD, resource="https://other.example")).reply
    assert isinstance(reply, Refusal)
    assert reply.code == "invalid_target"


def test_a_client_without_the_grant_is_told_so() -> None:
    client = replace(WEB, grant_types=("refresh_token",))
    assert reason(CMD, replace(FACTS, client=client), client) == "grant_type_not_registered"


def test_scopes_that_were_taken_away_since_are_not_granted() -> None:
    client = replace(WEB, scopes=("openid",))
    reply = decide(CMD, replace(FACTS, client=client), client).reply
    assert isinstance(reply, TokenReply)
    assert reply.scopes == ("openid",)


REDEEMED = with_code(redeemed_at=int(NOW), session_id="bought")


def test_a_second_time_by_the_rightful_client_ends_what_the_first_one_bought() -> None:
    """RFC 6749 section 4.1.2."""
    decision = decide(CMD, REDEEMED)
    assert isinstance(decision.reply, Refusal)
    assert EndSession("bought", int(NOW), "code_reused") in decision.effects


@pytest.mark.parametrize(
    "cmd",
    [
        replace(CMD, code_verifier="y" * 43),
        replace(CMD, code_verifier=None),
        replace(CMD, redirect_uri=CALLBACK + "x"),
    ],
)
def test_a_second_time_by_anybody_else_changes_nothing(cmd: CodeRequest) -> None:
    """OAuth 2.1 section 4.1.3: a guess must not log people out."""
    reason(cmd, REDEEMED)


def test_a_second_time_by_another_client_changes_nothing() -> None:
    assert reason(CMD, with_code(client_id="another", redeemed_at=1, session_id="bought")) == (
        "code_of_another_client"
    )
