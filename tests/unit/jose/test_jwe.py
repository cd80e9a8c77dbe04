"""JWE, compact: RFC 7516 sections 5, 7.1 and 11, RFC 7518 section 4, RFC 8725 section 3."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.jose_keys import ENCRYPTING, ENCS, key_for, sealing_key
from tests.support.jwe_tokens import PLAINTEXT, header_of, sealed_token, with_header, with_part

from lingpai.errors import (
    AlgorithmMismatch,
    DecryptionFailed,
    InvalidKey,
    MalformedToken,
    TokenTooLarge,
    UnexpectedKind,
    UnknownAlgorithm,
    UnknownKey,
    UnsupportedCritical,
)
from lingpai.jose import base64url
from lingpai.jose.crypto.content import REFUSAL
from lingpai.jose.jwe import decrypt, decrypt_compact, encrypt, encrypt_compact
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey

WRAPPING = [alg for alg in ENCRYPTING if alg not in ("dir", "ECDH-ES")]


# --- both ways ----------------------------------------------------------------------------------


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("alg", ENCRYPTING)
def test_what_is_encrypted_to_the_public_half_is_read(alg: str, enc: str) -> None:
    key, token = sealing_key(alg, enc), sealed_token(alg, enc)
    for _ in range(2):  # the second time a constant header is remembered
        header, plaintext = decrypt_compact(token, key)
        assert (header.alg, header.enc, header.kid) == (alg, enc, key.kid)
        assert plaintext == PLAINTEXT


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "X25519", "X448"])
def test_each_curve_agrees_on_a_key(alg: str, curve: str) -> None:  # RFC 7518 4.6, RFC 8037
    key = key_for(alg, curve)
    token = encrypt_compact(PLAINTEXT, key.public)
    assert header_of(token)["epk"].keys() <= {"kty", "crv", "x", "y"}
    assert decrypt_compact(token, key)[1] == PLAINTEXT


def test_party_info_takes_part_in_the_agreement() -> None:  # RFC 7518 sections 4.6.1.2 and .3
    key = key_for("ECDH-ES+A128KW")
    token = encrypt_compact(PLAINTEXT, key, header={"apu": "QWxpY2U", "apv": "Qm9i"})
    assert decrypt_compact(token, key)[1] == PLAINTEXT
    with pytest.raises(DecryptionFailed):
        decrypt_compact(with_header(token, apu="QWxpY3U"), key)


def test_an_empty_plaintext_is_read() -> None:
    for enc in ENCS:
        key = key_for(enc)
        assert decrypt_compact(encrypt_compact(b"", key, enc=enc), key)[1] == b""


def test_no_two_tokens_share_a_key_an_iv_or_a_salt() -> None:
    for alg in ENCRYPTING:
        first, second = (sealed_token(alg).split(".") for _ in range(2))
        assert first[2] != second[2]
        if alg not in ("dir", "ECDH-ES"):
            assert first[1] != second[1]
    assert header_of(sealed_token("ECDH-ES"))["epk"] != header_of(sealed_token("ECDH-ES"))["epk"]
    pbes2 = "PBES2-HS256+A128KW"
    assert header_of(sealed_token(pbes2))["p2s"] != header_of(sealed_token(pbes2))["p2s"]


def test_the_object_form_encrypts_json_and_types_it() -> None:
    key = key_for("A128KW")
    opened = decrypt(encrypt({"a": 1}, key, typ="secret+json", headers={"cty": "json"}), key)
    assert opened.plaintext == b'{"a":1}'
    assert (opened.header.typ, opened.header.cty) == ("secret+json", "json")
    assert '"a"' not in repr(opened)
    assert decrypt(encrypt(b"raw", key), key).plaintext == b"raw"


def test_nothing_is_ever_compressed() -> None:  # RFC 8725bis section 3.6
    key = key_for("A256GCM")
    assert len(encrypt_compact(bytes(10_000), key)) > 13_000
    with pytest.raises(ValueError):
        encrypt_compact(b"", key, header={"zip": "DEF"})


# --- which key, which algorithm -----------------------------------------------------------------


@pytest.mark.parametrize(
    "alg", ["RSA1_5", "none", "RS256", "HS256", "ES256", "rsa-oaep", "A128GCM"]
)
def test_an_alg_that_is_no_key_management_is_unknown(alg: str) -> None:  # RFC 8725 section 3.2
    with pytest.raises(UnknownAlgorithm):
        decrypt_compact(with_header(sealed_token("A128KW"), alg=alg), key_for("A128KW"))


@pytest.mark.parametrize("enc", ["A128CBC", "none", "A256KW", "a256gcm", "XC20P"])
def test_an_enc_that_is_no_content_encryption_is_unknown(enc: str) -> None:
    with pytest.raises(UnknownAlgorithm):
        decrypt_compact(with_header(sealed_token("A128KW"), enc=enc), key_for("A128KW"))
    with pytest.raises(ValueError):
        encrypt_compact(b"", key_for("A128KW"), enc=enc)


@pytest.mark.parametrize("alg", ENCRYPTING)
def test_an_alg_other_than_the_keys_is_refused(alg: str) -> None:  # RFC 8725 section 3.1
    key = key_for("A128KW" if alg != "A128KW" else "A256KW")
    with pytest.raises(AlgorithmMismatch):
        decrypt_compact(sealed_token(alg), key)


def test_a_dir_key_opens_only_its_own_content_encryption() -> None:
    secret = bytes(range(32))
    gcm = Key.from_secret(secret, alg="A256GCM")
    cbc = Key.from_secret(secret, alg="A128CBC-HS256")
    token = encrypt_compact(PLAINTEXT, cbc)
    assert header_of(token)["enc"] == "A128CBC-HS256"
    with pytest.raises(AlgorithmMismatch):
        decrypt_compact(token, gcm)
    with pytest.raises(ValueError):
        encrypt_compact(PLAINTEXT, gcm, enc="A128CBC-HS256")
    assert decrypt_compact(token, KeySet([gcm, cbc]))[1] == PLAINTEXT


def test_an_unknown_kid_is_refused() -> None:
    key = Key.generate("A128KW", kid="1")
    token = encrypt_compact(PLAINTEXT, key, header={"kid": "2"})
    with pytest.raises(UnknownKey):
        decrypt_compact(token, KeySet([key]))
    assert decrypt_compact(token, key)[1] == PLAINTEXT  # who passes one key has chosen it


def test_a_token_without_kid_is_tried_with_each_key() -> None:
    keys = [Key.from_secret(bytes(range(n, n + 16)), alg="A128KW") for n in range(4)]
    token = encrypt_compact(PLAINTEXT, keys[-1])
    assert decrypt_compact(token, KeySet(keys))[1] == PLAINTEXT
    with pytest.raises(DecryptionFailed):
        decrypt_compact(token, KeySet(keys[:-1]))


def test_a_public_key_does_not_decrypt() -> None:
    key = key_for("RSA-OAEP-256")
    with pytest.raises(InvalidKey, match="does not decrypt"):
        decrypt_compact(sealed_token("RSA-OAEP-256"), key.public)


def test_a_public_key_beside_the_private_one_is_passed_over() -> None:
    mine, other = Key.generate("ECDH-ES"), Key.generate("ECDH-ES")
    assert isinstance(mine, PrivateKey)
    assert isinstance(other, PrivateKey)
    unnamed = Key.from_jwk({**mine.to_jwk(private=True), "kid": None})
    token = encrypt_compact(PLAINTEXT, unnamed)
    assert decrypt_compact(token, KeySet([other.public, mine]))[1] == PLAINTEXT


def test_a_key_for_signatures_does_not_encrypt() -> None:
    for alg in ("RS256", "HS256", "ES256"):
        with pytest.raises(InvalidKey, match="does not encrypt"):
            encrypt_compact(b"", key_for(alg))


@pytest.mark.parametrize(
    "header", [{"enc": "A128GCM"}, {"alg": "dir"}, {"crit": ["x"]}, {"epk": {}}]
)
def test_a_caller_does_not_write_what_the_library_writes(header: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encrypt_compact(b"", key_for("A128KW"), header=header)


# --- shape --------------------------------------------------------------------------------------


def test_a_signed_token_is_of_another_kind() -> None:  # RFC 8725 section 2.6
    with pytest.raises(UnexpectedKind):
        decrypt_compact(sign_compact(b"x", key_for("HS256")), key_for("A128KW"))


@pytest.mark.parametrize("token", ["", "....", "a.b", "a.b.c.d", "a.b.c.d.e.f", "." * 60_000])
def test_another_shape_is_malformed(token: str) -> None:
    with pytest.raises(MalformedToken):
        decrypt_compact(token, key_for("A128KW"))


@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("damage", ["=", "+", " ", "\n", "\0", "é"])
def test_a_foreign_character_in_any_part_is_malformed(part: int, damage: str) -> None:
    parts = sealed_token("A128KW").split(".")
    parts[part] += damage
    with pytest.raises(MalformedToken):
        decrypt_compact(".".join(parts), key_for("A128KW"))


def test_a_token_is_bounded() -> None:
    token = encrypt_compact(bytes(60_000), key_for("A128KW"))
    with pytest.raises(TokenTooLarge):
        decrypt_compact(token, key_for("A128KW"))
    assert len(decrypt_compact(token, key_for("A128KW"), max_bytes=100_000)[1]) == 60_000


def test_no_extension_is_understood() -> None:  # CVE-2025-59420
    token = with_header(sealed_token("A128KW"), crit=["exp"], exp=1)
    with pytest.raises(UnsupportedCritical):
        decrypt_compact(token, key_for("A128KW"))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_in_the_token_is_never_used(member: str) -> None:
    token = encrypt_compact(PLAINTEXT, Key.generate("A128KW"), header={member: "https://x"})
    with pytest.raises(DecryptionFailed):
        decrypt_compact(token, key_for("A128KW"))


# --- one refusal, whatever went wrong (RFC 7516 section 11.5) -----------------------------------


@pytest.mark.parametrize("alg", WRAPPING)
@pytest.mark.parametrize("size", [0, 1, 8, 16, 24, 40, 256])
def test_a_bad_encrypted_key_is_one_uniform_refusal(alg: str, size: int) -> None:
    token = with_part(sealed_token(alg), 1, bytes(range(size)))
    with pytest.raises(DecryptionFailed) as caught:
        decrypt_compact(token, sealing_key(alg, "A256GCM"))
    assert str(caught.value) == REFUSAL


@pytest.mark.parametrize("enc", ENCS)
@pytest.mark.parametrize("part", [2, 4])
@pytest.mark.parametrize("size", [0, 1, 8, 11, 12, 13, 15, 16, 17, 24, 32, 64])
def test_an_iv_or_tag_of_any_length_is_one_uniform_refusal(enc: str, part: int, size: int) -> None:
    token = with_part(sealed_token("A128KW", enc), part, bytes(range(size)))
    with pytest.raises(DecryptionFailed) as caught:
        decrypt_compact(token, key_for("A128KW"))
    assert str(caught.value) == REFUSAL


@pytest.mark.parametrize("enc", ENCS)
def test_a_shortened_tag_is_refused(enc: str) -> None:
    token = sealed_token("A128KW", enc)
    tag = base64url.decode(token.rpartition(".")[2])
    for size in range(len(tag)):
        with pytest.raises(DecryptionFailed):
            decrypt_compact(with_part(token, 4, tag[:size]), key_for("A128KW"))


def test_a_content_key_of_the_wrong_length_is_one_uniform_refusal() -> None:
    token = sealed_token("A128KW", "A128GCM")
    for enc in ENCS[1:]:
        with pytest.raises(DecryptionFailed) as caught:
            decrypt_compact(with_header(token, enc=enc), key_for("A128KW"))
        assert str(caught.value) == REFUSAL


@pytest.mark.parametrize("alg", ["dir", "ECDH-ES"])
def test_direct_agreement_has_no_encrypted_key(alg: str) -> None:  # section 5.2 step 10
    with pytest.raises(MalformedToken, match="no encrypted key"):
        decrypt_compact(with_part(sealed_token(alg), 1, b"x"), sealing_key(alg, "A256GCM"))


def test_only_a_header_that_opened_is_remembered() -> None:
    key = Key.generate("A128KW")
    token = encrypt_compact(PLAINTEXT, key)
    with pytest.raises(DecryptionFailed):
        decrypt_compact(with_part(token, 4, bytes(16)), key)
    assert not key.known
    decrypt_compact(token, key)
    assert len(key.known) == 1
    varying = Key.generate("ECDH-ES")
    decrypt_compact(encrypt_compact(PLAINTEXT, varying), varying)
    assert not varying.known


def test_a_remembered_header_is_no_signed_header() -> None:
    key = Key.generate("A128KW")
    token = encrypt_compact(PLAINTEXT, key)
    decrypt_compact(token, key)
    head = token.partition(".")[0]
    for forged in (f"{head}.e30.AAAA", f"{head}..e30.AAAA"):
        with pytest.raises((UnknownAlgorithm, MalformedToken)):
            verify_compact(forged, key)
