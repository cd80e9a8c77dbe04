"""Whatever comes, a public function answers or raises what its docstring names; nothing else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.jose_keys import key_for
from tests.support.proofs import public_jwk
from tests.support.strategies import (
    ANY_TEXT,
    HEADER_NAMES,
    JSON_OBJECTS,
    JSON_VALUES,
    NUMBERS,
    TOKENS,
    TOKENS_OF_ANY_CLAIMS,
)
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    POLICY,
    claims,
    decode,
    encode,
    part,
    private_key,
    seal,
    secret_key,
)

from lingpai import (
    ANY_AUDIENCE,
    ANY_ISSUER,
    IGNORE_BINDING,
    IGNORE_STATUS,
    NO_TYP,
    KeySet,
    Policy,
    VerifiedToken,
    sign,
    verify,
)
from lingpai.errors import InvalidProof, IssueError, StatusUnchecked, TokenError
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jwt.dpop import check_proof
from lingpai.jwt.http_uri import normalize
from lingpai.jwt.profiles import Profile
from lingpai.jwt.status_list import StatusList, open_status_list, read_reference
from lingpai.jwt.verify import peek_unverified

LAX = Policy(
    issuer=ANY_ISSUER,
    audience=ANY_AUDIENCE,
    typ="at+jwt",
    profile=Profile("anything", None, (), audience=False, expires=False),
    status=IGNORE_STATUS,
    binding=IGNORE_BINDING,
    leeway_seconds=600,
)
MANY = settings(max_examples=150)
AGES = st.none() | st.integers(0, 10**9)


def read_everything(token: VerifiedToken) -> None:
    """No property of a token that verified may raise."""
    for name in VerifiedToken.__dict__:
        if not name.startswith("_"):
            getattr(token, name)
    repr(token)
    token.scopes | token.roles | token.permissions | {*token.audience}


def check_refusal(refusal: TokenError | IssueError) -> None:
    """Every refusal has a code, and a message that is safe to print and to keep."""
    assert refusal.code
    assert str(refusal).isprintable()
    assert len(str(refusal)) < 500


@MANY
@given(raw=TOKENS, jkt=st.none() | st.text(), nonce=st.none() | st.text())
def test_verify_answers_or_refuses(raw: str | bytes, jkt: str | None, nonce: str | None) -> None:
    for policy in (POLICY, LAX):
        try:
            read_everything(verify(raw, secret_key(), policy, now=NOW, jkt=jkt, nonce=nonce))
        except TokenError as refusal:
            check_refusal(refusal)


@MANY
@given(raw=TOKENS_OF_ANY_CLAIMS, now=st.just(NOW) | st.floats(0, 1e12), age=AGES)
def test_verify_answers_at_any_moment(raw: str, now: float, age: int | None) -> None:
    try:
        read_everything(verify(raw, secret_key(), LAX, now=now, max_age_seconds=age))
    except TokenError:
        return


@MANY
@given(raw=TOKENS)
def test_verify_with_other_keys_answers_or_refuses(raw: str | bytes) -> None:
    several = KeySet([private_key("ES256").public, private_key("Ed25519").public])
    for keys in (several, KeySet([]), private_key("RS256").public, key_for("A128KW")):
        try:
            verify(raw, keys, POLICY, now=NOW)
        except TokenError:
            continue


@MANY
@given(raw=TOKENS)
def test_decrypting_answers_or_refuses(raw: str | bytes) -> None:
    for alg in ("A128KW", "A256GCM", "A128GCMKW", "ECDH-ES", "RSA-OAEP-256"):
        try:
            verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=key_for(alg))
        except TokenError:
            continue


@MANY
@given(members=st.dictionaries(HEADER_NAMES, JSON_VALUES, max_size=4))
def test_decrypting_under_any_header_answers_or_refuses(members: dict[str, Any]) -> None:
    """The parts are those of a good token, so that what lies behind the header is reached."""
    for alg in ("A128KW", "A256GCM", "A128GCMKW", "ECDH-ES", "PBES2-HS256+A128KW"):
        key = key_for(alg)
        cheap = {"p2c": 1000} if alg.startswith("PBES2") else {}
        head, *rest = encrypt_compact(b"x", key.public, header=cheap).split(".")
        good = json.loads(decode(head))
        changed = ".".join([encode(part(good | members)), *rest])
        try:
            decrypt_compact(changed, key)
        except TokenError:
            continue


@MANY
@given(inner=TOKENS)
def test_opening_anything_nested_answers_or_refuses(inner: str | bytes) -> None:
    key = key_for("A128KW")
    data = inner.encode("utf-8", "surrogatepass") if isinstance(inner, str) else inner
    raw = encrypt_compact(data, key, header={"cty": "JWT"})
    try:
        verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=key)
    except TokenError:
        return


@MANY
@given(raw=TOKENS)
def test_peeking_answers_or_refuses(raw: str | bytes) -> None:
    try:
        _, members = peek_unverified(raw)
    except TokenError:
        return
    assert isinstance(members, dict)


@MANY
@given(
    members=st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "x", "password"])
        | ANY_TEXT,
        JSON_VALUES | ANY_TEXT | NUMBERS | st.floats(),
        max_size=5,
    ),
    typ=ANY_TEXT,
    headers=st.dictionaries(HEADER_NAMES, JSON_VALUES | ANY_TEXT, max_size=2),
)
def test_sign_issues_what_verifies_or_refuses(
    members: dict[str, Any], typ: str, headers: dict[str, Any]
) -> None:
    key = secret_key()
    try:
        raw = sign(members, key, typ=typ, headers=headers)
    except IssueError as refusal:
        check_refusal(refusal)
        return
    header, found = peek_unverified(raw)
    assert header.alg == "HS256"
    assert found == members


ANY_SETTING = st.one_of(
    st.sampled_from([ISSUER, AUDIENCE, "at+jwt", ANY_ISSUER, ANY_AUDIENCE, NO_TYP, IGNORE_STATUS]),
    JSON_VALUES,
    st.lists(ANY_TEXT, max_size=3),
    st.lists(st.tuples(ANY_TEXT, JSON_VALUES) | st.tuples(ANY_TEXT), max_size=2),
    st.sets(ANY_TEXT, max_size=2),
    st.integers(0, 600),
)


SETTINGS = st.sampled_from(
    (
        *("issuer", "audience", "typ", "profile", "required", "leeway_seconds", "max_age_seconds"),
        *("max_bytes", "status", "binding"),
    )
)


@settings(max_examples=500)
@given(changes=st.dictionaries(SETTINGS, ANY_SETTING, min_size=1, max_size=3))
def test_a_policy_that_can_be_built_can_be_used(changes: dict[str, Any]) -> None:
    given: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "typ": "at+jwt"} | changes
    try:
        policy = Policy(**given)
    except (ValueError, TypeError):
        return
    for raw in (seal({"alg": "HS256", "typ": "at+jwt"}, claims()), "x"):
        try:
            verify(raw, secret_key(), policy, now=NOW)
        except TokenError:
            continue


@MANY
@given(raw=TOKENS)
def test_checking_a_proof_answers_or_refuses(raw: str | bytes) -> None:
    try:
        check_proof(raw, method="GET", url="https://a.example/", now=NOW, access_token="t")
    except InvalidProof:
        return


@MANY
@given(
    members=st.dictionaries(
        st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce", "exp", "nbf", "cnf", "x"]),
        JSON_VALUES,
        max_size=3,
    ),
    jwk=st.dictionaries(
        st.sampled_from(["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid", "x5c"]),
        JSON_VALUES,
        max_size=2,
    ),
)
def test_any_claims_and_any_key_of_a_proof_answer_or_refuse(
    members: dict[str, Any], jwk: dict[str, Any]
) -> None:
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk() | jwk}
    body = {"jti": "p", "htm": "GET", "htu": "https://a.example/", "iat": NOW} | members
    raw = seal(head, json.dumps(body).encode(), private_key("ES256").sign_message)
    try:
        check_proof(raw, method="GET", url="https://a.example/", now=NOW, nonce=["a", "b"])
    except InvalidProof:
        return


@MANY
@given(status=JSON_VALUES)
def test_any_status_claim_is_read_or_refused(status: Any) -> None:
    for claim in (status, {"status_list": status}, {"status_list": {"idx": status, "uri": "u"}}):
        try:
            read_reference({"status": claim})
        except (TokenError, StatusUnchecked):
            continue


@MANY
@given(value=JSON_VALUES, bits=st.sampled_from([1, 2, 4, 8]), data=st.binary(max_size=50))
def test_any_status_list_is_read_or_refused(value: Any, bits: int, data: bytes) -> None:
    for claim in (value, {"bits": bits, "lst": encode(data)}, {"bits": bits, "lst": value}):
        try:
            StatusList.from_claim(claim)
        except TokenError:
            continue


@MANY
@given(raw=TOKENS, ttl=JSON_VALUES)
def test_opening_any_status_list_token_answers_or_refuses(raw: str | bytes, ttl: Any) -> None:
    members = {"iss": ISSUER, "sub": "u", "iat": NOW, "status_list": {"bits": 1, "lst": "x"}}
    payload = json.dumps(members | {"ttl": ttl}).encode()
    for each in (raw, seal({"alg": "HS256", "typ": "statuslist+jwt"}, payload)):
        try:
            open_status_list(each, secret_key(), uri="u", issuer=ISSUER, now=NOW)
        except TokenError:
            continue


@MANY
@given(uri=ANY_TEXT | st.text("htps:/[]@%2eE.-ü0189?#", max_size=20).map("http://".__add__))
def test_a_uri_has_one_normal_form_or_none(uri: str) -> None:
    try:
        normal = normalize(uri)
    except ValueError:
        return
    assert normalize(normal) == normal


@MANY
@given(
    bits=st.sampled_from([1, 2, 4, 8]),
    statuses=st.lists(st.integers(0, 255), max_size=70),
    changes=st.dictionaries(st.integers(0, 69), st.integers(0, 255), max_size=9),
)
def test_a_status_list_holds_what_was_put_in(
    bits: int, statuses: list[int], changes: dict[int, int]
) -> None:
    mask = (1 << bits) - 1
    expected = [status & mask for status in statuses]
    made = StatusList.of(expected, bits=bits)
    fitting = {at: status & mask for at, status in changes.items() if at < len(expected)}
    for at, status in fitting.items():
        expected[at] = status
    read = StatusList.from_claim(made.changed(fitting).to_claim())
    assert [read.lookup(at) for at in range(len(expected))] == expected


@MANY
@given(members=JSON_OBJECTS, headers=JSON_OBJECTS)
def test_any_two_objects_signed_are_verified_or_refused(
    members: dict[str, Any], headers: dict[str, Any]
) -> None:
    raw = seal(json.dumps(headers).encode(), json.dumps(members).encode())
    try:
        verify(raw, secret_key(), LAX, now=NOW)
    except TokenError:
        return
