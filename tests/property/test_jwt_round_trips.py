"""What was made is what is read, for every algorithm; and a bit flipped anywhere is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.jose_keys import (
    ENCRYPTING,
    ENCS,
    SIGNING,
    cheap_header,
    key_for,
    sealing_key,
)
from tests.support.strategies import JSON_OBJECTS
from tests.support.tokens import NOW, POLICY, claims

from lingpai import Budget, errors, sign
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jwt.verify import verify

ROOMY = Budget(payload_bytes=60_000)
SLOW = {"ML-DSA-44": 17, "ML-DSA-65": 23, "ML-DSA-87": 31}  # of their many bits one in so many


@pytest.mark.parametrize("alg", SIGNING)
@settings(max_examples=20)
@given(payload=st.binary(max_size=300))
def test_a_signed_payload_comes_back(alg: str, payload: bytes) -> None:
    key = key_for(alg)
    header, found = verify_compact(sign_compact(payload, key), key.public)
    assert (header.alg, found) == (alg, payload)


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", ENCRYPTING)
@settings(max_examples=5)
@given(plaintext=st.binary(max_size=300))
def test_an_encrypted_payload_comes_back(alg: str, enc: str, plaintext: bytes) -> None:
    key = sealing_key(alg, enc)
    raw = encrypt_compact(plaintext, key.public, enc=enc, header=cheap_header(alg))
    header, found = decrypt_compact(raw, key)
    assert (header.alg, header.enc, found) == (alg, enc, plaintext)


@settings(max_examples=300)
@given(data=JSON_OBJECTS)
def test_claims_come_back_equal(data: dict[str, Any]) -> None:
    key = key_for("HS256")
    raw = sign(claims(data=data), key, typ="at+jwt", budget=ROOMY, allow_names={"data"})
    found = verify(raw, key, POLICY, now=NOW).claims
    assert found == claims(data=data)
    assert [*found] == [*claims(data=data)]  # in the order of the issuer


@settings(max_examples=100)
@given(data=JSON_OBJECTS)
def test_nested_claims_come_back_equal(data: dict[str, Any]) -> None:
    key, recipient = key_for("HS256"), key_for("A128KW")
    raw = sign(claims(data=data), key, typ="at+jwt", budget=ROOMY, encrypt_to=recipient)
    assert verify(raw, key, POLICY, now=NOW, decrypt_with=recipient).claims == claims(data=data)


def flipped(raw: bytes, step: int = 1) -> list[bytes]:
    """The token with each of its bits flipped, one at a time."""
    found = []
    for place in range(0, len(raw) * 8, step):
        copy = bytearray(raw)
        copy[place // 8] ^= 1 << place % 8
        found.append(bytes(copy))
    return found


@pytest.mark.parametrize("alg", SIGNING)
def test_a_flipped_bit_of_a_signed_token_is_refused(alg: str) -> None:
    key = key_for(alg)
    raw = sign(claims(), key, typ="at+jwt").encode()
    verify(raw, key.public, POLICY, now=NOW)
    for changed in flipped(raw, SLOW.get(alg, 1)):
        with pytest.raises(errors.TokenError):
            verify(changed, key.public, POLICY, now=NOW)


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", ["dir", "A128KW", "A256GCMKW", "ECDH-ES", "ECDH-ES+A256KW"])
def test_a_flipped_bit_of_an_encrypted_token_is_refused(alg: str, enc: str) -> None:
    key = sealing_key(alg, enc)
    raw = encrypt_compact(b"the content", key.public, enc=enc).encode()
    decrypt_compact(raw, key)
    for changed in flipped(raw, 3 if alg.startswith("ECDH") else 1):
        with pytest.raises(errors.TokenError):
            decrypt_compact(changed, key)


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "PBES2-HS256+A128KW"])
def test_a_flipped_bit_under_a_slow_key_is_refused(alg: str) -> None:
    key = sealing_key(alg, "A128GCM")
    raw = encrypt_compact(b"x", key.public, enc="A128GCM", header=cheap_header(alg)).encode()
    for changed in flipped(raw, 29):
        with pytest.raises(errors.TokenError):
            decrypt_compact(changed, key)


@settings(max_examples=300)
@given(data=st.data())
def test_a_changed_character_is_refused(data: st.DataObject) -> None:
    key = key_for("HS256")
    raw = sign(claims(), key, typ="at+jwt")
    place = data.draw(st.integers(0, len(raw) - 1))
    character = data.draw(st.characters(codec=None).filter(lambda c: c != raw[place]))
    with pytest.raises(errors.TokenError):
        verify(raw[:place] + character + raw[place + 1 :], key, POLICY, now=NOW)


@settings(max_examples=300)
@given(data=st.data())
def test_a_piece_cut_out_or_doubled_is_refused(data: st.DataObject) -> None:
    key = key_for("HS256")
    raw = sign(claims(), key, typ="at+jwt")
    start = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(start + 1, len(raw)))
    for changed in (raw[:start] + raw[end:], raw[:end] + raw[start:]):
        with pytest.raises(errors.TokenError):
            verify(changed, key, POLICY, now=NOW)
