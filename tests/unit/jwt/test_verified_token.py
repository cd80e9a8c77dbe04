"""What a verified token says: read-only, and absent rather than wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, NOW, accept, token

from lingpai import ANY_AUDIENCE, Policy, VerifiedToken
from lingpai.jwt.profiles import SECURITY_EVENT, Profile


def test_every_claim_has_its_name() -> None:
    found = accept(
        token(
            sid="s-1",
            auth_time=NOW - 5,
            scope="orders:read orders:write",
            roles=["clerk"],
            permissions=["orders:refund"],
        )
    )
    assert (found.subject, found.issuer, found.audience) == ("user-1", ISSUER, (AUDIENCE,))
    assert (found.client_id, found.token_id, found.session_id) == ("client-1", "token-1", "s-1")
    assert (found.expires_at, found.issued_at, found.auth_time) == (NOW + 300, NOW, NOW - 5)
    assert found.scopes == {"orders:read", "orders:write"}
    assert found.roles == {"clerk"}
    assert found.permissions == {"orders:refund"}


def test_what_is_not_there_is_none_or_empty() -> None:
    bare = accept(token(sub=..., jti=..., client_id=..., iat=...))
    assert (bare.subject, bare.token_id, bare.client_id) == (None, None, None)
    assert (bare.session_id, bare.issued_at, bare.auth_time) == (None, None, None)
    assert bare.scopes == bare.roles == bare.permissions == frozenset()


@pytest.mark.parametrize("scope", [1, True, None, ["orders:read"], {"orders:read": 1}], ids=str)
def test_a_scope_that_is_no_text_grants_nothing(scope: object) -> None:
    assert accept(token(scope=scope)).scopes == frozenset()


@pytest.mark.parametrize("value", ["admin", 1, None, {"admin": 1}, ["admin", 1], [["admin"]]])
def test_roles_and_permissions_that_are_no_texts_grant_nothing(value: object) -> None:
    found = accept(token(roles=value, permissions=value))
    assert found.roles == found.permissions == frozenset()


@pytest.mark.parametrize("value", ["5", True, None, [5]], ids=str)
def test_a_login_time_that_is_no_number_is_none(value: object) -> None:
    assert accept(token(auth_time=value)).auth_time is None


def test_azp_stands_in_for_client_id() -> None:  # OpenID Connect Core section 2
    assert accept(token(client_id=..., azp="client-2")).client_id == "client-2"
    assert accept(token(azp="client-2")).client_id == "client-1"


def test_several_audiences_are_all_there() -> None:
    assert accept(token(aud=[AUDIENCE, "https://b.example"])).audience == (
        AUDIENCE,
        "https://b.example",
    )


@pytest.mark.parametrize("aud", [None, 5, True, {"a": 1}, ["a", 1], ""], ids=str)
def test_an_audience_that_was_not_asked_for_may_be_anything_and_names_only_text(aud: Any) -> None:
    anything = Profile("anything", None, (), audience=False)
    policy = Policy(issuer=ISSUER, audience=ANY_AUDIENCE, typ="at+jwt", profile=anything)
    assert accept(token(aud=aud), policy).audience == (("",) if aud == "" else ())


def test_a_kind_without_exp_never_expires_by_itself() -> None:  # RFC 8417 section 2.2
    policy = Policy(issuer=ISSUER, audience=AUDIENCE, typ="secevent+jwt", profile=SECURITY_EVENT)
    raw = token({"typ": "secevent+jwt"}, exp=..., sub=..., events={})
    assert accept(raw, policy).expires_at == math.inf


def test_the_claims_cannot_be_changed() -> None:
    found: Any = accept(token())
    with pytest.raises(TypeError):
        found.claims["sub"] = "admin"


def test_nothing_of_a_token_can_be_set() -> None:
    found: Any = accept(token())
    for name in ("subject", "claims", "expires_at", "header"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(found, name, "x")


def test_a_token_shows_who_and_not_what() -> None:
    shown = repr(accept(token(email="someone@example.org")))
    assert "user-1" in shown
    assert "someone@example.org" not in shown


def test_only_verify_makes_one_that_passes_for_verified() -> None:
    assert type(accept(token())) is VerifiedToken
