"""The examples of the JOSE specifications, appendix by appendix."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.vectors import load

from lingpai.errors import InvalidKey, UnknownAlgorithm, UnsupportedCritical
from lingpai.jose import base64url, jwk
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS, KEY_MANAGEMENT_ALGORITHMS
from lingpai.jose.crypto import key_agreement, key_wrapping, native
from lingpai.jose.crypto.content import CbcHmacCipher, GcmCipher, make_cipher
from lingpai.jose.jwe import decrypt_compact
from lingpai.jose.jwe_json import decrypt_json
from lingpai.jose.jws import sign_encoded, verify_compact
from lingpai.jose.jws_detached import sign_detached, verify_detached
from lingpai.jose.jws_json import verify_json
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey, SecretKey

JWS, JWE = load("rfc", "rfc7515.json"), load("rfc", "rfc7516.json")
JWK, JWA = load("rfc", "rfc7517.json"), load("rfc", "rfc7518.json")
JWT, THUMBPRINT = load("rfc", "rfc7519.json"), load("rfc", "rfc7638.json")
B64, OKP = load("rfc", "rfc7797.json"), load("rfc", "rfc8037.json")
DPOP, ML_DSA = load("rfc", "rfc9449.json"), load("rfc", "rfc9964.json")


def _key(example: dict[str, Any], **options: Any) -> PrivateKey | SecretKey:
    key = Key.from_jwk(example["key"], alg=example["alg"], **options)
    assert isinstance(key, (PrivateKey, SecretKey))
    return key


# --- RFC 7515 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["A.1", "A.2", "A.3", "A.4"])
def test_rfc_7515_signatures_verify(section: str) -> None:
    example = JWS[section]
    key = _key(example)
    assert verify_compact(example["compact"], key)[1].decode() == example["payload"]


@pytest.mark.parametrize("section", ["A.1", "A.2"])
def test_rfc_7515_deterministic_signatures_are_made_again(section: str) -> None:
    example = JWS[section]
    protected = example["compact"].partition(".")[0].encode("ascii")
    token = sign_encoded(protected, example["payload"].encode(), _key(example))
    assert token == example["compact"]


@pytest.mark.parametrize("token", [JWS["A.5"]["compact"], JWT["6.1"]["compact"]])
def test_an_unsecured_token_is_refused(token: str) -> None:  # RFC 7515 A.5, RFC 7519 6.1
    for section in ("A.1", "A.2", "A.3"):
        with pytest.raises(UnknownAlgorithm):
            verify_compact(token, _key(JWS[section]))


def test_rfc_7515_general_serialisation_verifies_with_both_keys() -> None:  # A.6
    example = JWS["A.6"]
    keys = KeySet.from_jwks({"keys": example["keys"]})
    verified = verify_json(example["json"], keys, require_all=True)
    assert verified.payload.decode() == example["payload"]
    assert [signature.alg for signature in verified.signatures] == ["RS256", "ES256"]
    assert verified.signatures[0].unverified == {"kid": "2010-12-29"}


def test_rfc_7515_flattened_serialisation_verifies() -> None:  # A.7
    example = JWS["A.7"]
    assert verify_json(example["json"], _key(example)).payload.decode() == example["payload"]


def test_rfc_7515_negative_crit_example_is_refused() -> None:  # appendix E
    with pytest.raises(UnsupportedCritical):
        verify_compact(JWS["E"]["compact"], _key(JWS["A.1"]))


def test_rfc_7515_base64url_example() -> None:  # appendix C
    octets = bytes(JWS["appendix C"]["octets"])
    assert base64url.encode(octets) == JWS["appendix C"]["encoded"]
    assert base64url.decode(JWS["appendix C"]["encoded"]) == octets


# --- RFC 7516 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["A.1", "A.3"])
def test_rfc_7516_tokens_are_read(section: str) -> None:
    example = JWE[section]
    assert decrypt_compact(example["compact"], _key(example))[1].decode() == example["plaintext"]


@pytest.mark.parametrize("section", ["A.1", "A.3"])
def test_rfc_7516_content_is_encrypted_to_the_same_bytes(section: str) -> None:
    example = JWE[section]
    protected, _, iv, ciphertext, tag = example["compact"].split(".")
    header = json.loads(base64url.decode(protected))
    content_key = base64url.decode(example["cek"])
    cipher = make_cipher(CONTENT_ENCRYPTIONS[header["enc"]], content_key)
    assert isinstance(cipher, (GcmCipher, CbcHmacCipher))
    plaintext, aad = example["plaintext"].encode(), protected.encode("ascii")
    sealed = cipher._seal_with(base64url.decode(iv), plaintext, aad)
    assert [base64url.encode(part) for part in sealed] == [iv, ciphertext, tag]


def test_rfc_7516_aes_key_wrap_gives_the_same_bytes() -> None:  # A.3
    example = JWE["A.3"]
    wrapped = key_wrapping.aes_wrap(_key(example).native, base64url.decode(example["cek"]))
    assert base64url.encode(wrapped) == example["compact"].split(".")[1]


@pytest.mark.parametrize("section", ["A.4", "A.5"])
def test_rfc_7516_json_serialisations_are_read(section: str) -> None:
    example = JWE[section]
    decrypted = decrypt_json(example["json"], _key(example))
    assert decrypted.plaintext.decode() == example["plaintext"]
    assert decrypted.unverified["jku"] == "https://server.example.com/keys.jwks"  # never fetched


@pytest.mark.parametrize(
    "example", [JWE["A.2"], JWT["A.1"], JWT["A.2"]], ids=["7516-A.2", "7519-A.1", "7519-A.2"]
)
def test_examples_with_rsa1_5_are_refused(example: dict[str, Any]) -> None:
    with pytest.raises(InvalidKey):
        _key(example)
    with pytest.raises(UnknownAlgorithm):
        decrypt_compact(example["compact"], Key.from_jwk(example["key"], alg="RSA-OAEP-256"))


# --- RFC 7517 -----------------------------------------------------------------------------------


def test_rfc_7517_public_keys_load() -> None:  # A.1: the EC key is for encryption and says no alg
    keys = KeySet.from_jwks(JWK["A.1"]["jwks"])
    assert [(key.alg, key.kid) for key in keys] == [("RS256", "2011-04-29")]
    assert [(skipped.index, skipped.kid) for skipped in keys.skipped] == [(0, "1")]
    ec = Key.from_jwk(JWK["A.1"]["jwks"]["keys"][0], alg="ECDH-ES")
    assert (ec.kid, ec.use, ec.is_private) == ("1", "enc", False)


def test_rfc_7517_private_keys_load_and_are_written_again() -> None:  # A.2
    ec, rsa = JWK["A.2"]["jwks"]["keys"]
    assert Key.from_jwk(rsa).to_jwk(private=True) == rsa
    loaded = Key.from_jwk(ec, alg="ECDH-ES+A128KW")
    assert loaded.to_jwk(private=True) == {**ec, "alg": "ECDH-ES+A128KW"}


def test_rfc_7517_symmetric_keys_load() -> None:  # A.3
    wrapping, mac = JWK["A.3"]["jwks"]["keys"]
    assert Key.from_jwk(wrapping).alg == "A128KW"
    assert Key.from_jwk(mac, alg="HS256").kid == "HMAC key used in JWS A.1 example"


def test_rfc_7517_certificate_belongs_to_its_key() -> None:  # appendix B
    members = JWK["B"]["jwk"]
    key = Key.from_jwk(members, alg="RS256")
    pem = f"-----BEGIN CERTIFICATE-----\n{members['x5c'][0]}\n-----END CERTIFICATE-----\n"
    assert Key.from_pem(pem, alg="RS256").thumbprint() == key.thumbprint()


def test_rfc_7517_encrypted_key_is_read() -> None:  # appendix C
    example = JWK["C"]
    password = Key.from_secret(example["password"].encode(), alg=example["alg"])
    header, plaintext = decrypt_compact(example["compact"], password)
    assert header.cty == "jwk+json"
    assert plaintext.decode() == example["plaintext"]
    assert Key.from_jwk(plaintext, alg="RSA-OAEP").kid == "juliet@capulet.lit"


def test_rfc_7517_password_gives_the_same_keys() -> None:  # C.4 to C.6
    example = JWK["C"]
    row = KEY_MANAGEMENT_ALGORITHMS[example["alg"]]
    salt, password = base64url.decode(example["p2s"]), example["password"].encode()
    derived = key_wrapping.derive_from_password(row, password, salt, example["p2c"])
    assert base64url.encode(derived) == example["derived"]
    wrapped = key_wrapping.aes_wrap(derived, base64url.decode(example["cek"]))
    assert base64url.encode(wrapped) == example["encrypted_key"]


# --- RFC 7518 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["B.1", "B.2", "B.3"])
def test_rfc_7518_cbc_with_hmac_gives_the_same_bytes(section: str) -> None:
    example = JWA[section]
    cipher = make_cipher(CONTENT_ENCRYPTIONS[example["enc"]], bytes.fromhex(example["key"]))
    assert isinstance(cipher, CbcHmacCipher)
    iv, aad = bytes.fromhex(example["iv"]), example["aad"].encode()
    plaintext = example["plaintext"].encode()
    _, ciphertext, tag = cipher._seal_with(iv, plaintext, aad)
    assert (ciphertext.hex(), tag.hex()) == (example["ciphertext"], example["tag"])
    assert cipher.open(iv, ciphertext, tag, aad) == plaintext


def test_rfc_7518_both_sides_derive_the_same_key() -> None:  # appendix C
    example = JWA["C"]
    apu, apv = base64url.decode(example["apu"]), base64url.decode(example["apv"])
    sides = [jwk.to_native(example[name])[0] for name in ("alice", "bob")]
    for private, other in (sides, sides[::-1]):
        secret = key_agreement.make_exchange(private)(native.public_of(other))
        derived = key_agreement.derive(secret, example["enc"], apu, apv, 128)
        assert base64url.encode(derived) == example["derived"]


# --- RFC 7519, 7638, 7797, 8037, 9449, 9964 -----------------------------------------------------


def test_rfc_7519_example_verifies() -> None:  # section 3.1
    example = JWT["3.1"]
    assert json.loads(verify_compact(example["compact"], _key(example))[1]) == example["claims"]


def test_rfc_7638_thumbprint() -> None:  # section 3.1
    example = THUMBPRINT["3.1"]
    key = Key.from_jwk(example["jwk"])
    assert key.thumbprint() == example["thumbprint"]
    prefix = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"
    assert key.thumbprint_uri() == prefix + example["thumbprint"]  # RFC 9278


def test_rfc_7797_encoded_payload() -> None:  # section 4.1
    example = B64["4.1"]
    key = _key({**example, "alg": "HS256"})
    assert verify_compact(example["compact"], key)[1] == b"$.02"


def test_rfc_7797_unencoded_detached_payload() -> None:  # section 4.2
    example = B64["4.2"]
    key = Key.from_secret(base64url.decode(example["key"]["k"]), alg="HS256")
    assert verify_detached(example["detached"], b"$.02", key).b64 is False
    assert sign_detached(b"$.02", key, b64=False) == example["detached"]
    assert verify_json(example["json"], key).payload == b"$.02"


def test_rfc_7797_is_refused_where_tokens_are_jwts() -> None:  # section 7
    example = B64["4.2"]
    token = example["detached"].replace("..", ".JC4wMg.")
    with pytest.raises(UnsupportedCritical):
        verify_compact(token, _key({**example, "alg": "HS256"}))


def test_rfc_8037_key_and_thumbprint() -> None:  # A.1 to A.3
    example = OKP["A.1"]
    key = Key.from_jwk(example["jwk"])
    assert (key.alg, key.thumbprint()) == ("Ed25519", example["thumbprint"])


def test_rfc_8037_signature_is_made_again_under_the_old_name() -> None:  # A.4
    example = OKP["A.4"]
    key = Key.from_jwk(example["key"], allow=("EdDSA",))
    assert isinstance(key, PrivateKey)
    assert verify_compact(example["compact"], key)[1].decode() == example["payload"]
    protected = example["compact"].partition(".")[0].encode("ascii")
    assert sign_encoded(protected, example["payload"].encode(), key) == example["compact"]


@pytest.mark.parametrize("section", ["A.6", "A.7"])
def test_rfc_8037_shared_secret(section: str) -> None:
    example = OKP[section]
    private, _ = jwk.to_native(example["bob"])
    ephemeral = {name: example["ephemeral"][name] for name in ("kty", "crv", "x")}
    public, _ = jwk.to_native(ephemeral)
    assert key_agreement.make_exchange(private)(public).hex() == example["shared"]


def test_rfc_9449_proof_verifies_with_the_key_it_carries() -> None:  # section 5, section 6.1
    example = DPOP["5"]
    key = Key.from_jwk(example["jwk"])
    assert key.thumbprint() == example["jkt"]
    header, payload = verify_compact(example["proof"], key)
    assert (header.typ, header.members["jwk"]) == ("dpop+jwt", example["jwk"])
    assert json.loads(payload) == example["payload"]


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_rfc_9964_keys_and_signatures(alg: str) -> None:  # appendix A
    example = ML_DSA[alg]
    key = Key.from_jwk(example["jwk"])
    assert isinstance(key, PrivateKey)
    assert key.thumbprint() == example["thumbprint"]
    assert verify_compact(example["compact"], key.public)[1].decode() == example["payload"]
    assert key.to_jwk(private=True) == example["jwk"]
