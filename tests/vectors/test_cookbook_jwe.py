"""RFC 7520 section 5: every JWE of the cookbook is read, and made again where it can be.

Those that use RSA1_5 are refused. Fixed content keys and IVs reach the ciphers through their
private methods: no public function takes one.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.vectors import load, names

from lingpai.errors import InvalidHeader, InvalidKey, UnknownAlgorithm
from lingpai.jose import base64url, jwk
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS, KEY_MANAGEMENT_ALGORITHMS
from lingpai.jose.compression import inflate
from lingpai.jose.crypto import key_agreement, key_wrapping, native
from lingpai.jose.crypto.content import CbcHmacCipher, GcmCipher, make_cipher
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jwe_json import Recipient, decrypt_json, encrypt_general
from lingpai.jose.jws import verify_compact
from lingpai.jose.keys import Key

RSA1_5 = "5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json"
SEVERAL = "5_13.encrypting_to_multiple_recipients.json"
COMPRESSED = "5_9.compressed_content.json"
READABLE = [name for name in names("rfc7520", "jwe") if name not in (RSA1_5, SEVERAL)]
COMPACT = [name for name in READABLE if "compact" in load("rfc7520", "jwe", name)["output"]]

AES_WRAPPED = [n for n in READABLE if load("rfc7520", "jwe", n)["input"]["alg"] == "A128KW"]


def _key(given: dict[str, Any]) -> Key:
    if "pwd" in given:
        return Key.from_secret(given["pwd"].encode(), alg=given["alg"])
    return Key.from_jwk(given["key"], alg=given["alg"])


def _example(name: str) -> tuple[dict[str, Any], Key, bytes]:
    example = load("rfc7520", "jwe", name)
    return example, _key(example["input"]), example["input"]["plaintext"].encode()


def _content_key(name: str, example: dict[str, Any]) -> bytes:
    if example["input"]["alg"] == "dir":
        return base64url.decode(example["input"]["key"]["k"])
    found = example["generated"].get("cek") or example["encrypting_key"]["cek"]
    return base64url.decode(found)


@pytest.mark.parametrize("name", COMPACT)
def test_a_compact_example_is_read(name: str) -> None:
    example, key, plaintext = _example(name)
    token = example["output"]["compact"]
    assert decrypt_compact(token, key, allow_compressed=name == COMPRESSED)[1] == plaintext


@pytest.mark.parametrize("form", ["json", "json_flat"])
@pytest.mark.parametrize("name", READABLE)
def test_a_json_example_is_read(name: str, form: str) -> None:
    example, key, plaintext = _example(name)
    token = example["output"][form]
    decrypted = decrypt_json(token, key, allow_compressed=name == COMPRESSED)
    assert decrypted.plaintext == plaintext
    assert decrypted.aad == example["input"].get("aad", "").encode()
    assert decrypted.protected == example["encrypting_content"].get("protected", {})


@pytest.mark.parametrize("name", READABLE)
def test_the_content_is_encrypted_to_the_same_bytes(name: str) -> None:
    example, _, plaintext = _example(name)
    content = example["encrypting_content"]
    if name == COMPRESSED:
        plaintext = base64url.decode(example["generated"]["plaintext_c"])
    enc = CONTENT_ENCRYPTIONS[example["input"]["enc"]]
    cipher = make_cipher(enc, _content_key(name, example))
    assert isinstance(cipher, (GcmCipher, CbcHmacCipher))
    aad = content.get("protected_b64u", "")
    if "aad" in example["input"]:
        aad += "." + example["generated"]["aad_b64u"]
    iv = base64url.decode(example["generated"]["iv"])
    _, ciphertext, tag = cipher._seal_with(iv, plaintext, aad.encode("ascii"))
    assert base64url.encode(ciphertext) == content["ciphertext"]
    assert base64url.encode(tag) == content["tag"]


@pytest.mark.parametrize("name", AES_WRAPPED)
def test_aes_wraps_the_content_key_to_the_same_bytes(name: str) -> None:  # sections 5.8 to 5.12
    example, key, _ = _example(name)
    wrapped = key_wrapping.aes_wrap(key.native, _content_key(name, example))
    assert base64url.encode(wrapped) == example["encrypting_key"]["encrypted_key"]


def test_aes_gcm_wraps_the_content_key_to_the_same_bytes() -> None:  # section 5.7
    name = "5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json"
    example, key, _ = _example(name)
    expected = example["encrypting_key"]
    wrapping = key_wrapping.GcmWrapping(key.native)
    made = wrapping._wrap_with(base64url.decode(expected["iv"]), _content_key(name, example))
    assert [base64url.encode(part) for part in made] == [
        *(expected["iv"], expected["encrypted_key"], expected["tag"])
    ]


def test_a_password_wraps_the_content_key_to_the_same_bytes() -> None:  # section 5.3
    name = "5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json"
    example, key, _ = _example(name)
    expected = example["encrypting_key"]
    row = KEY_MANAGEMENT_ALGORITHMS[key.alg]
    salt, count = base64url.decode(expected["salt"]), expected["iteration_count"]
    derived = key_wrapping.derive_from_password(row, key.native, salt, count)
    wrapped = key_wrapping.aes_wrap(derived, _content_key(name, example))
    assert base64url.encode(wrapped) == expected["encrypted_key"]


def test_the_sender_agrees_on_the_same_content_key() -> None:  # section 5.5
    name = "5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json"
    example, key, _ = _example(name)
    ephemeral, _ = jwk.to_native(example["encrypting_key"]["epk"])
    secret = key_agreement.make_exchange(ephemeral)(native.public_of(key.native))
    derived = key_agreement.derive(secret, "A128CBC-HS256", b"", b"", 256)
    assert base64url.encode(derived) == example["encrypting_key"]["cek"]


def test_the_sender_wraps_under_the_agreed_key() -> None:  # section 5.4
    name = "5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm.json"
    example, key, _ = _example(name)
    ephemeral, _ = jwk.to_native(example["encrypting_key"]["epk"])
    secret = key_agreement.make_exchange(ephemeral)(native.public_of(key.native))
    derived = key_agreement.derive(secret, "ECDH-ES+A128KW", b"", b"", 128)
    wrapped = key_wrapping.aes_wrap(derived, _content_key(name, example))
    assert base64url.encode(wrapped) == example["encrypting_key"]["encrypted_key"]


@pytest.mark.parametrize("name", READABLE)
def test_what_an_examples_key_encrypts_it_reads(name: str) -> None:
    example, key, plaintext = _example(name)
    header = {"p2c": 1000} if "pwd" in example["input"] else None
    token = encrypt_compact(plaintext, key, enc=example["input"]["enc"], header=header)
    assert decrypt_compact(token, key)[1] == plaintext


# --- compression, several recipients, RSA1_5, nesting ------------------------------------------


def test_compressed_content_is_refused_unless_asked_for() -> None:  # section 5.9
    example, key, _ = _example(COMPRESSED)
    with pytest.raises(InvalidHeader):
        decrypt_compact(example["output"]["compact"], key)


def test_the_compressed_plaintext_inflates() -> None:  # section 5.9
    example, _, plaintext = _example(COMPRESSED)
    assert inflate(base64url.decode(example["generated"]["plaintext_c"])) == plaintext


@pytest.mark.parametrize(("recipient", "alg"), [(1, "ECDH-ES+A256KW"), (2, "A256GCMKW")])
def test_each_recipient_reads_the_same_content(recipient: int, alg: str) -> None:  # section 5.13
    example = load("rfc7520", "jwe", SEVERAL)
    key = Key.from_jwk(example["input"]["key"][recipient], alg=alg)
    decrypted = decrypt_json(example["output"]["json"], key)
    assert decrypted.plaintext == example["input"]["plaintext"].encode()
    assert decrypted.recipient == recipient
    assert decrypted.unverified["cty"] == "text/plain"


def test_rsa1_5_does_not_exist() -> None:  # sections 5.1 and 5.13
    example = load("rfc7520", "jwe", RSA1_5)
    with pytest.raises(InvalidKey):
        Key.from_jwk(example["input"]["key"], alg="RSA1_5")
    key = Key.from_jwk(example["input"]["key"], alg="RSA-OAEP")
    with pytest.raises(UnknownAlgorithm):
        decrypt_compact(example["output"]["compact"], key)
    with pytest.raises(UnknownAlgorithm):
        decrypt_json(example["output"]["json"], key)


def test_the_rsa1_5_recipient_of_several_is_refused() -> None:  # section 5.13
    example = load("rfc7520", "jwe", SEVERAL)
    key = Key.from_jwk(example["input"]["key"][0], alg="RSA-OAEP")
    with pytest.raises(UnknownAlgorithm):
        decrypt_json(example["output"]["json"], key)


def test_several_recipients_are_written_as_they_are_read() -> None:  # section 5.13
    keys = load("rfc7520", "jwe", SEVERAL)["input"]["key"]
    algs = ("RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCMKW")
    loaded = [Key.from_jwk(key, alg=alg) for key, alg in zip(keys, algs, strict=True)]
    token = encrypt_general(b"content", [Recipient(key) for key in loaded], enc="A128CBC-HS256")
    for index, key in enumerate(loaded):
        assert decrypt_json(token, key).recipient == index


def test_a_nested_token_opens_layer_by_layer() -> None:  # section 6
    example = load("rfc7520", "6.nesting_signatures_and_encryption.json")
    sign, encrypt = example["sign"], example["encrypt"]
    outer = Key.from_jwk(encrypt["input"]["key"], alg=encrypt["input"]["alg"])
    header, inner = decrypt_compact(encrypt["output"]["compact"], outer)
    assert header.cty == "jwt"
    assert inner.decode("ascii") == sign["output"]["compact"]
    key = Key.from_jwk(sign["input"]["key"], alg=sign["input"]["alg"])
    assert verify_compact(inner, key)[1] == sign["input"]["payload"].encode()


def test_an_x25519_example_is_read() -> None:  # RFC 8037 appendix A.6
    # A fault of this file: `cek` and the point beside the private ephemeral key are of others.
    example = load("rfc7520", "curve25519", "ecdh-es.json")
    key = Key.from_jwk(example["input"]["key"], alg="ECDH-ES")
    plaintext = example["input"]["plaintext"].encode()
    assert decrypt_compact(example["output"]["compact"], key)[1] == plaintext
    assert decrypt_json(example["output"]["json_flat"], key).plaintext == plaintext
