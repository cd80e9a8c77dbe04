"""A content key that cannot be had is replaced by a random one: RFC 7516 section 11.5."""

from __future__ import annotations

import pytest
from tests.support.jose_keys import ENCS, key_for

from lingpai.errors import DecryptionFailed
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS
from lingpai.jose.crypto.content import draw_content_key, make_cipher
from lingpai.jose.crypto.key_management import OpenWrapped, SealWrapped, open_content_key

ENC = CONTENT_ENCRYPTIONS["A128CBC-HS256"]
WRAPPING = ("RSA-OAEP", "RSA-OAEP-256", "A128KW", "A256KW")


def _opener(alg: str) -> OpenWrapped:
    opener = key_for(alg).opener
    assert isinstance(opener, OpenWrapped)
    return opener


@pytest.mark.parametrize("alg", WRAPPING)
def test_a_key_that_does_not_unwrap_gives_a_random_cipher_and_no_error(alg: str) -> None:
    iv, ciphertext, tag = open_content_key(_opener(alg), ENC, {}, b"damaged").seal(b"x", b"")
    for opener in (_opener(alg), _opener(alg)):
        other = open_content_key(opener, ENC, {}, b"damaged")  # drawn afresh each time
        with pytest.raises(DecryptionFailed):
            other.open(iv, ciphertext, tag, b"")


@pytest.mark.parametrize("alg", WRAPPING)
def test_a_key_of_another_length_gives_a_random_cipher_and_no_error(alg: str) -> None:
    sealer = key_for(alg).sealer
    assert isinstance(sealer, SealWrapped)
    encrypted_key, _ = sealer.wrap(bytes(range(16)), {})
    assert open_content_key(_opener(alg), ENC, {}, encrypted_key)


@pytest.mark.parametrize("enc", ENCS)
def test_a_content_key_is_drawn_afresh_at_its_full_length(enc: str) -> None:
    row = CONTENT_ENCRYPTIONS[enc]
    first, second = draw_content_key(row), draw_content_key(row)
    assert first != second
    assert len(first) == len(second) == row.key_bytes


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("size", [0, 1, 15, 31, 63, 65])
def test_a_cipher_takes_a_key_of_its_length_alone(enc: str, size: int) -> None:
    with pytest.raises(DecryptionFailed):
        make_cipher(CONTENT_ENCRYPTIONS[enc], bytes(size))


@pytest.mark.parametrize("enc", ["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"])
def test_a_tag_covers_where_the_additional_data_ends(enc: str) -> None:  # RFC 7518 section 5.2.2.1
    row = CONTENT_ENCRYPTIONS[enc]
    cipher = make_cipher(row, draw_content_key(row))
    aad = bytes(range(16))
    iv, ciphertext, tag = cipher.seal(bytes(40), aad)
    with pytest.raises(DecryptionFailed):  # the same octets, cut elsewhere
        cipher.open(aad, iv + ciphertext, tag, b"")
