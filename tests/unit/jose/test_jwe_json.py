"""JWE in JSON: RFC 7516 section 7.2."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.jose_keys import ENCRYPTING, cheap_header, key_for, sealing_key

from lingpai.errors import (
    AlgorithmMismatch,
    DecryptionFailed,
    InvalidHeader,
    InvalidKey,
    MalformedToken,
    TokenTooLarge,
    UnknownAlgorithm,
    UnsupportedCritical,
)
from lingpai.jose import base64url, strict_json
from lingpai.jose.json_parts import MAX_ENTRIES
from lingpai.jose.jwe import encrypt_compact
from lingpai.jose.jwe_json import Recipient, decrypt_json, encrypt_flattened, encrypt_general
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key

PLAINTEXT = b"Live long and prosper."
AES, RSA, ECDH = (key_for(alg) for alg in ("A128KW", "RSA-OAEP-256", "ECDH-ES+A128KW"))
PBES2 = "PBES2-HS512+A256KW"


def _flattened(**changes: Any) -> dict[str, Any]:
    token = {**encrypt_flattened(PLAINTEXT, AES, aad=b"seen"), **changes}
    return {name: value for name, value in token.items() if value is not ...}


def _protected(**members: Any) -> str:
    return base64url.encode(strict_json.encode(members))


@pytest.mark.parametrize("alg", ENCRYPTING)
def test_a_flattened_token_is_read(alg: str) -> None:
    key = sealing_key(alg, "A256GCM")
    token = encrypt_flattened(
        PLAINTEXT,
        key.public,
        header={"typ": "x", **cheap_header(alg)},
        unprotected={"note": 1},
        aad=b"seen by all",
    )
    for given in (token, json.dumps(token), json.dumps(token, indent=1).encode()):
        opened = decrypt_json(given, key)
        assert (opened.plaintext, opened.aad) == (PLAINTEXT, b"seen by all")
        assert (opened.alg, opened.enc, opened.kid) == (alg, "A256GCM", key.kid)
        assert opened.unverified == {"note": 1}
        assert opened.protected["typ"] == "x"


@pytest.mark.parametrize("alg", ["dir", "ECDH-ES", "A128KW", "A256GCMKW"])
def test_a_general_token_may_have_one_recipient(alg: str) -> None:
    key = sealing_key(alg, "A256GCM")
    token = encrypt_general(PLAINTEXT, [Recipient(key, {"note": 1})])
    opened = decrypt_json(token, key)
    assert (opened.plaintext, opened.recipient) == (PLAINTEXT, 0)
    assert opened.protected == {"enc": "A256GCM"}
    assert opened.unverified["note"] == 1


def test_each_recipient_reads_with_its_own_key() -> None:
    password = Key.from_secret(b"correct horse", alg=PBES2)
    keys = [AES, RSA, ECDH, key_for("A256GCMKW"), password]
    recipients = [Recipient(key.public, cheap_header(key.alg)) for key in keys[:-1]]
    recipients.append(Recipient(password, {"p2c": 1000}))
    token = encrypt_general(
        PLAINTEXT,
        recipients,
        enc="A192CBC-HS384",
        header={"typ": "x"},
        unprotected={"jku": "https://x"},
        aad=b"seen",
    )
    for index, key in enumerate(keys):
        opened = decrypt_json(json.dumps(token), key)
        assert (opened.plaintext, opened.recipient, opened.alg) == (PLAINTEXT, index, key.alg)
        assert opened.protected == {"enc": "A192CBC-HS384", "typ": "x"}
    assert decrypt_json(token, KeySet([ECDH])).recipient == 2
    with pytest.raises(AlgorithmMismatch):
        decrypt_json(token, key_for("A256KW"))


@pytest.mark.parametrize("alg", ["dir", "ECDH-ES"])
def test_direct_agreement_serves_one_recipient_only(alg: str) -> None:  # section 7.2.1
    key = sealing_key(alg, "A256GCM")
    with pytest.raises(InvalidKey, match="one recipient"):
        encrypt_general(PLAINTEXT, [Recipient(AES), Recipient(key)])


def test_a_recipient_that_cannot_be_read_does_not_stop_another() -> None:
    token = encrypt_general(PLAINTEXT, [Recipient(AES), Recipient(ECDH)])
    token["recipients"][0]["header"]["alg"] = "RSA1_5"
    assert decrypt_json(token, ECDH).recipient == 1
    with pytest.raises(UnknownAlgorithm):
        decrypt_json(token, AES)


def test_a_failed_decryption_says_more_than_a_key_that_is_not_ours() -> None:
    token = encrypt_general(PLAINTEXT, [Recipient(RSA), Recipient(AES)])
    with pytest.raises(DecryptionFailed):
        decrypt_json({**token, "tag": base64url.encode(bytes(16))}, AES)


def test_several_passwords_share_the_bound_on_work() -> None:
    first, second = (Key.from_secret(p, alg=PBES2) for p in (b"password one", b"password two"))
    cheap = [Recipient(key, {"p2c": 1000}) for key in (first, second)]
    token = encrypt_general(PLAINTEXT, cheap)
    assert decrypt_json(token, second).recipient == 1
    for entry in token["recipients"]:
        entry["header"]["p2c"] = 700_000
    with pytest.raises(InvalidHeader, match="p2c"):
        decrypt_json(token, second)
    with pytest.raises(ValueError, match="rounds"):
        encrypt_general(PLAINTEXT, [Recipient(key) for key in (first, second)] * 3)


# --- what is covered ----------------------------------------------------------------------------


@pytest.mark.parametrize("aad", [..., "", "AAAA", base64url.encode(b"Seen")])
def test_the_additional_data_is_authenticated(aad: Any) -> None:  # section 5.1 step 14
    with pytest.raises(DecryptionFailed):
        decrypt_json(_flattened(aad=aad), AES)


def test_the_protected_header_is_authenticated() -> None:
    changed = _protected(alg="A128KW", enc="A256GCM", kid=AES.kid, typ="y")
    with pytest.raises(DecryptionFailed):
        decrypt_json(_flattened(protected=changed), AES)


# --- shape --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"ciphertext": ...},
        {"ciphertext": None},
        {"ciphertext": "="},
        {"iv": 1},
        {"iv": "!"},
        {"tag": []},
        {"tag": "é"},
        {"aad": 7},
        {"aad": "="},
        {"encrypted_key": {}},
        {"encrypted_key": "!"},
        {"protected": 1},
        {"protected": "e30"},
        {"protected": "e30="},
        {"protected": ...},
        {"unprotected": []},
        {"unprotected": None},
        {"header": "x"},
        {"recipients": []},
    ],
)
def test_a_member_of_the_wrong_type_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedToken):
        decrypt_json(_flattened(**changes), AES)


@pytest.mark.parametrize("missing", ["iv", "tag", "encrypted_key"])
def test_a_missing_part_is_refused(missing: str) -> None:
    with pytest.raises(DecryptionFailed):
        decrypt_json(_flattened(**{missing: ...}), AES)


@pytest.mark.parametrize("recipients", [None, {}, [], "x", [1], [None], [[]], [{"header": 1}]])
def test_recipients_is_an_array_of_objects(recipients: Any) -> None:
    token = encrypt_general(PLAINTEXT, [Recipient(AES)])
    with pytest.raises(MalformedToken):
        decrypt_json({**token, "recipients": recipients}, AES)


def test_flattened_and_general_members_do_not_mix() -> None:  # section 7.2.2
    token = encrypt_general(PLAINTEXT, [Recipient(AES)])
    extra: dict[str, Any]
    for extra in ({"header": {}}, {"encrypted_key": "AAAA"}):
        with pytest.raises(MalformedToken, match="beside"):
            decrypt_json({**token, **extra}, AES)


def test_the_number_of_recipients_is_bounded() -> None:
    token = encrypt_general(PLAINTEXT, [Recipient(AES)])
    token["recipients"] *= MAX_ENTRIES + 1
    with pytest.raises(MalformedToken, match="more than"):
        decrypt_json(token, AES)
    for count in (0, MAX_ENTRIES + 1):
        with pytest.raises(ValueError):
            encrypt_general(PLAINTEXT, [Recipient(AES)] * count)


def test_the_content_encryption_is_the_same_for_all() -> None:  # section 7.2.1
    token = encrypt_general(PLAINTEXT, [Recipient(AES), Recipient(ECDH)])
    token["protected"] = _protected(typ="x")
    token["recipients"][0]["header"]["enc"] = "A256GCM"
    token["recipients"][1]["header"]["enc"] = "A128GCM"
    with pytest.raises(InvalidHeader, match="same for all"):
        decrypt_json(token, AES)


def test_a_member_stands_in_one_header_only() -> None:  # section 7.2.1
    for part in ({"unprotected": {"alg": "A128KW"}}, {"header": {"enc": "A256GCM"}}):
        with pytest.raises(InvalidHeader, match="two parts"):
            decrypt_json(_flattened(**part), AES)
    for twice in ({"alg": "A128KW"}, {"enc": "A256GCM"}, {"kid": "1"}, {"typ": "y"}):
        with pytest.raises(ValueError):
            encrypt_flattened(PLAINTEXT, AES, header={"typ": "x"}, unprotected=twice)
    for own in ({"typ": "y"}, {"enc": "A256GCM"}, {"jku": "y"}):
        with pytest.raises(ValueError):
            encrypt_general(
                PLAINTEXT,
                [Recipient(AES, own)],
                header={"typ": "x"},
                unprotected={"jku": "x"},
            )
    with pytest.raises(ValueError):
        encrypt_general(PLAINTEXT, [Recipient(AES)], header={"alg": "A128KW"})


def test_crit_is_understood_nowhere() -> None:
    token = _flattened(protected=_protected(alg="A128KW", enc="A256GCM", crit=["x"], x=1))
    with pytest.raises(UnsupportedCritical):
        decrypt_json(token, AES)
    with pytest.raises(UnsupportedCritical):
        decrypt_json(_flattened(unprotected={"crit": ["x"], "x": 1}), AES)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"iv":"","iv":""}', b"\xff", "\ud800"])
def test_what_is_no_json_object_is_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedToken):
        decrypt_json(text, AES)


def test_a_token_is_bounded() -> None:
    with pytest.raises(TokenTooLarge):
        decrypt_json(encrypt_flattened(bytes(300_000), AES), AES)


def test_a_compact_token_is_not_json() -> None:
    with pytest.raises(MalformedToken):
        decrypt_json(encrypt_compact(PLAINTEXT, AES), AES)
    with pytest.raises(TypeError):
        decrypt_json(7, AES)  # type: ignore[arg-type]  # what is tested
