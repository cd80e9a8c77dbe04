"""Compact JWS with a payload elsewhere, or unencoded: RFC 7515 appendix F, RFC 7797."""

from __future__ import annotations

import pytest
from tests.support.jose_keys import key_for

from lingpai.errors import MalformedToken, SignatureInvalid, UnexpectedKind, UnsupportedCritical
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.jws_detached import (
    sign_detached,
    sign_unencoded,
    verify_detached,
    verify_unencoded,
)

KEY = key_for("ES256")


@pytest.mark.parametrize("b64", [True, False])
@pytest.mark.parametrize("payload", [b"", b"$.02", bytes(range(256))])
def test_a_detached_token_verifies_over_its_payload_alone(payload: bytes, b64: bool) -> None:
    token = sign_detached(payload, KEY, {"typ": "x"}, b64=b64)
    assert token.split(".")[1] == ""
    assert verify_detached(token, payload, KEY.public).b64 is b64
    with pytest.raises(SignatureInvalid):
        verify_detached(token, payload + b"\0", KEY)


def test_a_detached_token_brings_no_payload() -> None:
    with pytest.raises(MalformedToken, match="no payload"):
        verify_detached(sign_compact(b"x", KEY), b"x", KEY)


def test_a_detached_and_an_attached_token_are_one_signature() -> None:  # appendix F
    head, _, tail = sign_compact(b"x", KEY).split(".")
    assert verify_detached(f"{head}..{tail}", b"x", KEY).alg == "ES256"


def test_a_huge_payload_inside_is_not_even_read() -> None:  # CVE-2026-48525
    token = sign_detached(b"", KEY, b64=False).replace("..", "." + "A" * 60_000 + ".")
    with pytest.raises(MalformedToken):
        verify_detached(token, b"", KEY)
    with pytest.raises(UnsupportedCritical):
        verify_compact(token, KEY)


def test_an_unencoded_payload_is_readable_in_the_token() -> None:  # RFC 7797 section 5.2
    token = sign_unencoded(b"hello, gate", KEY)
    assert ".hello, gate." in token
    assert verify_unencoded(token, KEY)[1] == b"hello, gate"
    with pytest.raises(SignatureInvalid):
        verify_unencoded(token.replace("hello", "hullo"), KEY)


@pytest.mark.parametrize("payload", [b"a.b", b"\x7f", b"\n", b"\0", "é".encode()])
def test_what_the_compact_form_cannot_hold_is_not_signed(payload: bytes) -> None:
    with pytest.raises(ValueError):
        sign_unencoded(payload, KEY)


def test_a_control_character_in_an_unencoded_payload_is_refused() -> None:
    with pytest.raises(MalformedToken):
        verify_unencoded(sign_unencoded(b"a b", KEY).replace(" ", "\n"), KEY)


def test_an_encoded_token_is_not_read_as_unencoded() -> None:
    with pytest.raises(UnsupportedCritical):
        verify_unencoded(sign_compact(b"x", KEY), KEY)


def test_a_jwt_is_never_unencoded() -> None:  # RFC 7797 section 7
    with pytest.raises(UnsupportedCritical):
        verify_compact(sign_unencoded(b"hello", KEY), KEY)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d"])
def test_another_number_of_parts_is_malformed(token: str) -> None:
    with pytest.raises(MalformedToken):
        verify_detached(token, b"", KEY)
    with pytest.raises(MalformedToken):
        verify_unencoded(token, KEY)


def test_an_encrypted_token_is_of_another_kind() -> None:
    with pytest.raises(UnexpectedKind):
        verify_detached("a.b.c.d.e", b"", KEY)


def test_a_signature_that_is_not_base64url_is_malformed() -> None:
    with pytest.raises(MalformedToken):
        verify_detached(sign_detached(b"x", KEY) + "=", b"x", KEY)
