"""sign: what it writes, and what it would regret and does not issue."""

from __future__ import annotations

import json
from collections import UserDict
from typing import Any

import pytest
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    accept,
    claims,
    decode,
    private_key,
    secret_key,
)

from lingpai import ANY_AUDIENCE, NO_TYP, Budget, Key, Policy, errors, sign
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.verify import peek_unverified


def issue(members: Any = None, **options: Any) -> str:
    return sign(
        claims() if members is None else members, secret_key(), **({"typ": "at+jwt"} | options)
    )


def head(raw: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(decode(raw.partition(".")[0]))
    return members


def test_what_was_signed_is_what_is_verified() -> None:
    assert accept(issue()).claims == claims()


def test_the_header_names_algorithm_key_and_kind() -> None:
    key = private_key("ES256")
    assert head(sign({}, key, typ="at+jwt")) == {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}


def test_a_key_without_a_name_adds_none() -> None:
    assert head(issue()) == {"alg": "HS256", "typ": "at+jwt"}


def test_no_typ_leaves_it_out() -> None:
    raw = issue(typ=NO_TYP)
    assert head(raw) == {"alg": "HS256"}
    accept(raw, Policy(issuer=ISSUER, audience=AUDIENCE, typ=NO_TYP))


def test_further_header_members_are_added_and_do_not_stay() -> None:
    assert head(issue(headers={"x": 1}))["x"] == 1
    assert "x" not in head(issue())


def test_the_callers_claims_and_headers_are_left_alone() -> None:
    members, headers = claims(), {"x": 1}
    issue(members, headers=headers)
    assert (members, headers) == (claims(), {"x": 1})


def test_the_claims_may_be_any_mapping() -> None:
    assert accept(issue(UserDict(claims()))).claims == claims()


@pytest.mark.parametrize("typ", ["", None, 1])
def test_a_typ_that_is_no_text_is_not_issued(typ: Any) -> None:
    with pytest.raises(errors.IssueError, match="typ"):
        issue(typ=typ)


def test_only_no_typ_waives_the_typ() -> None:
    with pytest.raises(TypeError, match="NO_TYP"):
        issue(typ=ANY_AUDIENCE)


@pytest.mark.parametrize("alg", ["none", "HS512", "hs256", "", None])
def test_a_header_cannot_name_another_algorithm(alg: Any) -> None:
    with pytest.raises(errors.IssueError):
        issue(headers={"alg": alg})


@pytest.mark.parametrize("name", ["crit", "b64"])
def test_what_a_verifier_must_understand_cannot_be_slipped_in(name: str) -> None:
    with pytest.raises(errors.IssueError, match=name):
        issue(headers={name: ["x"]})


def test_a_public_key_signs_nothing() -> None:
    public: Any = private_key("ES256").public
    with pytest.raises((AttributeError, errors.InvalidKey)):
        sign(claims(), public, typ="at+jwt")


def test_an_encryption_key_signs_nothing() -> None:
    key = Key.generate("ECDH-ES")
    assert isinstance(key, PrivateKey)
    with pytest.raises(errors.InvalidKey, match="does not sign"):
        sign(claims(), key, typ="at+jwt")


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", ["1", True, None, [1], float("nan"), float("inf")], ids=str)
def test_a_time_that_is_no_number_is_not_issued(name: str, value: Any) -> None:
    with pytest.raises(errors.IssueError, match=name):
        issue({name: value})


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_a_time_may_have_a_fraction(name: str) -> None:
    issue({name: NOW + 0.5})


@pytest.mark.parametrize("name", ["iss", "sub", "jti"])
@pytest.mark.parametrize("value", [1, True, None, ["x"]], ids=str)
def test_a_name_that_is_no_text_is_not_issued(name: str, value: Any) -> None:
    with pytest.raises(errors.IssueError, match=name):
        issue({name: value})


@pytest.mark.parametrize("aud", [1, None, [1], [["x"]], {"x": 1}], ids=str)
def test_an_audience_that_is_no_text_is_not_issued(aud: Any) -> None:
    with pytest.raises(errors.IssueError, match="aud"):
        issue({"aud": aud})


@pytest.mark.parametrize("value", [float("nan"), [float("-inf")], {"a": float("inf")}], ids=str)
def test_numbers_that_json_does_not_have_are_not_issued(value: Any) -> None:
    with pytest.raises(errors.IssueError, match="NaN and infinities"):
        issue({"x": value})


@pytest.mark.parametrize(
    "value",
    [object(), ..., 1j, {(1, 2): 3}, {None: 1}],
    ids=["object", "ellipsis", "complex", "tuple name", "null name"],
)
def test_values_that_json_does_not_have_are_the_callers_mistake(value: Any) -> None:
    with pytest.raises(TypeError):
        issue({"x": value})


def test_a_lone_surrogate_is_not_issued() -> None:
    with pytest.raises(errors.IssueError):
        issue({"x": "\ud800"})


def test_claims_that_contain_themselves_are_not_issued() -> None:
    endless: dict[str, Any] = {}
    endless["x"] = endless
    with pytest.raises(errors.IssueError, match="too deep"):
        issue(endless)


def test_claims_deeper_than_a_strict_verifier_reads_are_not_issued() -> None:
    deep: dict[str, Any] = {}
    for _ in range(32):
        deep = {"x": deep}
    with pytest.raises(errors.IssueError, match="deeper than 32"):
        issue(deep)


def test_a_name_that_json_would_write_twice_is_not_issued() -> None:
    with pytest.raises(errors.IssueError, match="repeated"):
        issue({1: "a", "1": "b"})


# --- budgets ------------------------------------------------------------------------------------


def test_a_payload_of_exactly_its_budget_is_issued() -> None:
    payload = {"x": "a" * 92}  # with {"x":""} it makes 100 bytes
    issue(payload, budget=Budget(payload_bytes=100))
    with pytest.raises(errors.BudgetExceeded, match="100 bytes, the budget is 99"):
        issue(payload, budget=Budget(payload_bytes=99))


def test_a_header_over_its_budget_is_not_issued() -> None:
    with pytest.raises(errors.BudgetExceeded, match=r"the header has 10\d\d bytes"):
        issue(headers={"x": "a" * 1024})


def test_a_header_of_exactly_its_budget_is_issued() -> None:
    size = len(decode(issue().partition(".")[0]))
    issue(budget=Budget(header_bytes=size))
    with pytest.raises(errors.BudgetExceeded):
        issue(budget=Budget(header_bytes=size - 1))


def test_the_budget_counts_for_a_prepared_header_too() -> None:
    issue()
    with pytest.raises(errors.BudgetExceeded):
        issue(budget=Budget(header_bytes=10))


def test_the_default_budget_is_four_kilobytes() -> None:
    with pytest.raises(errors.BudgetExceeded, match="4096"):
        issue({"x": "a" * 4096})


# --- peeking ------------------------------------------------------------------------------------


def test_peeking_shows_what_is_claimed_and_verifies_nothing() -> None:
    header, members = peek_unverified(issue({"iss": "anyone"})[:-4] + "AAAA")
    assert (header.alg, members) == ("HS256", {"iss": "anyone"})


@pytest.mark.parametrize("raw", ["", "a.b", "a.b.c", "....", "{}", "a.b.c.d.e", "é.b.c", b"\xff"])
def test_peeking_at_what_is_no_token_is_refused(raw: str | bytes) -> None:
    with pytest.raises(errors.MalformedToken):
        peek_unverified(raw)


def test_peeking_is_bounded() -> None:
    with pytest.raises(errors.TokenTooLarge):
        peek_unverified("a" * 70_000)


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("encrypted", [False, True])
def test_what_nests_deeper_than_a_verifier_reads_is_not_issued(encrypted: bool) -> None:
    options = {"encrypt_to": Key.generate("A128KW")} if encrypted else {}
    with pytest.raises(errors.IssueError, match="nested deeper"):
        issue(claims(x=_nested(40)), **options)


def test_a_name_that_is_written_twice_is_not_issued_in_secret_either() -> None:
    with pytest.raises(errors.IssueError, match="repeated"):
        issue({1: "a", "1": "b"}, encrypt_to=Key.generate("A128KW"))


@pytest.mark.parametrize("members", ["text", 5, [("iss", "x")]])
def test_claims_that_are_no_mapping_are_the_callers_mistake(members: Any) -> None:
    with pytest.raises(TypeError, match="mapping of claims"):
        issue(members)
