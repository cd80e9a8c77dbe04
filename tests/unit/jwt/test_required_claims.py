"""Claims that a policy asks for by name, or by name and value; and the types of the others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import Policy, errors


def requiring(*required: str | tuple[str, str]) -> Policy:
    return Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", required=required)


def test_a_required_claim_that_is_there_passes() -> None:
    accept(token(tenant="t1"), requiring("tenant", "sub"))


@pytest.mark.parametrize("tenant", [..., None])
def test_a_required_claim_that_is_missing_or_null_is_named(tenant: object) -> None:
    with pytest.raises(errors.MissingClaim, match="'tenant'"):
        accept(token(tenant=tenant), requiring("tenant"))


@pytest.mark.parametrize("tenant", ["", 0, False, []])
def test_a_required_claim_may_be_empty(tenant: object) -> None:
    accept(token(tenant=tenant), requiring("tenant"))


def test_a_required_value_that_is_there_passes() -> None:
    accept(token(tenant="t1"), requiring(("tenant", "t1")))


@pytest.mark.parametrize("tenant", ["t2", "T1", "t1 ", ["t1"], None, True, {"t1": 1}])
def test_a_required_value_is_compared_exactly(tenant: object) -> None:
    with pytest.raises(errors.InvalidClaim, match="this policy accepts 't1'"):
        accept(token(tenant=tenant), requiring(("tenant", "t1")))


def test_a_required_value_that_is_missing_is_named() -> None:
    with pytest.raises(errors.MissingClaim, match="'tenant'"):
        accept(token(), requiring(("tenant", "t1")))


@pytest.mark.parametrize("name", ["sub", "jti"])
@pytest.mark.parametrize("value", [1, True, None, ["a"], {}])
def test_sub_and_jti_are_text(name: str, value: Any) -> None:  # RFC 7519 sections 4.1.2 and 4.1.7
    with pytest.raises(errors.InvalidClaim, match="sub and jti"):
        accept(token(**{name: value}))


@pytest.mark.parametrize("name", ["sub", "jti", "client_id", "iat"])
def test_the_generic_profile_does_not_ask_for_more_than_iss_aud_and_exp(name: str) -> None:
    accept(token(**{name: ...}))


@pytest.mark.parametrize("value", ["s1", 1, None])
def test_the_nonce_that_was_sent_must_come_back(value: Any) -> None:  # OpenID Connect Core 3.1.3.7
    with pytest.raises(errors.NonceMismatch):
        accept(token(nonce=value), nonce="s2")


def test_a_nonce_that_was_sent_must_not_be_missing() -> None:
    with pytest.raises(errors.NonceMismatch):
        accept(token(), nonce="s2")


def test_an_empty_nonce_is_a_nonce() -> None:
    with pytest.raises(errors.NonceMismatch):
        accept(token(), nonce="")


def test_the_right_nonce_passes_and_one_that_nobody_sent_is_no_harm() -> None:
    accept(token(nonce="s1"), nonce="s1")
    accept(token(nonce="s1"))


def test_no_message_holds_a_whole_foreign_value() -> None:
    with pytest.raises(errors.IssuerMismatch) as refusal:
        accept(token(iss="https://" + "x" * 5000 + "\n\x1b[31m"))
    assert len(str(refusal.value)) < 250
    assert str(refusal.value).isprintable()
