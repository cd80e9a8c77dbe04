"""Basic OP and Form Post OP: a test a module, each run in both response modes.

A test is named after what its module asks. Nothing here sleeps: where a module waits so that time
passes, the test looks at what the passing of time depends on.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import Any

import pytest
from tests.conformance.rp import (
    PASSWORD,
    REDIRECT_URI,
    USERNAME,
    Browser,
    Callback,
    Flow,
    Page,
    pkce,
)

from lingpai import Key
from lingpai.jose import base64url

pytestmark = pytest.mark.process

SCOPE_CLAIMS = {
    "profile": {"name", "family_name", "given_name", "nickname", "preferred_username", "website"},
    "email": {"email", "email_verified"},
    "address": {"address"},
    "phone": {"phone_number", "phone_number_verified"},
}


def refused(flow: Flow, **changes: Any) -> Callback:
    back = flow.go(**changes)
    assert "code" not in back.parameters
    return back


def error_page(flow: Flow, **changes: str | None) -> Page:
    """A page of the issuer's own, which sends nobody anywhere."""
    there = flow.browser.authorize(flow.request(**changes))
    assert isinstance(there, Page)
    assert there.kind == "end"
    assert there.response.status_code == 400
    return there


def test_oidcc_server(flow: Flow) -> None:
    tokens = flow.tokens()
    assert flow.browser.pages[0] == "login"
    assert tokens["scope"].split() == ["openid"]


def test_oidcc_response_type_missing(flow: Flow) -> None:
    assert refused(flow, response_type=None).parameters["error"] == "invalid_request"


def test_oidcc_response_type_unknown(flow: Flow) -> None:
    for response_type in ("token", "id_token", "code id_token", "none"):
        back = refused(flow, response_type=response_type)
        assert back.parameters["error"] == "unsupported_response_type"


def test_oidcc_userinfo_get(flow: Flow) -> None:
    tokens = flow.tokens()
    answer = flow.provider.userinfo(tokens["access_token"])
    assert answer.status_code == 200
    assert answer.json()["sub"] == tokens["claims"]["sub"]


def test_oidcc_userinfo_post_header(flow: Flow) -> None:
    tokens = flow.tokens()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    answer = flow.provider.post("/userinfo", headers=headers)
    assert answer.json()["sub"] == tokens["claims"]["sub"]


def test_oidcc_userinfo_post_body(flow: Flow) -> None:
    tokens = flow.tokens()
    answer = flow.provider.post("/userinfo", data={"access_token": tokens["access_token"]})
    assert answer.json()["sub"] == tokens["claims"]["sub"]


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(flow: Flow) -> None:
    assert "nonce" not in flow.tokens(nonce=None)["claims"]


@pytest.mark.parametrize("scope", sorted(SCOPE_CLAIMS))
def test_oidcc_scope(flow: Flow, scope: str) -> None:
    tokens = flow.tokens(scope=f"openid {scope}")
    told = flow.provider.userinfo(tokens["access_token"]).json()
    assert SCOPE_CLAIMS[scope] <= told.keys()
    others = set().union(*(claims for name, claims in SCOPE_CLAIMS.items() if name != scope))
    assert not others & told.keys()


def test_oidcc_scope_all(flow: Flow) -> None:
    tokens = flow.tokens(scope="openid profile email address phone")
    told = flow.provider.userinfo(tokens["access_token"]).json()
    assert set().union(*SCOPE_CLAIMS.values()) <= told.keys()
    assert isinstance(told["address"], dict)
    assert told["email_verified"] is True


def test_oidcc_ensure_other_scope_order_succeeds(flow: Flow) -> None:
    flow.tokens(scope="email openid")


@pytest.mark.parametrize("display", ["page", "popup"])
def test_oidcc_display(flow: Flow, display: str) -> None:
    flow.tokens(display=display)


def test_oidcc_prompt_login(flow: Flow) -> None:
    first = flow.tokens()
    again = flow.tokens(prompt="login")
    assert flow.browser.logins == 2
    assert again["claims"]["sub"] == first["claims"]["sub"]
    assert again["claims"]["auth_time"] >= first["claims"]["auth_time"]


def test_oidcc_prompt_none_not_logged_in(flow: Flow) -> None:
    assert refused(flow, prompt="none").parameters["error"] == "login_required"
    assert flow.browser.logins == 0


def test_oidcc_prompt_none_logged_in(flow: Flow) -> None:
    first = flow.tokens()
    second = flow.tokens(prompt="none")
    assert flow.browser.logins == 1
    for name in ("sub", "auth_time"):
        assert second["claims"][name] == first["claims"][name]


def test_oidcc_max_age_1(flow: Flow) -> None:
    """The module waits until the login is older than a second; 0 lets none be older."""
    flow.tokens()
    tokens = flow.tokens(max_age="0")
    assert flow.browser.logins == 2
    assert "auth_time" in tokens["claims"]


def test_oidcc_max_age_10000(flow: Flow) -> None:
    first = flow.tokens()
    second = flow.tokens(max_age="10000")
    assert flow.browser.logins == 1
    assert second["claims"]["auth_time"] == first["claims"]["auth_time"]


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(flow: Flow) -> None:
    flow.tokens(extra="foobar")


def test_oidcc_id_token_hint(flow: Flow) -> None:
    first = flow.tokens()
    hinted = flow.tokens(prompt="none", id_token_hint=first["id_token"])
    assert hinted["claims"]["sub"] == first["claims"]["sub"]


def test_oidcc_login_hint(flow: Flow) -> None:
    there = flow.browser.open("/authorize", flow.request(login_hint=USERNAME))
    assert isinstance(there, Page)
    assert any(form.values.get("username") == USERNAME for form in there.forms)
    flow.tokens(login_hint=USERNAME)


def test_oidcc_ui_locales(flow: Flow) -> None:
    there = flow.browser.open("/authorize", flow.request(ui_locales="xx zh-CN"))
    assert isinstance(there, Page)
    assert '<html lang="zh-CN"' in there.response.text
    flow.tokens(ui_locales="se")


def test_oidcc_claims_locales(flow: Flow) -> None:
    flow.tokens(claims_locales="se")


def test_oidcc_ensure_request_with_acr_values_succeeds(flow: Flow) -> None:
    """A preference: the token says what it was."""
    assert flow.tokens(acr_values="1 2")["claims"]["acr"] == "urn:lingpai:acr:password"


def test_oidcc_codereuse(flow: Flow) -> None:
    back = flow.go()
    assert flow.redeem(back).status_code == 200
    again = flow.redeem(back)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_oidcc_codereuse_30seconds(flow: Flow) -> None:
    """What the first redemption bought is revoked by the second; RFC 6749 section 4.1.2. A code is
    remembered for a minute, so that the module's half a minute makes no difference."""
    back = flow.go()
    first = flow.redeem(back).json()
    assert flow.provider.userinfo(first["access_token"]).status_code == 200
    assert flow.redeem(back).status_code == 400
    assert flow.provider.userinfo(first["access_token"]).status_code == 401


def test_oidcc_ensure_registered_redirect_uri(flow: Flow) -> None:
    error_page(flow, redirect_uri=REDIRECT_URI + "x")
    error_page(flow, redirect_uri=REDIRECT_URI + "?a=b")
    error_page(flow, redirect_uri=None)


def test_oidcc_ensure_post_request_succeeds(flow: Flow) -> None:
    first = flow.tokens()
    back = flow.go(posted=True)  # with the session that the browser has
    assert flow.browser.logins == 1
    assert first["claims"]["sub"]
    assert flow.redeem(back).status_code == 200


def test_oidcc_server_client_secret_post(flow: Flow) -> None:
    flow.name = "post"
    back = flow.go()
    answer = flow.provider.token(
        flow.client,
        in_body=True,
        grant_type="authorization_code",
        code=back.code,
        redirect_uri=REDIRECT_URI,
    )
    assert answer.status_code == 200


def test_a_client_uses_the_method_that_it_registered(flow: Flow) -> None:
    flow.name = "post"
    assert flow.redeem(flow.go()).json()["error"] == "invalid_client"


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    flow: Flow,
) -> None:
    header = base64url.encode(b'{"alg":"none"}')
    payload = base64url.encode(json.dumps(flow.request(state="inside")).encode())
    back = refused(flow, request=f"{header}.{payload}.")
    assert back.parameters["error"] == "invalid_request_object"


def test_oidcc_ensure_request_object_with_redirect_uri(flow: Flow) -> None:
    """A redirect URI in an object that cannot be taken is sent to nobody."""
    header = base64url.encode(b'{"alg":"none"}')
    payload = base64url.encode(b'{"redirect_uri":"https://evil.example/"}')
    back = refused(flow, request=f"{header}.{payload}.")
    assert back.uri == REDIRECT_URI


def test_oidcc_request_uri_unsupported(flow: Flow) -> None:
    back = refused(flow, request_uri="https://rp.example/request.jwt")
    assert back.parameters["error"] == "request_uri_not_supported"


def test_oidcc_claims_essential(flow: Flow) -> None:
    claims = {"userinfo": {"name": {"essential": True}}}
    tokens = flow.tokens(claims=json.dumps(claims))
    told = flow.provider.userinfo(tokens["access_token"]).json()
    assert told["name"] == "Ming Li"
    assert "email" not in told


def test_oidcc_refresh_token(flow: Flow) -> None:
    tokens = flow.tokens(scope="openid offline_access", prompt="consent")
    answer = flow.provider.token(
        flow.client, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    members: dict[str, Any] = answer.json()
    claims = flow.check_id_token(members["id_token"], nonce=None)
    for name in ("iss", "sub", "aud", "auth_time"):
        assert claims[name] == tokens["claims"][name]
    assert flow.provider.userinfo(members["access_token"]).status_code == 200


def test_oidcc_refresh_token_of_another_client(flow: Flow) -> None:
    tokens = flow.tokens(scope="openid offline_access", prompt="consent")
    other = flow.provider.clients["post"]
    answer = flow.provider.token(
        other, in_body=True, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert answer.json()["error"] == "invalid_grant"


def test_oidcc_ensure_request_with_valid_pkce_succeeds(flow: Flow) -> None:
    verifier, announced = pkce()
    back = flow.go(**announced)
    assert flow.redeem(back).json()["error"] == "invalid_grant"  # without the verifier
    assert flow.redeem(back, code_verifier=verifier).status_code == 200


def test_a_denied_consent_is_told_to_the_client(flow: Flow) -> None:
    there = flow.browser.open("/authorize", flow.request(prompt="consent"))
    assert isinstance(there, Page)
    there = flow.browser.answer(there)
    assert isinstance(there, Page)
    form = next(form for form in there.forms if form.buttons)
    (deny,) = [{name: value} for name, value in form.buttons if value == "deny"]
    back = flow.browser._submit(there, form, {**form.values, **deny})
    assert isinstance(back, Callback)
    assert back.parameters["error"] == "access_denied"


def test_a_wrong_password_says_nothing_of_the_user(flow: Flow) -> None:
    there = flow.browser.open("/authorize", flow.request())
    assert isinstance(there, Page)
    wrong = flow.browser.answer(there, password=PASSWORD + "x")
    with contextlib.closing(Browser(flow.provider)) as other:
        asked = other.open("/authorize", flow.request())
        assert isinstance(asked, Page)
        unknown = other.answer(asked, username=secrets.token_hex(8))
    assert isinstance(wrong, Page)
    assert isinstance(unknown, Page)
    assert (wrong.kind, wrong.response.status_code) == ("login", unknown.response.status_code)
    assert len(wrong.text.split()) == len(unknown.text.split())


def test_keys_of_another_issuer_make_no_hint(flow: Flow) -> None:
    from lingpai import sign
    from lingpai.jose.keys import PrivateKey

    flow.tokens()
    key = Key.generate("RS256")
    assert isinstance(key, PrivateKey)
    forged = sign({"iss": flow.provider.url, "sub": "x", "aud": "y", "exp": 1}, key, typ="JWT")
    assert refused(flow, prompt="none", id_token_hint=forged).parameters["error"] == (
        "login_required"
    )
