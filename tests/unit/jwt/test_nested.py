"""Signed, then encrypted (RFC 7519 section 5.2, RFC 8725 section 3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    POLICY,
    claims,
    encode,
    part,
    private_key,
    secret_key,
    token,
)

from lingpai import NO_TYP, Key, KeySet, Policy, PrivateKey, errors, sign
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jwt.verify import verify

CONTENT_KEY = Key.from_secret(bytes(range(16)), alg="A128KW")


def nest(inner: str | bytes, key: Any = CONTENT_KEY, **header: Any) -> str:
    data = inner.encode() if isinstance(inner, str) else inner
    return encrypt_compact(data, key, header={"cty": "JWT"} | header)


def open_nested(raw: str, key: Any = CONTENT_KEY, **options: Any) -> Any:
    return verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=key, **options)


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES+A128KW"])
def test_a_token_is_signed_then_encrypted_and_opened_again(alg: str) -> None:
    recipient, issuer = private_key(alg), private_key("ES256")
    raw = sign(claims(), issuer, typ="at+jwt", encrypt_to=recipient.public)
    assert raw.count(".") == 4
    opened = verify(raw, issuer.public, POLICY, now=NOW, decrypt_with=recipient)
    assert opened.claims == claims()
    assert opened.header.alg == "ES256"


def test_the_claims_cannot_be_read_without_the_key() -> None:
    raw = sign(claims(), secret_key(), typ="at+jwt", encrypt_to=CONTENT_KEY)
    assert encode(b"user-1")[:7] not in raw


def test_the_outer_header_says_what_is_inside() -> None:  # RFC 7519 section 5.2
    raw = sign(claims(), secret_key(), typ="at+jwt", encrypt_to=CONTENT_KEY)
    header, inner = decrypt_compact(raw, CONTENT_KEY)
    assert (header.cty, header.typ) == ("jwt", "at+jwt")
    assert inner.count(b".") == 2


def test_the_content_encryption_may_be_chosen() -> None:
    raw = sign(claims(), secret_key(), typ="x", encrypt_to=CONTENT_KEY, enc="A128CBC-HS256")
    assert decrypt_compact(raw, CONTENT_KEY)[0].enc == "A128CBC-HS256"


def test_a_typ_that_is_waived_inside_is_absent_outside() -> None:
    raw = sign(claims(), secret_key(), typ=NO_TYP, encrypt_to=CONTENT_KEY)
    assert decrypt_compact(raw, CONTENT_KEY)[0].typ is None
    policy = Policy(issuer=ISSUER, audience=AUDIENCE, typ=NO_TYP)
    verify(raw, secret_key(), policy, now=NOW, decrypt_with=CONTENT_KEY)


def test_a_bare_signed_token_is_refused_where_a_nested_one_is_asked_for() -> None:
    with pytest.raises(errors.UnexpectedKind):
        open_nested(token())


def test_a_nested_token_is_refused_where_a_signed_one_is_asked_for() -> None:
    with pytest.raises(errors.UnexpectedKind, match="JWE"):
        verify(nest(token()), secret_key(), POLICY, now=NOW)


@pytest.mark.parametrize("cty", ["JSON", "application/json", "jwt+x", ""])
def test_content_that_is_not_marked_as_a_token_is_refused(cty: str) -> None:
    with pytest.raises(errors.UnexpectedKind, match="cty"):
        open_nested(nest(token(), cty=cty))


def test_content_without_a_mark_is_refused() -> None:
    raw = encrypt_compact(token().encode(), CONTENT_KEY)
    with pytest.raises(errors.UnexpectedKind, match="cty"):
        open_nested(raw)


@pytest.mark.parametrize("cty", ["JWT", "jwt", "application/jwt"])
def test_the_mark_is_a_media_type(cty: str) -> None:
    open_nested(nest(token(), cty=cty))


def test_claims_that_are_encrypted_and_not_signed_are_refused() -> None:  # RFC 8725 section 2.6
    with pytest.raises(errors.MalformedToken):
        open_nested(nest(part(claims())))


def test_an_unsigned_token_inside_is_refused() -> None:  # CVE-2026-29000
    unsigned = f"{encode(part({'alg': 'none', 'typ': 'at+jwt'}))}.{encode(part(claims()))}."
    with pytest.raises(errors.UnknownAlgorithm):
        open_nested(nest(unsigned))


def test_a_second_layer_of_encryption_is_refused() -> None:
    with pytest.raises(errors.UnexpectedKind):
        open_nested(nest(nest(token())))


def test_the_inner_signature_is_checked() -> None:
    forged = Key.from_secret(bytes(range(1, 33)), alg="HS256")
    with pytest.raises(errors.SignatureInvalid):
        open_nested(nest(sign(claims(), forged, typ="at+jwt")))


def test_the_inner_claims_are_checked() -> None:
    with pytest.raises(errors.AudienceMismatch):
        open_nested(nest(token(aud="https://other.example")))


def test_the_inner_typ_is_the_one_that_counts() -> None:
    with pytest.raises(errors.TypMismatch):
        open_nested(nest(token({"typ": "logout+jwt"}), typ="at+jwt"))


def test_the_moment_counts_inside_too() -> None:
    with pytest.raises(errors.TokenExpired):
        open_nested(nest(token(exp=NOW)))


def test_another_content_key_opens_nothing() -> None:
    other = Key.from_secret(bytes(range(1, 17)), alg="A128KW")
    with pytest.raises(errors.DecryptionFailed):
        open_nested(nest(token()), other)


def test_a_set_of_content_keys_finds_its_own() -> None:
    old = Key.generate("ECDH-ES", kid="old")
    new = Key.generate("ECDH-ES", kid="new")
    assert isinstance(old, PrivateKey)
    open_nested(nest(token(), old.public), KeySet([new, old]))


def test_a_nested_token_is_bounded_like_any_other() -> None:
    policy = Policy(issuer=ISSUER, audience=AUDIENCE, typ="at+jwt", max_bytes=200)
    with pytest.raises(errors.TokenTooLarge):
        verify(nest(token()), secret_key(), policy, now=NOW, decrypt_with=CONTENT_KEY)


def test_binding_and_nonce_count_inside_too() -> None:
    with pytest.raises(errors.MissingProof):
        open_nested(nest(token(cnf={"jkt": "x"})))
    with pytest.raises(errors.NonceMismatch):
        open_nested(nest(token()), nonce="n")
