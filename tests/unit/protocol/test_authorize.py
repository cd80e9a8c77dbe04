"""The authorization endpoint: who is answered, what is refused, when a person is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import API, KEYS, NOW, ORDERS, POLICY
from tests.support.stores import a_browser, a_client, a_pushed_request, a_user

from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effect, RequireVersion
from lingpai_server.core.flow_effects import PutConsent, SlideBrowser, StoreCode, UsePushed
from lingpai_server.core.flow_records import AuthorizeFacts, Consent
from lingpai_server.core.records import Access, AccountStatus, Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.authorize.decide import Carried, decide_authorize
from lingpai_server.protocol.authorize.outcomes import (
    AuthorizationResponse,
    AuthorizeOutcome,
    NeedsConsent,
    NeedsLogin,
    PageRefusal,
)
from lingpai_server.protocol.authorize.request import Asked
from lingpai_server.protocol.redirects import host_of, is_registered

assert KEYS  # the samples' keys are made once for all
CALLBACK = "https://app.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B
GOOD = {
    "client_id": "web",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid orders:read",
    "state": "af0ifjsldkj",
    "nonce": "n-0S6_WzA2Mj",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
SETTINGS = ClientSettings(redirect_uris=(CALLBACK,))
WEB = a_client(
    "web",
    first_party=False,
    grant_types=("authorization_code",),
    scopes=("openid", "profile", "offline_access", "orders:read"),
    settings=SETTINGS,
)
USER = a_user("ming")
BROWSER = a_browser(auth_time=int(NOW) - 100, idle_deadline=int(NOW) + 99)
AGREED = Consent(USER.user_id, "web", ORDERS, ("openid", "orders:read"), int(NOW))
FACTS = AuthorizeFacts(WEB, API, BROWSER, USER, Access(), AGREED)
CARRIED = Carried(ticket="sealed", code=Secret("lp_ac_code"))


def with_settings(client: Client = WEB, **settings: Any) -> Client:
    return replace(client, settings=replace(client.settings, **settings))


def profile(which: SecurityProfile) -> Client:
    return with_settings(profile=which)


def decide(
    facts: AuthorizeFacts = FACTS,
    *,
    carried: Carried = CARRIED,
    returning: bool = False,
    asked: Asked | None = None,
    **changes: Any,
) -> Decision[AuthorizeOutcome]:
    """The good request with some parameters changed; None leaves one out."""
    parameters = {name: value for name, value in (GOOD | changes).items() if value is not None}
    request = asked or Asked(parameters, at=int(NOW), returning=returning)
    return decide_authorize(request, facts, carried, POLICY, now=NOW)


def answer(*arguments: Any, **changes: Any) -> AuthorizationResponse:
    """What goes back to the client; `state` and `iss` have to be in it (RFC 9207 section 2)."""
    reply = decide(*arguments, **changes).reply
    assert isinstance(reply, AuthorizationResponse), reply
    assert reply.parameters["iss"] == POLICY.issuer
    assert reply.parameters.get("state") == ({**GOOD, **changes})["state"]
    return reply


def error(*arguments: Any, **changes: Any) -> str:
    """The error that goes back to the client."""
    reply = answer(*arguments, **changes)
    assert "code" not in reply.parameters
    return reply.parameters["error"]


def stored(effects: tuple[Effect, ...]) -> StoreCode:
    (code,) = [effect for effect in effects if isinstance(effect, StoreCode)]
    return code


# --- whom to answer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        (replace(FACTS, client=None), {}),
        (replace(FACTS, client=replace(WEB, disabled=True)), {}),
        (FACTS, {"client_id": "another"}),
        (FACTS, {"redirect_uri": CALLBACK + "/"}),
        (FACTS, {"redirect_uri": CALLBACK + "?a=b"}),
        (FACTS, {"redirect_uri": CALLBACK + "#x"}),
        (FACTS, {"redirect_uri": CALLBACK.upper()}),
        (FACTS, {"redirect_uri": "https://app.example.evil.example/callback"}),
        (FACTS, {"redirect_uri": "//app.example/callback"}),
        (
            replace(FACTS, client=with_settings(profile=SecurityProfile.OIDC)),
            {"redirect_uri": None},
        ),
        (replace(FACTS, client=with_settings(redirect_uris=())), {"redirect_uri": None}),
        (
            replace(FACTS, client=with_settings(redirect_uris=(CALLBACK, CALLBACK + "2"))),
            {"redirect_uri": None},
        ),
    ],
)
def test_nobody_is_sent_anywhere_before_client_and_redirect_are_known(
    facts: AuthorizeFacts, changes: dict[str, Any]
) -> None:
    """RFC 6749 section 4.1.2.1, RFC 9700 section 4.1.3; whatever else is wrong."""
    for more in ({}, {"response_type": "token", "prompt": "none"}):
        decision = decide(facts, **{**changes, **more})
        assert isinstance(decision.reply, PageRefusal)
        assert decision.effects == ()


def test_a_redirect_may_be_left_out_where_one_is_registered() -> None:
    """RFC 6749 section 3.1.2.3; the code then remembers that none was sent."""
    decision = decide(redirect_uri=None)
    assert isinstance(decision.reply, AuthorizationResponse)
    assert decision.reply.redirect_uri == CALLBACK
    assert stored(decision.effects).code.redirect_uri is None


@pytest.mark.parametrize(
    ("registered", "given", "fits"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True),
        ("http://127.0.0.1:80/cb", "http://127.0.0.1:1/cb", True),
        ("http://[::1]/cb", "http://[::1]:61023/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x=1", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb#x", False),
        ("http://127.0.0.1/cb", "http://[::1]:51004/cb", False),
        ("http://localhost/cb", "http://localhost:51004/cb", False),
        ("https://127.0.0.1/cb", "https://127.0.0.1:51004/cb", False),
        ("https://app.example/cb", "https://app.example:444/cb", False),
        ("com.example.app:/cb", "com.example.app:/cb", True),
        ("com.example.app:/cb", "com.example.app:/cb2", False),
        ("https://app.example/*", "https://app.example/x", False),
    ],
)
def test_a_redirect_is_matched_to_the_letter_but_for_a_loopback_port(
    registered: str, given: str, fits: bool
) -> None:
    """RFC 8252 section 7.3."""
    assert is_registered(given, [registered]) is fits


def test_a_person_is_told_the_host() -> None:
    assert host_of(CALLBACK) == "app.example"
    assert host_of("com.example.app:/cb") == "com.example.app"


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "guess"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"display": "hologram"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": 'open"id'}, "invalid_scope"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"resource": "relative"}, "invalid_target"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"x"}]'}, "invalid_authorization_details"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"nonce": "n" * 2000}, "invalid_request"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_to_the_client(changes: dict[str, Any], code: str) -> None:
    assert error(**changes) == code


def test_a_client_without_the_grant_gets_no_code() -> None:
    facts = replace(FACTS, client=replace(WEB, grant_types=("refresh_token",)))
    assert error(facts) == "unauthorized_client"


def test_an_unknown_mode_is_answered_by_query() -> None:
    assert answer(response_mode="fragment").response_mode == "query"
    assert answer(response_mode="form_post", response_type="x").response_mode == "form_post"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},  # which would mean plain
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE[:-1] + "="},
        {"code_challenge": CHALLENGE[:-1] + "N"},  # another spelling of the same bytes
    ],
    ids=str,
)
def test_pkce_is_s256_and_well_formed(changes: dict[str, Any]) -> None:
    """RFC 7636 section 4.4.1, OAuth 2.1 section 4.1.1."""
    assert error(**changes) == "invalid_request"


def test_the_oidc_profile_does_without_pkce_but_not_with_half_of_it() -> None:
    facts = replace(FACTS, client=profile(SecurityProfile.OIDC))
    assert "code" in answer(facts, code_challenge=None, code_challenge_method=None).parameters
    assert error(facts, code_challenge=None) == "invalid_request"
    assert error(facts, code_challenge_method="plain") == "invalid_request"


@pytest.mark.parametrize(
    "client", [with_settings(require_par=True), profile(SecurityProfile.FAPI2)]
)
def test_who_has_to_push_is_not_heard_otherwise(client: Client) -> None:
    """RFC 9126 section 5."""
    facts = replace(FACTS, client=client)
    assert error(facts) == "invalid_request"
    pushed = a_pushed_request(client_id="web", expires_at=int(NOW) + 1)
    asked = Asked(GOOD, at=int(NOW), pushed=pushed)
    assert "code" in answer(facts, asked=asked).parameters


def test_who_has_to_sign_is_not_heard_otherwise() -> None:
    """RFC 9101 section 10.5."""
    facts = replace(FACTS, client=with_settings(require_signed_request=True))
    assert error(facts) == "invalid_request"
    assert "code" in answer(facts, asked=Asked(GOOD, int(NOW), signed=True)).parameters


@pytest.mark.parametrize("changes", [{"used_at": int(NOW)}, {"expires_at": int(NOW)}])
def test_a_pushed_request_that_is_over_is_told_to_the_person(changes: dict[str, Any]) -> None:
    pushed = a_pushed_request(client_id="web", **changes)
    decision = decide(asked=Asked(GOOD, at=int(NOW), pushed=pushed))
    assert isinstance(decision.reply, PageRefusal)
    assert decision.reply.refusal.code == "invalid_request_uri"


# --- who logs in ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, browser=None, user=None),
        replace(FACTS, browser=replace(BROWSER, ended_at=1)),
        replace(FACTS, browser=replace(BROWSER, idle_deadline=int(NOW))),
        replace(FACTS, browser=replace(BROWSER, absolute_deadline=int(NOW))),
        replace(FACTS, user=replace(USER, status=AccountStatus.LOCKED)),
    ],
)
def test_without_a_live_login_somebody_logs_in(facts: AuthorizeFacts) -> None:
    assert isinstance(decide(facts).reply, NeedsLogin)
    assert error(facts, prompt="none") == "login_required"


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "99"}, {"max_age": "0"}],
)
def test_a_login_that_is_asked_for_anew_has_to_come_after_the_request(
    changes: dict[str, Any],
) -> None:
    """OpenID Connect Core section 3.1.2.3."""
    first = decide(**changes).reply
    assert isinstance(first, NeedsLogin)
    assert first.again
    assert isinstance(decide(returning=True, **changes).reply, NeedsLogin)
    again = replace(FACTS, browser=replace(BROWSER, auth_time=int(NOW)))
    assert isinstance(decide(again, returning=True, **changes).reply, AuthorizationResponse)


def test_a_fresh_login_does_not_stand_for_one_that_is_asked_for() -> None:
    """The same second is not after: only a request that was at our page can have been answered."""
    fresh = replace(FACTS, browser=replace(BROWSER, auth_time=int(NOW)))
    assert isinstance(decide(fresh, prompt="login").reply, NeedsLogin)


def test_a_login_within_max_age_will_do() -> None:
    assert "code" in answer(max_age="100").parameters
    facts = replace(FACTS, client=with_settings(default_max_age_seconds=99))
    assert isinstance(decide(facts).reply, NeedsLogin)
    assert "code" in answer(facts, max_age="100").parameters


def test_a_hint_at_another_user_asks_for_a_login_and_takes_no_other() -> None:
    carried = replace(CARRIED, hinted_user_id="somebody else")
    assert isinstance(decide(carried=carried).reply, NeedsLogin)
    assert error(carried=carried, prompt="none") == "login_required"
    since = replace(FACTS, browser=replace(BROWSER, auth_time=int(NOW)))
    assert error(since, carried=carried, returning=True) == "login_required"
    same = replace(CARRIED, hinted_user_id=USER.user_id)
    assert "code" in answer(carried=same).parameters


def test_an_essential_acr_that_nobody_reaches_is_told() -> None:
    """OpenID Connect Unmet Authentication Requirements 1.0."""
    claims = '{"id_token":{"acr":{"essential":true,"values":["urn:mace:gold"]}}}'
    assert error(claims=claims) == "unmet_authentication_requirements"
    reached = claims.replace("urn:mace:gold", BROWSER.acr)
    assert "code" in answer(claims=reached).parameters
    assert "code" in answer(acr_values="urn:mace:gold").parameters


# --- who agrees -------------------------------------------------------------------------------


def test_a_third_party_asks_for_consent_once_for_each_scope() -> None:
    asked = decide(replace(FACTS, consent=None)).reply
    assert isinstance(asked, NeedsConsent)
    assert asked.scopes == ("openid", "orders:read")
    assert asked.redirect_host == "app.example"
    assert isinstance(decide(scope="openid profile orders:read").reply, NeedsConsent)
    assert error(replace(FACTS, consent=None), prompt="none") == "consent_required"
    assert isinstance(decide(prompt="consent").reply, NeedsConsent)


def test_claims_asked_for_by_name_are_consented_to_as_their_scope() -> None:
    asked = decide(claims='{"userinfo":{"name":null}}').reply
    assert isinstance(asked, NeedsConsent)
    assert set(asked.scopes) == {"openid", "orders:read", "profile"}


def test_a_first_party_client_is_asked_only_if_it_wants_to_be() -> None:
    facts = replace(FACTS, client=replace(WEB, first_party=True), consent=None)
    assert "code" in answer(facts).parameters
    assert isinstance(decide(facts, prompt="consent").reply, NeedsConsent)


def test_details_are_agreed_to_each_time() -> None:
    api = replace(API, settings=ApiSettings(details_types=("order",)))
    asked = decide(replace(FACTS, api=api), authorization_details='[{"type":"order"}]').reply
    assert isinstance(asked, NeedsConsent)
    assert asked.details == '[{"type":"order"}]'


def test_a_yes_is_remembered_beside_what_was_known() -> None:
    carried = replace(CARRIED, allowed=True)
    known = replace(AGREED, scopes=("profile",))
    decision = decide(replace(FACTS, consent=known), carried=carried)
    (put,) = [effect for effect in decision.effects if isinstance(effect, PutConsent)]
    assert set(put.consent.scopes) == {"profile", "openid", "orders:read"}


def test_a_no_goes_back_to_the_client_and_is_not_remembered() -> None:
    carried = replace(CARRIED, allowed=False)
    assert error(replace(FACTS, consent=None), carried=carried) == "access_denied"
    effects = decide(replace(FACTS, consent=None), carried=carried).effects
    assert not any(isinstance(effect, PutConsent | StoreCode) for effect in effects)


def test_a_yes_does_not_stand_for_a_login() -> None:
    carried = replace(CARRIED, allowed=True)
    assert isinstance(decide(replace(FACTS, browser=None), carried=carried).reply, NeedsLogin)


# --- the code ---------------------------------------------------------------------------------


def test_a_code_holds_what_was_granted_and_nothing_opens_it_in_the_store() -> None:
    decision = decide(dpop_jkt="k" * 43)
    code = stored(decision.effects).code
    assert isinstance(decision.reply, AuthorizationResponse)
    assert decision.reply.parameters["code"] == "lp_ac_code"
    assert b"lp_ac_code" not in code.code_sha256
    assert (code.client_id, code.user_id, code.audience) == ("web", USER.user_id, ORDERS)
    assert code.scopes == ("openid", "orders:read")
    assert (code.redirect_uri, code.nonce) == (CALLBACK, GOOD["nonce"])
    assert (code.code_challenge, code.jkt) == (CHALLENGE, "k" * 43)
    assert code.auth_time == BROWSER.auth_time
    assert code.expires_at == int(NOW) + 60


def test_a_code_is_lost_if_anything_changed_meanwhile() -> None:
    """Status, credentials and permissions of all three; the browser session is the store's."""
    effects = decide().effects
    kinds = {effect.kind for effect in effects if isinstance(effect, RequireVersion)}
    assert kinds == {"user", "client", "api"}
    assert any(isinstance(effect, SlideBrowser) for effect in effects)


def test_a_pushed_request_is_used_up_by_its_code() -> None:
    pushed = a_pushed_request(client_id="web", expires_at=int(NOW) + 1)
    decision = decide(asked=Asked(GOOD, at=int(NOW), pushed=pushed))
    assert UsePushed(pushed.request_sha256, int(NOW)) in decision.effects
    assert stored(decision.effects).code.jkt == pushed.jkt
