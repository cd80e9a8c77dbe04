"""A flipped bit anywhere is refused, in every algorithm and serialisation."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.jose_keys import ENCRYPTING, ENCS, SIGNING, cheap_header, key_for, sealing_key

from lingpai.errors import TokenError
from lingpai.jose import base64url
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jwe_json import Recipient, decrypt_json, encrypt_general
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.jws_detached import sign_detached, verify_detached
from lingpai.jose.jws_json import Signer, sign_general, verify_json

PAYLOAD = b'{"iss":"https://id.example","sub":"alice"}'
PAIRS = [*((alg, "A256GCM") for alg in ENCRYPTING), *(("A128KW", enc) for enc in ENCS)]
POSITIONS = st.floats(0, 1, exclude_max=True)  # a share of the length


@cache
def _signed(alg: str) -> str:
    return sign_compact(PAYLOAD, key_for(alg), {"typ": "JWT"})


@cache
def _sealed(alg: str, enc: str) -> str:
    return encrypt_compact(PAYLOAD, sealing_key(alg, enc), enc=enc, header=cheap_header(alg))


def _flip(octets: bytes, position: float, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[int(position * len(octets))] ^= 1 << bit
    return bytes(changed)


def _flip_in_part(token: str, part: int, position: float, bit: int) -> str:
    """The same, in what a part stands for: the text stays base64url."""
    parts = token.split(".")
    octets = base64url.decode(parts[part])
    parts[part] = base64url.encode(_flip(octets, position, bit) if octets else b"\0")
    return ".".join(parts)


def _check_signed(token: str | bytes, alg: str) -> None:
    with pytest.raises(TokenError):
        verify_compact(token, key_for(alg))


def _check_sealed(token: str | bytes, alg: str, enc: str) -> None:
    with pytest.raises(TokenError):
        decrypt_compact(token, sealing_key(alg, enc))


@pytest.mark.parametrize("alg", ["HS256", "ES256", "Ed25519"])
def test_every_bit_of_a_short_signed_token_counts(alg: str) -> None:
    octets = _signed(alg).encode("ascii")
    verify_compact(octets, key_for(alg))
    for index in range(len(octets)):
        for bit in range(8):
            changed = bytearray(octets)
            changed[index] ^= 1 << bit
            _check_signed(bytes(changed), alg)


@pytest.mark.parametrize("alg", ["dir", "A128KW", "A128GCMKW"])
def test_every_bit_of_a_short_encrypted_token_counts(alg: str) -> None:
    octets = _sealed(alg, "A256GCM").encode("ascii")
    decrypt_compact(octets, sealing_key(alg, "A256GCM"))
    for index in range(len(octets)):
        for bit in range(8):
            changed = bytearray(octets)
            changed[index] ^= 1 << bit
            _check_sealed(bytes(changed), alg, "A256GCM")


@pytest.mark.parametrize("alg", SIGNING)
@settings(max_examples=25)
@given(part=st.integers(0, 2), position=POSITIONS, bit=st.integers(0, 7))
def test_a_bit_flipped_in_a_signed_token(alg: str, part: int, position: float, bit: int) -> None:
    _check_signed(_flip(_signed(alg).encode("ascii"), position, bit), alg)
    _check_signed(_flip_in_part(_signed(alg), part, position, bit), alg)


@pytest.mark.parametrize(("alg", "enc"), PAIRS)
@settings(max_examples=12)
@given(part=st.integers(0, 4), position=POSITIONS, bit=st.integers(0, 7))
def test_a_bit_flipped_in_an_encrypted_token(
    alg: str, enc: str, part: int, position: float, bit: int
) -> None:
    token = _sealed(alg, enc)
    _check_sealed(_flip(token.encode("ascii"), position, bit), alg, enc)
    _check_sealed(_flip_in_part(token, part, position, bit), alg, enc)


@settings(max_examples=60)
@given(position=POSITIONS, bit=st.integers(0, 7), b64=st.booleans())
def test_a_bit_flipped_in_detached_content(position: float, bit: int, b64: bool) -> None:
    key = key_for("ES256")
    token = sign_detached(PAYLOAD, key, b64=b64)
    with pytest.raises(TokenError):
        verify_detached(token, _flip(PAYLOAD, position, bit), key)


def _flip_member(token: dict[str, Any], name: str, position: float, bit: int) -> dict[str, Any]:
    octets = base64url.decode(token[name])
    return {**token, name: base64url.encode(_flip(octets, position, bit))}


@settings(max_examples=60)
@given(
    name=st.sampled_from(("payload", "protected", "signature")),
    position=POSITIONS,
    bit=st.integers(0, 7),
)
def test_a_bit_flipped_in_a_json_signature(name: str, position: float, bit: int) -> None:
    token = sign_general(PAYLOAD, [Signer(key_for("Ed25519"))])
    if name == "payload":
        changed = _flip_member(token, name, position, bit)
    else:
        entry = _flip_member(token["signatures"][0], name, position, bit)
        changed = {**token, "signatures": [entry]}
    with pytest.raises(TokenError):
        verify_json(changed, key_for("Ed25519"))


@settings(max_examples=80)
@given(
    name=st.sampled_from(("protected", "iv", "ciphertext", "tag", "aad", "encrypted_key")),
    position=POSITIONS,
    bit=st.integers(0, 7),
)
def test_a_bit_flipped_in_a_json_encryption(name: str, position: float, bit: int) -> None:
    token = encrypt_general(PAYLOAD, [Recipient(key_for("A128KW"))], aad=b"additional data")
    if name == "encrypted_key":
        changed = {
            **token,
            "recipients": [_flip_member(token["recipients"][0], name, position, bit)],
        }
    else:
        changed = _flip_member(token, name, position, bit)
    with pytest.raises(TokenError):
        decrypt_json(changed, key_for("A128KW"))
