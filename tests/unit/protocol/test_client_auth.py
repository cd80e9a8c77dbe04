"""Client authentication: RFC 6749 section 2.3, RFC 7617."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.support.samples import CONFIDENTIAL, CONFIDENTIAL_CLIENT, PUBLIC, PUBLIC_CLIENT

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_auth import (
    authenticate_client,
    check_grant_type,
    identify_client,
    parse_client,
    refuse_unknown_client,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import ClientAuthMethod, PresentedClient


def _basic(credentials: str | bytes) -> str:
    raw = credentials.encode() if isinstance(credentials, str) else credentials
    return "Basic " + base64.b64encode(raw).decode()


def _refused(result: object) -> tuple[ErrorCode, str]:
    assert isinstance(result, Refusal)
    return result.code, result.reason


def test_a_client_id_alone_is_the_method_of_a_public_client() -> None:
    assert parse_client({"client_id": "app"}, None) == PresentedClient("app", ClientAuthMethod.NONE)


def test_id_and_secret_in_the_form_are_client_secret_post() -> None:
    presented = parse_client({"client_id": "app", "client_secret": "s"}, None)
    method = ClientAuthMethod.CLIENT_SECRET_POST
    assert presented == PresentedClient("app", method, Secret("s"))


def test_the_basic_header_is_client_secret_basic() -> None:
    method = ClientAuthMethod.CLIENT_SECRET_BASIC
    assert parse_client({}, _basic("app:s")) == PresentedClient("app", method, Secret("s"))


@pytest.mark.parametrize("scheme", ["basic", "BASIC", "bAsIc"])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:  # RFC 9110 section 11.1
    presented = parse_client({}, _basic("app:s").replace("Basic", scheme))
    assert isinstance(presented, PresentedClient)


def test_id_and_secret_of_the_header_are_form_decoded() -> None:  # RFC 6749 section 2.3.1
    presented = parse_client({}, _basic("a%3Ab+c:s%3A%25+%E4%BB%A4"))
    method = ClientAuthMethod.CLIENT_SECRET_BASIC
    assert presented == PresentedClient("a:b c", method, Secret("s:% 令"))


def test_the_secret_begins_after_the_first_colon() -> None:  # RFC 7617 section 2
    presented = parse_client({}, _basic("app:s:t"))
    assert isinstance(presented, PresentedClient)
    assert presented.secret == Secret("s:t")


def test_an_empty_secret_is_none() -> None:  # RFC 6749 section 2.3.1
    presented = parse_client({}, _basic("app:"))
    assert presented == PresentedClient("app", ClientAuthMethod.CLIENT_SECRET_BASIC, None)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer x",
        "Basic !!!!",
        "Basic YXBwOnM",
        "Basic YXBwOnN=",
        "Basic YXBwOnM==",
        "Basic YXBwOnM=\n",
        "Basic YXBw OnM=",
        "Basic 令牌",
        _basic("app"),
        _basic(":s"),
        _basic("app:%"),
        _basic("app:%zz"),
        _basic(b"app:\xff"),
        _basic("app:a\x00b"),
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    expected = (ErrorCode.INVALID_CLIENT, "authorization_header_malformed")
    assert _refused(parse_client({}, header)) == expected


def test_two_methods_at_once_are_refused() -> None:  # RFC 6749 section 2.3
    result = parse_client({"client_id": "app", "client_secret": "s"}, _basic("app:s"))
    assert _refused(result) == (ErrorCode.INVALID_REQUEST, "two_client_auth_methods")


def test_a_client_id_that_repeats_the_headers_is_allowed() -> None:
    assert isinstance(parse_client({"client_id": "app"}, _basic("app:s")), PresentedClient)


def test_two_clients_at_once_are_refused() -> None:
    result = parse_client({"client_id": "other"}, _basic("app:s"))
    assert _refused(result) == (ErrorCode.INVALID_REQUEST, "two_client_ids")


def test_no_client_at_all_is_refused() -> None:  # RFC 6749 section 5.2
    assert _refused(parse_client({}, None)) == (ErrorCode.INVALID_CLIENT, "client_missing")


def test_the_right_secret_authenticates() -> None:
    assert authenticate_client(CONFIDENTIAL, CONFIDENTIAL_CLIENT) is CONFIDENTIAL_CLIENT


def test_a_public_client_authenticates_by_naming_itself() -> None:
    assert authenticate_client(PUBLIC, PUBLIC_CLIENT) is PUBLIC_CLIENT


@pytest.mark.parametrize("secret", ["", "x", "correct horse battery stapl", "令牌", "a" * 60_000])
def test_a_wrong_secret_is_refused(secret: str) -> None:
    result = authenticate_client(replace(CONFIDENTIAL, secret=Secret(secret)), CONFIDENTIAL_CLIENT)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_secret_wrong")


def test_an_unknown_client_and_a_wrong_secret_look_the_same() -> None:
    wrong = replace(CONFIDENTIAL, secret=Secret("wrong"))
    unknown, known = identify_client(wrong, None), identify_client(wrong, CONFIDENTIAL_CLIENT)
    assert isinstance(unknown, Refusal)
    assert isinstance(known, Refusal)
    assert replace(unknown, reason="") == replace(known, reason="")
    assert refuse_unknown_client(wrong) == unknown


def test_a_confidential_client_without_its_secret_is_refused() -> None:
    result = authenticate_client(replace(CONFIDENTIAL, secret=None), CONFIDENTIAL_CLIENT)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_secret_missing")


def test_a_public_client_with_a_secret_is_refused() -> None:
    result = authenticate_client(replace(PUBLIC, secret=Secret("s")), PUBLIC_CLIENT)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_is_public")


def test_the_digest_that_stands_in_for_none_opens_no_client() -> None:
    zeros = replace(CONFIDENTIAL_CLIENT, secret_sha256=bytes(32))
    assert isinstance(authenticate_client(CONFIDENTIAL, zeros), Refusal)


def test_the_record_of_another_client_proves_nothing() -> None:
    other = replace(CONFIDENTIAL_CLIENT, client_id="other")
    result = authenticate_client(CONFIDENTIAL, other)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_unknown")


def test_a_disabled_client_is_refused_even_with_its_secret() -> None:
    disabled = replace(CONFIDENTIAL_CLIENT, disabled=True)
    result = authenticate_client(CONFIDENTIAL, disabled)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_disabled")
    assert identify_client(CONFIDENTIAL, disabled) is disabled


def test_a_disabled_client_with_a_wrong_secret_is_not_told_that_it_is_disabled() -> None:
    disabled = replace(CONFIDENTIAL_CLIENT, disabled=True)
    wrong = replace(CONFIDENTIAL, secret=Secret("wrong"))
    assert _refused(authenticate_client(wrong, disabled))[1] == "client_secret_wrong"


def test_a_grant_that_was_not_registered_is_refused() -> None:  # RFC 6749 section 5.2
    assert check_grant_type(PUBLIC_CLIENT, "refresh_token") is None
    refusal = check_grant_type(PUBLIC_CLIENT, "client_credentials")
    assert _refused(refusal)[0] is ErrorCode.UNAUTHORIZED_CLIENT


def test_a_presented_secret_never_shows_itself() -> None:
    assert "staple" not in repr(CONFIDENTIAL)
