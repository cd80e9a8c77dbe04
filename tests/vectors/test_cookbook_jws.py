"""RFC 7520 section 4: every JWS of the cookbook verifies, and is made again where it can be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.vectors import load, names

from lingpai.errors import AlgorithmMismatch, InvalidKey, SignatureInvalid, UnsupportedCritical
from lingpai.jose import base64url
from lingpai.jose.jws import sign_encoded, verify_compact
from lingpai.jose.jws_detached import verify_detached, verify_unencoded
from lingpai.jose.jws_json import verify_json
from lingpai.jose.keys import Key, PrivateKey, SecretKey

SINGLE = [name for name in names("rfc7520", "jws") if "multiple" not in name]
DETACHED = "4_5.signature_with_detached_content.json"
WITH_COMPACT = [name for name in SINGLE if "protecting" not in name and name != DETACHED]
REPRODUCIBLE = [n for n in SINGLE if load("rfc7520", "jws", n).get("reproducible")]


def _key(source: dict[str, Any], alg: str, **options: Any) -> PrivateKey | SecretKey:
    key = Key.from_jwk(source, alg=alg, **options)
    assert isinstance(key, (PrivateKey, SecretKey))
    return key


def _example(name: str) -> tuple[dict[str, Any], PrivateKey | SecretKey, bytes]:
    example = load("rfc7520", "jws", name)
    given = example["input"]
    return example, _key(given["key"], given["alg"]), given["payload"].encode()


@pytest.mark.parametrize("name", WITH_COMPACT)
def test_a_compact_example_verifies(name: str) -> None:
    example, key, payload = _example(name)
    assert verify_compact(example["output"]["compact"], key.public)[1] == payload


@pytest.mark.parametrize("form", ["json", "json_flat"])
@pytest.mark.parametrize("name", SINGLE)
def test_a_json_example_verifies(name: str, form: str) -> None:
    example, key, payload = _example(name)
    detached = payload if name == DETACHED else None
    verified = verify_json(example["output"][form], key.public, payload=detached)
    assert verified.payload == payload
    assert [signature.index for signature in verified.signatures] == [0]


@pytest.mark.parametrize("name", REPRODUCIBLE)
def test_a_reproducible_example_is_made_again(name: str) -> None:
    example, key, _ = _example(name)
    signature = key.sign_message(example["signing"]["sig-input"].encode("ascii"))
    assert base64url.encode(signature) == example["signing"]["sig"]


@pytest.mark.parametrize("name", [n for n in REPRODUCIBLE if n in WITH_COMPACT])
def test_a_reproducible_compact_example_is_made_again_whole(name: str) -> None:
    example, key, payload = _example(name)
    protected = example["signing"]["protected_b64u"].encode("ascii")
    assert sign_encoded(protected, payload, key) == example["output"]["compact"]


def test_detached_content_is_verified_beside_the_token() -> None:  # section 4.5
    example, key, payload = _example(DETACHED)
    assert verify_detached(example["output"]["compact"], payload, key).alg == "HS256"
    with pytest.raises(SignatureInvalid):
        verify_detached(example["output"]["compact"], payload + b" ", key)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_of_several_signatures_verifies_with_its_key(index: int) -> None:  # section 4.8
    example = load("rfc7520", "jws", "4_8.multiple_signatures.json")
    key = _key(example["input"]["key"][index], example["input"]["alg"][index])
    verified = verify_json(example["output"]["json"], key.public)
    assert verified.payload == example["input"]["payload"].encode()
    assert [signature.index for signature in verified.signatures] == [index]
    assert {refused.index for refused in verified.refused} == {0, 1, 2} - {index}
    assert all(isinstance(r.reason, AlgorithmMismatch) for r in verified.refused)


def test_an_unprotected_header_is_called_unverified() -> None:  # section 4.7
    example, key, _ = _example("4_7.protecting_content_only.json")
    [signature] = verify_json(example["output"]["json_flat"], key).signatures
    assert signature.protected == {}
    assert signature.unverified == example["signing"]["unprotected"]


# --- RFC 8037 and RFC 7797, which the cookbook holds as well -----------------------------------


def test_the_name_eddsa_is_refused_unless_opted_in() -> None:  # RFC 9864
    example = load("rfc7520", "curve25519", "jws.json")
    token = example["output"]["compact"]
    with pytest.raises(AlgorithmMismatch):
        verify_compact(token, _key(example["input"]["key"], "Ed25519"))
    with pytest.raises(InvalidKey):
        Key.from_jwk({**example["input"]["key"], "alg": "EdDSA"})


@pytest.mark.parametrize("form", ["json", "json_flat"])
def test_eddsa_verifies_where_it_is_opted_in(form: str) -> None:
    example = load("rfc7520", "curve25519", "jws.json")
    key = _key(example["input"]["key"], "Ed25519", allow=("EdDSA",))
    payload = example["input"]["payload"].encode()
    assert verify_compact(example["output"]["compact"], key)[1] == payload
    assert verify_json(example["output"][form], key).payload == payload
    protected = example["signing"]["protected_b64u"].encode("ascii")
    assert sign_encoded(protected, payload, key) == example["output"]["compact"]


def test_an_unencoded_payload_verifies() -> None:  # RFC 7797 section 4.2
    example = load("rfc7520", "rfc7797", "hmac-sha2_b64_false.json")
    key = _key(example["input"]["key"], "HS256")
    payload = example["input"]["payload"].encode()
    assert verify_unencoded(example["output"]["compact"], key)[1] == payload
    assert verify_json(example["output"]["json"], key).payload == payload
    assert verify_json(example["output"]["json_flat"], key).payload == payload


@pytest.mark.parametrize("form", ["json", "json_flat"])
def test_b64_that_crit_does_not_list_is_refused(form: str) -> None:  # RFC 7797 section 6
    # A fault of this file: the header that was signed lacks the `crit` that its own text shows.
    example = load("rfc7520", "rfc7797", "4.2.hmac-sha2_b64_false.json")
    with pytest.raises(UnsupportedCritical):
        verify_json(example["output"][form], _key(example["input"]["key"], "HS256"))
