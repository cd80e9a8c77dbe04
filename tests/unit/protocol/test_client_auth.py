"""Client authentication: RFC 6749 section 2.3, RFC 7617."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.support.assertions import CLIENT_ID, assertion, signing_client
from tests.support.samples import CONFIDENTIAL, CONFIDENTIAL_CLIENT, PUBLIC, PUBLIC_CLIENT

from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_assertion import ASSERTION_TYPE
from lingpai_server.protocol.client_auth import (
    authenticate_client,
    check_grant_type,
    identify_client,
    parse_client,
    refuse_unknown_client,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import ClientAuthMethod, ClientProof, PresentedClient


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


def _asserting(raw: str, **others: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": raw} | others


@pytest.mark.parametrize("others", [{}, {"client_id": CLIENT_ID}])
def test_an_assertion_names_its_client(others: dict[str, str]) -> None:  # RFC 7521 section 4.2
    raw = assertion()
    presented = parse_client(_asserting(raw, **others), None)
    method = ClientAuthMethod.PRIVATE_KEY_JWT
    assert presented == PresentedClient(CLIENT_ID, method, assertion=Secret(raw))


def test_an_assertion_of_another_client_than_the_parameter_names_is_refused() -> None:
    result = parse_client(_asserting(assertion(), client_id="other"), None)
    assert _refused(result) == (ErrorCode.INVALID_REQUEST, "two_client_ids")


@pytest.mark.parametrize(
    "parameters",
    [
        _asserting("not a JWT"),
        _asserting(assertion(), client_assertion_type="urn:other"),
        {"client_assertion": assertion(), "client_id": CLIENT_ID},
        {"client_assertion_type": ASSERTION_TYPE, "client_id": CLIENT_ID},
    ],
)
def test_half_an_assertion_is_not_taken_for_none(parameters: dict[str, str]) -> None:
    assert _refused(parse_client(parameters, None))[0] is ErrorCode.INVALID_CLIENT


@pytest.mark.parametrize(
    ("parameters", "header"),
    [
        (_asserting(assertion(), client_secret="s"), None),
        (_asserting(assertion()), _basic("app:s")),
    ],
)
def test_an_assertion_beside_a_secret_is_refused(
    parameters: dict[str, str], header: str | None
) -> None:
    expected = (ErrorCode.INVALID_REQUEST, "two_client_auth_methods")
    assert _refused(parse_client(parameters, header)) == expected


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


# the method that a client registered


def _registered(client: Client, method: str | None, **settings: object) -> Client:
    values: dict[str, object] = {"auth_method": method} | settings
    return replace(client, settings=ClientSettings(**values))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_client_without_a_registered_method_sends_its_secret_either_way(method: str) -> None:
    presented = replace(CONFIDENTIAL, method=ClientAuthMethod(method))
    assert authenticate_client(presented, CONFIDENTIAL_CLIENT) is CONFIDENTIAL_CLIENT


def test_a_client_that_registered_a_method_uses_exactly_that_one() -> None:
    basic_only = _registered(CONFIDENTIAL_CLIENT, "client_secret_basic")
    result = authenticate_client(CONFIDENTIAL, basic_only)
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_auth_method_not_registered")
    basic = replace(CONFIDENTIAL, method=ClientAuthMethod.CLIENT_SECRET_BASIC)
    assert authenticate_client(basic, basic_only) is basic_only


@pytest.mark.parametrize(
    "method", ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]
)
def test_a_client_with_a_strong_method_is_not_let_in_by_name_or_secret(method: str) -> None:
    strong = _registered(CONFIDENTIAL_CLIENT, method)
    by_name = replace(CONFIDENTIAL, method=ClientAuthMethod.NONE, secret=None)
    for presented in (CONFIDENTIAL, by_name):
        assert isinstance(authenticate_client(presented, strong), Refusal)


def _by_assertion(proof: ClientProof | None) -> PresentedClient:
    method = ClientAuthMethod.PRIVATE_KEY_JWT
    return PresentedClient(CLIENT_ID, method, assertion=Secret(assertion()), proof=proof)


def test_an_assertion_that_nobody_checked_proves_nothing() -> None:
    result = authenticate_client(_by_assertion(None), signing_client())
    assert _refused(result) == (ErrorCode.INVALID_CLIENT, "client_proof_missing")


def test_an_assertion_that_was_checked_authenticates() -> None:
    client = signing_client()
    proof = ClientProof(CLIENT_ID, client.access_version)
    assert authenticate_client(_by_assertion(proof), client) is client


@pytest.mark.parametrize("changed", [ClientProof(CLIENT_ID, 1), ClientProof("another", 14)])
def test_a_proof_is_of_one_client_as_it_is_now(changed: ClientProof) -> None:
    result = authenticate_client(_by_assertion(changed), signing_client())
    assert _refused(result)[1] == "client_proof_missing"


def test_a_client_that_did_not_register_for_assertions_is_not_let_in_by_one() -> None:
    client = replace(CONFIDENTIAL_CLIENT, client_id=CLIENT_ID)
    proof = ClientProof(CLIENT_ID, client.access_version)
    result = authenticate_client(_by_assertion(proof), client)
    assert _refused(result)[1] == "client_auth_method_not_registered"


def test_the_strict_profile_takes_no_secret_and_no_public_client() -> None:  # FAPI 2.0 5.3.2.1
    for presented, client in ((CONFIDENTIAL, CONFIDENTIAL_CLIENT), (PUBLIC, PUBLIC_CLIENT)):
        strict = _registered(client, None, profile=SecurityProfile.FAPI2)
        result = authenticate_client(presented, strict)
        assert _refused(result)[1] == "client_auth_method_not_in_profile"


def test_a_client_with_keys_and_no_secret_is_not_public() -> None:
    assert not signing_client().is_public
    assert _registered(CONFIDENTIAL_CLIENT, "none").is_public


def test_a_grant_that_was_not_registered_is_refused() -> None:  # RFC 6749 section 5.2
    assert check_grant_type(PUBLIC_CLIENT, "refresh_token") is None
    refusal = check_grant_type(PUBLIC_CLIENT, "client_credentials")
    assert _refused(refusal)[0] is ErrorCode.UNAUTHORIZED_CLIENT


def test_a_presented_secret_never_shows_itself() -> None:
    assert "staple" not in repr(CONFIDENTIAL)
