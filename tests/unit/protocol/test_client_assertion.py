"""private_key_jwt: RFC 7523 section 3, RFC 10070, RFC 7521 section 4.2."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from tests.support.assertions import CLIENT_ID, assertion
from tests.support.samples import ISSUER
from tests.support.tokens import NOW, private_key, seal

from lingpai.jose.key_set import KeySet
from lingpai_server.core.flow_effects import Spend
from lingpai_server.protocol.client_assertion import (
    ASSERTION_ALGORITHMS,
    UNVERIFIABLE,
    check_assertion,
    read_assertion_subject,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal

KEYS = KeySet([private_key("ES256").public])
TOKEN_URL = f"{ISSUER}/token"


def _check(raw: str, **options: Any) -> Spend | Refusal:
    given: dict[str, Any] = {
        "audiences": (ISSUER,),
        "algorithms": ASSERTION_ALGORITHMS,
        "now": NOW,
    } | options
    keys = given.pop("keys", KEYS)
    return check_assertion(raw, CLIENT_ID, keys, **given)


def _refused(raw: str, reason: str, **options: Any) -> None:
    refusal = _check(raw, **options)
    assert isinstance(refusal, Refusal), refusal
    assert (refusal.code, refusal.reason) == (ErrorCode.INVALID_CLIENT, reason)
    assert refusal.description == "The client is not authenticated."


def test_a_good_assertion_is_to_be_remembered_for_as_long_as_it_lives() -> None:
    digest = sha256(b"signer\x00a-1").digest()
    assert _check(assertion()) == Spend("client_assertion", digest, NOW + 60 + 10 + 1)


@pytest.mark.parametrize("typ", ["client-authentication+jwt", "JWT", "jwt", ...])
def test_the_typ_is_its_own_or_says_nothing(typ: Any) -> None:  # RFC 10070
    assert isinstance(_check(assertion({"typ": typ})), Spend)


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt"])
def test_a_jwt_of_another_kind_is_no_assertion(typ: str) -> None:  # RFC 8725 section 3.11
    _refused(assertion({"typ": typ}), "client_assertion_refused:typ_mismatch")


# the audience


@pytest.mark.parametrize("aud", [ISSUER, [ISSUER]])
def test_the_audience_is_the_issuer_alone(aud: Any) -> None:  # RFC 10070
    assert isinstance(_check(assertion(aud=aud)), Spend)


@pytest.mark.parametrize(
    "aud", [TOKEN_URL, [TOKEN_URL], f"{ISSUER}/", "https://other.example", "", [], ISSUER.upper()]
)
def test_the_token_endpoint_is_no_audience(aud: Any) -> None:  # RFC 10070
    _refused(assertion(aud=aud), "client_assertion_refused:audience_mismatch")


@pytest.mark.parametrize("other", [TOKEN_URL, "https://other.example"])
def test_an_assertion_that_others_could_use_as_well_is_refused(other: str) -> None:  # RFC 10070
    _refused(assertion(aud=[ISSUER, other]), "client_assertion_for_others_too")


def test_an_array_has_one_element() -> None:  # RFC 10070
    _refused(assertion(aud=[ISSUER, ISSUER]), "client_assertion_audience_repeated")


def test_a_lenient_profile_takes_both_names_of_one_server() -> None:
    both = assertion(aud=[ISSUER, TOKEN_URL])
    assert isinstance(_check(both, audiences=(ISSUER, TOKEN_URL)), Spend)


def test_an_audience_without_a_name_is_refused() -> None:
    _refused(assertion(aud=...), "client_assertion_refused:missing_claim")


def test_a_lenient_profile_takes_the_endpoints_url() -> None:
    assert isinstance(_check(assertion(aud=TOKEN_URL), audiences=(ISSUER, TOKEN_URL)), Spend)


def test_even_a_lenient_profile_takes_no_list_with_strangers() -> None:
    raw = assertion(aud=[TOKEN_URL, "https://other.example"])
    _refused(raw, "client_assertion_for_others_too", audiences=(ISSUER, TOKEN_URL))


# who it is of


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("iss", "client_assertion_refused:issuer_mismatch"),
        ("sub", "client_assertion_subject_differs"),
    ],
)
def test_issuer_and_subject_are_the_client(claim: str, reason: str) -> None:  # RFC 7523 section 3
    changed: dict[str, Any] = {claim: "another"}
    _refused(assertion(**changed), reason)


@pytest.mark.parametrize("claim", ["iss", "sub", "exp", "jti"])
def test_what_is_required_has_to_be_there(claim: str) -> None:
    missing: dict[str, Any] = {claim: ...}
    _refused(assertion(**missing), "client_assertion_refused:missing_claim")


@pytest.mark.parametrize("jti", ["", "x" * 513])
def test_an_identifier_is_neither_empty_nor_endless(jti: str) -> None:
    _refused(assertion(jti=jti), "client_assertion_jti_length")


def test_identifiers_of_two_clients_are_kept_apart() -> None:
    one = _check(assertion(jti="x"))
    other = check_assertion(
        assertion(iss="b", sub="b", jti="x"),
        "b",
        KEYS,
        audiences=(ISSUER,),
        algorithms=ASSERTION_ALGORITHMS,
        now=NOW,
    )
    assert isinstance(one, Spend)
    assert isinstance(other, Spend)
    assert one.digest != other.digest


# when


@pytest.mark.parametrize("exp", [NOW - 10, NOW - 3600, 0])
def test_an_expired_assertion_is_refused(exp: int) -> None:
    _refused(assertion(exp=exp), "client_assertion_refused:token_expired")


def test_an_assertion_that_lives_for_long_is_refused() -> None:
    assert isinstance(_check(assertion(exp=NOW + 610)), Spend)
    _refused(assertion(exp=NOW + 611), "client_assertion_lives_too_long")


def test_an_assertion_that_is_not_valid_yet_is_refused() -> None:
    _refused(assertion(nbf=NOW + 11), "client_assertion_refused:token_not_yet_valid")


# keys and algorithms


def test_a_signature_of_another_key_is_refused() -> None:
    raw = assertion({"kid": private_key("ES256").kid}, signer=private_key("ES384"))
    _refused(raw, UNVERIFIABLE)


def test_a_key_that_is_not_known_may_become_known() -> None:
    _refused(assertion({"kid": "another"}), UNVERIFIABLE)
    _refused(assertion(), UNVERIFIABLE, keys=KeySet([]))


def test_an_algorithm_that_the_profile_does_not_allow_is_refused() -> None:  # FAPI 2.0 section 5.4
    pair = private_key("RS256")
    keys = KeySet([pair.public])
    raw = assertion(signer=pair)
    assert isinstance(_check(raw, keys=keys), Spend)
    allowed = {"PS256", "ES256", "Ed25519"}
    _refused(raw, "client_assertion_algorithm_refused", keys=keys, algorithms=allowed)


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256K", "NONE"])
def test_no_assertion_is_unsigned_or_made_with_a_secret(alg: str) -> None:
    assert alg not in ASSERTION_ALGORITHMS
    raw = seal({"alg": alg}, {"sub": CLIENT_ID}, lambda _: b"x")
    _refused(raw, "client_assertion_algorithm_refused")


@pytest.mark.parametrize("raw", ["", ".", "..", "x.y.z", "令牌", "a" * 10_000])
def test_what_is_no_jwt_is_refused(raw: str) -> None:
    assert isinstance(_check(raw), Refusal)
    assert read_assertion_subject(raw) is None


def test_an_assertion_that_is_too_long_is_refused() -> None:
    _refused(assertion(padding="x" * 8192), "client_assertion_refused:token_too_large")


@pytest.mark.parametrize("sub", [..., "", 7, None])
def test_an_assertion_without_a_subject_names_no_client(sub: Any) -> None:  # RFC 7521 section 4.2
    assert read_assertion_subject(assertion(sub=sub)) is None


def test_the_subject_names_the_client() -> None:
    assert read_assertion_subject(assertion()) == CLIENT_ID
