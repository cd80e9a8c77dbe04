"""The rules that all integrations share, without any of them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

import pytest

from lingpai import errors
from lingpai.integrations.bearer import (
    Bearer,
    Denial,
    authorization_values,
    parse_authorization,
)
from lingpai.testing import FakeIssuer
from lingpai.verifier import Requirement

REFUSALS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.TokenError)
]


@pytest.fixture(scope="module")
def bearer() -> Iterator[Bearer]:
    with FakeIssuer(audience="https://api.test") as issuer:
        yield Bearer(issuer.verifier(lazy=True))


def test_only_authorization_headers_are_looked_at() -> None:
    headers = [(b"cookie", b"a"), (b"authorization", b"b"), (b"proxy-authorization", b"c")]
    assert authorization_values(headers) == [b"b"]


@pytest.mark.parametrize("character", [b" ", b",", b'"', b"\\", b"\x00", b"\x7f", b"\t", b"\r\n"])
def test_no_foreign_character_stands_within_a_token(character: bytes) -> None:
    with pytest.raises(ValueError):
        parse_authorization([b"Bearer a" + character + b"b"])


def test_padding_stands_at_the_end_only() -> None:  # RFC 6750 section 2.1: b64token
    assert parse_authorization([b"Bearer ab=="]) == b"ab=="
    with pytest.raises(ValueError):
        parse_authorization([b"Bearer a=b"])


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_has_a_response(bearer: Bearer, kind: type[errors.TokenError]) -> None:
    denial = bearer.deny(kind("a sentence"))
    assert denial.reason == kind.code
    if issubclass(kind, errors.AuthorizationError):
        assert denial.status in (401, 403)
    elif issubclass(kind, (errors.KeysUnavailable, errors.StatusUnavailable)):
        assert denial.status == 503
    else:
        assert denial.status == 401


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_sentence_stays_with_the_service(bearer: Bearer, kind: type[errors.TokenError]) -> None:
    denial = bearer.deny(kind("sub is 'ming'"))
    assert denial.detail == "sub is 'ming'"
    assert "ming" not in str(denial.headers()) + denial.body().decode()


def test_a_weak_login_is_told_as_rfc_9470_says(bearer: Bearer) -> None:
    denial = bearer.deny(errors.InsufficientAuthentication("too long ago"))
    assert (denial.status, denial.error) == (401, "insufficient_user_authentication")


def test_the_realm_is_the_audience_unless_told_otherwise(bearer: Bearer) -> None:
    assert bearer.deny_missing().challenge == 'Bearer realm="https://api.test"'


@pytest.mark.parametrize("realm", ['a"b', "a\\b", "a\r\nSet-Cookie: x", "é", "\x00"])
def test_a_realm_cannot_break_out_of_its_quotes(bearer: Bearer, realm: str) -> None:
    with pytest.raises(ValueError):
        Bearer(bearer.verifier, realm=realm)


def test_scopes_in_a_challenge_are_sorted_and_quoted(bearer: Bearer) -> None:
    denial = bearer.deny(errors.InsufficientScope("x"), Requirement.of(scopes=["b", "a"]))
    assert denial.challenge is not None
    assert denial.challenge.endswith('scope="a b"')


def test_the_body_is_json_with_the_code() -> None:
    denial = Denial(401, "invalid_token", "token_expired")
    assert json.loads(denial.body()) == {
        "error": "invalid_token",
        "error_description": "token_expired",
    }


def test_a_denial_for_want_of_a_token_has_no_error_code(bearer: Bearer) -> None:
    assert "error" not in json.loads(bearer.deny_missing().body())  # RFC 6750 section 3.1
