"""A key does what its half, algorithm, `use` and `key_ops` allow: RFC 7517 sections 4.2 and 4.3."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.jose_keys import key_for

from lingpai.errors import InvalidKey
from lingpai.jose.keys import Key, PrivateKey


def _private(alg: str) -> PrivateKey:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    return key


def _jwk(of: str, /, **changes: Any) -> dict[str, Any]:
    return {**key_for(of).to_jwk(private=True), **changes}


@pytest.mark.parametrize(
    ("alg", "use"), [("ES256", "enc"), ("HS256", "enc"), ("A128KW", "sig"), ("ES256", "foo")]
)
def test_use_must_be_what_the_algorithm_does(alg: str, use: str) -> None:
    with pytest.raises(InvalidKey, match="use"):
        Key.from_jwk(_jwk(alg, use=use))


@pytest.mark.parametrize(
    ("alg", "ops"),
    [
        ("ES256", ["verify"]),
        ("ES256", []),
        ("ES256", ["encrypt"]),
        ("HS256", ["wrapKey"]),
        ("A128KW", ["sign"]),
        ("RSA-OAEP-256", ["wrapKey"]),
        ("ECDH-ES", ["verify"]),
    ],
)
def test_a_key_whose_key_ops_allow_nothing_is_refused(alg: str, ops: list[str]) -> None:
    with pytest.raises(InvalidKey, match="key_ops"):
        Key.from_jwk(_jwk(alg, key_ops=ops))


@pytest.mark.parametrize("ops", ["sign", {"sign": 1}, [1], ["sign", "sign"], [["sign"]]])
def test_key_ops_is_an_array_of_distinct_strings(ops: object) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(_jwk("ES256", key_ops=ops))


def test_a_public_key_that_may_only_sign_is_refused() -> None:
    with pytest.raises(InvalidKey, match="key_ops"):
        Key.from_jwk({**_private("ES256").to_jwk(), "key_ops": ["sign"]})


def test_web_crypto_writes_public_ecdh_keys_without_operations() -> None:
    key = Key.from_jwk({**_private("ECDH-ES").to_jwk(), "key_ops": []})
    assert key.sealer


def test_key_ops_are_kept_at_the_operation() -> None:
    verifying = Key.from_jwk(_jwk("HS256", key_ops=["verify"]))
    assert callable(verifying.verify_signature)
    with pytest.raises(InvalidKey, match="do not allow sign"):
        _ = verifying.sign_message
    signing = Key.from_jwk(_jwk("HS256", key_ops=["sign"]))
    with pytest.raises(InvalidKey, match="do not allow verify"):
        _ = signing.verify_signature
    wrapping = Key.from_jwk(_jwk("A128KW", key_ops=["wrapKey"]))
    assert wrapping.sealer
    with pytest.raises(InvalidKey, match="do not allow decrypt"):
        _ = wrapping.opener
    unwrapping = Key.from_jwk(_jwk("A128KW", key_ops=["unwrapKey"]))
    with pytest.raises(InvalidKey, match="do not allow encrypt"):
        _ = unwrapping.sealer


def test_a_key_does_only_what_its_half_and_algorithm_do() -> None:
    public, private = _private("ES256").public, _private("RSA-OAEP-256")
    with pytest.raises(InvalidKey, match="public key for ES256 does not sign"):
        _ = public.sign_message
    with pytest.raises(InvalidKey, match="does not encrypt"):
        _ = public.sealer
    with pytest.raises(InvalidKey, match="does not sign"):
        _ = private.sign_message
    with pytest.raises(InvalidKey, match="public key for RSA-OAEP-256 does not decrypt"):
        _ = private.public.opener
