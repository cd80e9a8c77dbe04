"""What is written is read back, for every algorithm and every pair of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.jose_keys import ENCRYPTING, ENCS, SIGNING, cheap_header, key_for, sealing_key
from tests.support.strategies import JSON_VALUES

from lingpai.jose import base64url, strict_json
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jwe_json import Recipient, decrypt_json, encrypt_flattened, encrypt_general
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.jws_detached import (
    sign_detached,
    sign_unencoded,
    verify_detached,
    verify_unencoded,
)
from lingpai.jose.jws_json import Signer, sign_flattened, sign_general, verify_json
from lingpai.jose.key_set import KeySet

PAYLOADS = st.one_of(st.binary(max_size=200), st.binary(min_size=1000, max_size=4000))
FEW = settings(max_examples=12)
SHARED = [alg for alg in ENCRYPTING if alg not in ("dir", "ECDH-ES")]


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", ENCRYPTING)
@settings(max_examples=5)
@given(plaintext=PAYLOADS)
def test_every_pair_of_algorithms_reads_what_it_wrote(alg: str, enc: str, plaintext: bytes) -> None:
    key = sealing_key(alg, enc)
    token = encrypt_compact(plaintext, key.public, enc=enc, header=cheap_header(alg))
    assert decrypt_compact(token, key)[1] == plaintext


@pytest.mark.parametrize("alg", SIGNING)
@FEW
@given(payload=PAYLOADS)
def test_every_signature_verifies(alg: str, payload: bytes) -> None:
    key = key_for(alg)
    token = sign_compact(payload, key)
    assert verify_compact(token, key.public)[1] == payload
    assert verify_json(sign_flattened(payload, key), key.public).payload == payload
    for b64 in (True, False):
        assert verify_detached(sign_detached(payload, key, b64=b64), payload, key.public)


@FEW
@given(payload=PAYLOADS, algs=st.lists(st.sampled_from(SIGNING), min_size=1, max_size=4))
def test_several_signatures_verify_together(payload: bytes, algs: list[str]) -> None:
    token = json.dumps(sign_general(payload, [Signer(key_for(alg)) for alg in algs]))
    for index, alg in enumerate(algs):
        verified = verify_json(token, key_for(alg).public)
        assert verified.payload == payload
        assert index in [signature.index for signature in verified.signatures]


@FEW
@given(
    plaintext=PAYLOADS,
    aad=st.binary(max_size=50),
    enc=st.sampled_from(ENCS),
    algs=st.lists(st.sampled_from(SHARED), min_size=1, max_size=4, unique=True),
)
def test_every_recipient_reads_the_same(
    plaintext: bytes, aad: bytes, enc: str, algs: list[str]
) -> None:
    recipients = [Recipient(key_for(alg).public, cheap_header(alg)) for alg in algs]
    token = json.dumps(encrypt_general(plaintext, recipients, enc=enc, aad=aad))
    for index, alg in enumerate(algs):
        opened = decrypt_json(token, KeySet([key_for(alg)]))
        assert (opened.plaintext, opened.aad, opened.recipient) == (plaintext, aad, index)


@FEW
@given(plaintext=PAYLOADS, aad=st.binary(max_size=50), alg=st.sampled_from(ENCRYPTING))
def test_a_flattened_token_is_read(plaintext: bytes, aad: bytes, alg: str) -> None:
    key = sealing_key(alg, "A256GCM")
    token = encrypt_flattened(plaintext, key.public, header=cheap_header(alg), aad=aad)
    opened = decrypt_json(token, key)
    assert (opened.plaintext, opened.aad) == (plaintext, aad)


@given(text=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters=".")))
def test_an_unencoded_payload_verifies(text: str) -> None:
    key = key_for("HS256")
    assert verify_unencoded(sign_unencoded(text.encode(), key), key)[1] == text.encode()


@given(octets=st.binary(max_size=100))
def test_base64url_is_that_of_the_standard_library_without_padding(octets: bytes) -> None:
    text = base64url.encode(octets)
    assert text == base64.urlsafe_b64encode(octets).decode().rstrip("=")
    assert base64url.decode(text) == octets


@settings(max_examples=500)
@given(text=st.text("AQgwxyz019-_+/= \n\0é", max_size=10) | st.text(max_size=6))
def test_each_value_has_one_spelling(text: str) -> None:
    try:
        octets = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(octets) == text


@settings(max_examples=300)
@given(
    value=JSON_VALUES,
    spelling=st.sampled_from(
        ({}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")})
    ),
)
def test_json_is_that_of_the_standard_library(value: Any, spelling: dict[str, Any]) -> None:
    text = json.dumps(value, **spelling)
    try:
        read = strict_json.decode(text.encode("utf-8"))
    except ValueError:
        assert _is_out_of_bounds(value)
        return
    assert read == json.loads(text)
    assert strict_json.decode(strict_json.encode(value)) == read


def _is_out_of_bounds(value: Any) -> bool:
    """Integers of more than 400 digits and nesting beyond 32 are refused on purpose."""
    if isinstance(value, int):
        return len(str(abs(value))) >= 400
    if isinstance(value, dict):
        return any(map(_is_out_of_bounds, value.values()))
    return isinstance(value, list) and any(map(_is_out_of_bounds, value))
