"""iss and aud are compared exactly, and turned off by name only (RFC 7519 section 4.1)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import AUDIENCE, ISSUER, accept, token

from lingpai import ANY_AUDIENCE, ANY_ISSUER, NO_TYP, Policy, errors


def policy(**changes: Any) -> Policy:
    return Policy(**({"issuer": ISSUER, "audience": AUDIENCE, "typ": "at+jwt"} | changes))


@pytest.mark.parametrize(
    "iss",
    [
        ISSUER[:-1],
        ISSUER + "/",
        ISSUER.upper(),
        f"{ISSUER}.evil.example",
        "https://evil.example",
        "",
        [ISSUER],
        {ISSUER: 1},
        1,
        True,
    ],
)
def test_another_issuer_is_refused(iss: object) -> None:  # RFC 7519 section 4.1.1: case-sensitive
    with pytest.raises(errors.IssuerMismatch):
        accept(token(iss=iss))


@pytest.mark.parametrize("iss", [..., None])
def test_iss_is_required(iss: object) -> None:
    with pytest.raises(errors.MissingClaim, match="iss"):
        accept(token(iss=iss))


def test_any_issuer_waives_the_comparison_and_not_the_claim() -> None:
    anyone = policy(issuer=ANY_ISSUER)
    assert accept(token(iss="https://other.example"), anyone).issuer == "https://other.example"
    with pytest.raises(errors.MissingClaim, match="iss"):
        accept(token(iss=...), anyone)


def test_the_refusal_names_both_issuers() -> None:
    with pytest.raises(
        errors.IssuerMismatch, match="iss is 'https://a', this policy accepts 'http"
    ):
        accept(token(iss="https://a"))


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["https://other.example", AUDIENCE]])
def test_an_audience_is_named_alone_or_among_others(aud: object) -> None:
    accept(token(aud=aud))


@pytest.mark.parametrize(
    "aud",
    [
        "https://other.example",
        ["https://other.example"],
        [],
        "",
        AUDIENCE[:-1],
        AUDIENCE + "/",
        AUDIENCE.upper(),
        [AUDIENCE.upper()],
    ],
)
def test_another_audience_is_refused(aud: object) -> None:  # RFC 7519 section 4.1.3
    with pytest.raises(errors.AudienceMismatch):
        accept(token(aud=aud))


@pytest.mark.parametrize("aud", [1, True, {AUDIENCE: 1}, [AUDIENCE, 1], [None], [[AUDIENCE]]])
def test_an_audience_is_text_or_several(aud: object) -> None:  # RFC 7519 section 4.1.3
    with pytest.raises(errors.InvalidClaim, match="aud"):
        accept(token(aud=aud))


@pytest.mark.parametrize("aud", [..., None])
def test_aud_is_required(aud: object) -> None:
    with pytest.raises(errors.MissingClaim, match="aud"):
        accept(token(aud=aud))


def test_a_policy_may_accept_several_audiences() -> None:
    several = policy(audience=["https://a.example", AUDIENCE])
    accept(token(), several)
    accept(token(aud="https://a.example"), several)
    with pytest.raises(errors.AudienceMismatch):
        accept(token(aud="https://b.example"), several)


def test_any_audience_accepts_what_is_meant_for_others_and_for_nobody() -> None:
    anyone = policy(audience=ANY_AUDIENCE)
    assert accept(token(aud="https://other.example"), anyone).audience == ("https://other.example",)
    assert accept(token(aud=...), anyone).audience == ()


def test_any_audience_still_asks_for_text() -> None:
    with pytest.raises(errors.InvalidClaim):
        accept(token(aud=[1]), policy(audience=ANY_AUDIENCE))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ""},
        {"issuer": None},
        {"issuer": ANY_AUDIENCE},
        {"audience": ""},
        {"audience": None},
        {"audience": []},
        {"audience": [""]},
        {"audience": [None]},
        {"audience": ANY_ISSUER},
        {"typ": ""},
        {"typ": None},
        {"typ": ANY_AUDIENCE},
        {"status": NO_TYP},
        {"binding": NO_TYP},
    ],
    ids=str,
)
def test_a_policy_that_would_check_nothing_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        policy(**changes)


@pytest.mark.parametrize("left_out", ["issuer", "audience", "typ"])
def test_a_policy_without_issuer_audience_or_typ_cannot_be_built(left_out: str) -> None:
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "at+jwt"}
    del given[left_out]
    with pytest.raises(TypeError, match=left_out):
        Policy(**given)
