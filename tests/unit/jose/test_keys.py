"""Key: one key, one algorithm; private, public and secret told apart by type."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from tests.support.jose_keys import ALLOW, ASYMMETRIC, ECDH_CURVES, ENCRYPTING, SIGNING, key_for

from lingpai.errors import InvalidKey
from lingpai.jose import base64url
from lingpai.jose.jws import sign_compact, verify_compact
from lingpai.jose.keys import Key, PrivateKey, PublicKey, SecretKey

PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k", "priv"}


def _private(alg: str) -> PrivateKey:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    return key


def _jwk(of: str, /, **changes: Any) -> dict[str, Any]:
    return {**key_for(of).to_jwk(private=True), **changes}


# --- making -------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", [*SIGNING, *ENCRYPTING])
def test_a_generated_key_is_for_its_one_algorithm(alg: str) -> None:
    key = key_for(alg)
    assert key.alg == alg
    assert key.accepts == {alg}


@pytest.mark.parametrize("alg", ["none", "None", "RSA1_5", "hs256", "EdDSA", "ES256 ", "", "HS1"])
def test_an_unknown_algorithm_has_no_key(alg: str) -> None:
    with pytest.raises(InvalidKey):
        Key.generate(alg)


def test_es256k_is_off_by_default() -> None:  # RFC 8812 section 3.2, by our choice
    with pytest.raises(InvalidKey, match="off by default"):
        Key.generate("ES256K")
    with pytest.raises(InvalidKey, match="off by default"):
        Key.from_jwk(_jwk("ES256K"))
    assert Key.from_jwk(_jwk("ES256K"), allow=ALLOW).alg == "ES256K"


@pytest.mark.parametrize(
    ("alg", "size"),
    [
        ("HS256", 128),
        ("HS512", 256),
        ("HS256", 257),
        ("A128KW", 256),
        ("A256GCMKW", 128),
        ("dir", 200),
        ("A256GCM", 128),
        ("RS256", 1024),
        ("RS256", 16384),
        ("RS256", 0),
    ],
)
def test_an_impossible_size_is_refused(alg: str, size: int) -> None:
    with pytest.raises(InvalidKey):
        Key.generate(alg, size=size)


@pytest.mark.parametrize("curve", ECDH_CURVES)
def test_ecdh_es_takes_each_curve(curve: str) -> None:
    assert key_for("ECDH-ES", curve).to_jwk()["crv"] == curve


def test_a_curve_that_does_not_fit_is_refused() -> None:  # RFC 9864: ES256 is P-256
    for alg, curve in (("ES256", "P-384"), ("Ed25519", "Ed448"), ("ECDH-ES", "Ed25519")):
        with pytest.raises(InvalidKey):
            Key.generate(alg, curve=curve)


@pytest.mark.parametrize(
    ("size", "enc"),
    [(None, "A256GCM"), (128, "A128GCM"), (192, "A192GCM"), (384, "A192CBC-HS384")],
)
def test_a_dir_key_is_for_one_content_encryption(size: int | None, enc: str) -> None:
    key = Key.generate("dir", size=size)
    assert (key.alg, key.enc) == ("dir", enc)


def test_a_jwk_names_the_content_encryption_of_a_dir_key() -> None:  # RFC 7517 section 4.4
    key = Key.generate("A128CBC-HS256")
    members = key.to_jwk(private=True)
    assert members["alg"] == "A128CBC-HS256"
    assert Key.from_jwk(members).enc == "A128CBC-HS256"
    assert Key.from_jwk({**members, "alg": "dir"}).enc == "A256GCM"
    assert Key.from_jwk({**members, "alg": "dir"}, alg="A128CBC-HS256").enc == "A128CBC-HS256"


# --- kid and thumbprint -------------------------------------------------------------------------


@pytest.mark.parametrize("alg", [*SIGNING, "A256KW", "RSA-OAEP-256", "ECDH-ES"])
def test_a_generated_key_takes_its_thumbprint_as_kid(alg: str) -> None:
    key = key_for(alg)
    assert key.kid == key.thumbprint()


def test_a_kid_that_was_given_stays() -> None:
    assert Key.generate("ES256", kid="k1").kid == "k1"
    assert Key.from_jwk(_jwk("ES256", kid="k2")).kid == "k2"
    assert Key.from_secret(b"0123456789abcdef0123456789abcdef", alg="HS256").kid is None


def test_a_thumbprint_is_that_of_both_halves() -> None:  # RFC 7638 section 3.2
    for alg in ASYMMETRIC:
        key = _private(alg)
        assert key.thumbprint() == key.public.thumbprint()


# --- JWK ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", [*SIGNING, *ENCRYPTING])
def test_a_private_jwk_gives_the_key_back(alg: str) -> None:
    key = key_for(alg)
    again = Key.from_jwk(json.dumps(key.to_jwk(private=True)), allow=ALLOW)
    assert type(again) is type(key)
    assert again.to_jwk(private=True) == key.to_jwk(private=True)
    assert again.alg == alg


@pytest.mark.parametrize("alg", ASYMMETRIC)
def test_a_public_jwk_holds_no_private_member(alg: str) -> None:
    key = _private(alg)
    for members in (key.to_jwk(), key.public.to_jwk(), key.public.to_jwk(private=True)):
        assert PRIVATE_MEMBERS.isdisjoint(members)
        assert isinstance(Key.from_jwk(members, allow=ALLOW), PublicKey)


@pytest.mark.parametrize("alg", ["HS256", "A128KW", "dir", "PBES2-HS256+A128KW"])
def test_a_secret_is_not_written_unless_asked(alg: str) -> None:
    with pytest.raises(InvalidKey, match="no public half"):
        key_for(alg).to_jwk()


def test_the_public_half_of_a_jwk_keeps_no_private_key_ops() -> None:  # RFC 7517 section 4.3
    key = Key.from_jwk(_jwk("ES256", key_ops=["sign"]))
    assert "key_ops" not in key.to_jwk()
    assert key.to_jwk(private=True)["key_ops"] == ["sign"]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"kty":"EC","kty":"EC"}', b"\xff", "\ud800"]
)
def test_a_jwk_is_one_json_object(text: str | bytes) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(text)


def test_a_jwk_of_another_type_is_the_callers_mistake() -> None:
    for wrong in (7, None, [], object()):
        with pytest.raises(TypeError):
            Key.from_jwk(wrong)  # type: ignore[arg-type]  # what is tested


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("ES256", {"kty": None}),
    ("ES256", {"kty": "XY"}),
    ("ES256", {"kty": ["EC"]}),
    ("ES256", {"crv": "P-384"}),
    ("ES256", {"crv": "Ed25519"}),
    ("ES256", {"crv": ["P-256"]}),
    ("ES256", {"x": 1}),
    ("ES256", {"x": "AA"}),
    ("ES256", {"x": "!"}),
    ("ES256", {"y": base64url.encode(bytes(32))}),
    ("ES256", {"d": base64url.encode(bytes(32))}),
    ("ES256", {"d": base64url.encode(bytes(31) + b"\1")}),
    ("ES256", {"kid": 1}),
    ("ES256", {"alg": 1}),
    ("ES256", {"use": ["sig"]}),
    ("Ed25519", {"x": base64url.encode(bytes(32))}),
    ("Ed25519", {"d": "AA"}),
    ("Ed25519", {"crv": "P-256"}),
    ("Ed25519", {"crv": "Ed448"}),
    ("RS256", {"n": "AQAB"}),
    ("RS256", {"e": "AQ"}),
    ("RS256", {"e": "Ag"}),
    ("RS256", {"e": base64url.encode(b"\1" * 300)}),
    ("RS256", {"d": "AQAB"}),
    ("RS256", {"p": "AQAB"}),
    ("RS256", {"qi": None}),
    ("RS256", {"oth": []}),
    ("RS256", {"n": base64url.encode(b"\xff" * 3000)}),
    ("HS256", {"k": None}),
    ("HS256", {"k": "====", "alg": "HS256"}),
    ("ML-DSA-44", {"alg": "ML-DSA-65"}),
    ("ML-DSA-44", {"alg": "ML-DSA-99"}),
    ("ML-DSA-44", {"alg": None}),
    ("ML-DSA-44", {"pub": "AA"}),
    ("ML-DSA-44", {"priv": "AA"}),
    ("ML-DSA-44", {"priv": base64url.encode(bytes(32))}),
]


@pytest.mark.parametrize(("alg", "changes"), BROKEN)
def test_a_broken_jwk_is_refused(alg: str, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(_jwk(alg, **changes))


def test_a_foreign_member_of_any_type_changes_nothing() -> None:
    members = _jwk("RS256", crv="P-256", x5c=[1], key={"a": 1})
    assert Key.from_jwk(members).thumbprint() == key_for("RS256").thumbprint()
    del members["alg"]
    odd: Any
    for odd in ([], {}, 1):
        with pytest.raises(InvalidKey):
            Key.from_jwk({**members, "crv": odd})


def test_no_message_holds_key_material() -> None:
    members = _jwk("ES256")
    with pytest.raises(InvalidKey) as caught:
        Key.from_jwk({**members, "d": members["x"]})
    for name in ("x", "y", "d"):
        assert members[name] not in str(caught.value)


# --- which algorithm ----------------------------------------------------------------------------


def test_a_key_that_names_no_algorithm_and_leaves_a_choice_is_refused() -> None:
    for alg in ("RS256", "HS256", "ECDH-ES"):
        members = _jwk(alg, alg=None)
        if alg == "ECDH-ES":
            members["use"] = "enc"
        with pytest.raises(InvalidKey, match="pass alg="):
            Key.from_jwk(members)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "Ed25519", "Ed448"])
def test_a_curve_that_leaves_no_choice_names_the_algorithm(alg: str) -> None:  # RFC 9864
    assert Key.from_jwk(_jwk(alg, alg=None)).alg == alg


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ("ES256", "ES384"),
        ("RS256", "PS256"),
        ("HS256", "HS384"),
        ("HS256", "dir"),
        ("A128KW", "dir"),
    ],
)
def test_an_algorithm_that_contradicts_the_jwk_is_refused(own: str, asked: str) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(_jwk(own), alg=asked)


@pytest.mark.parametrize(
    ("own", "asked"),
    [("ES256", "ES384"), ("ES256", "HS256"), ("RS256", "ES256"), ("Ed25519", "Ed448")],
)
def test_an_algorithm_that_does_not_fit_is_refused(own: str, asked: str) -> None:
    with pytest.raises(InvalidKey):
        Key.from_jwk(_jwk(own, alg=None), alg=asked)


def test_eddsa_names_a_key_only_by_opt_in() -> None:  # RFC 9864 section 2.2
    members = _jwk("Ed25519", alg="EdDSA")
    with pytest.raises(InvalidKey, match="deprecated"):
        Key.from_jwk(members)
    key = Key.from_jwk(members, allow=("EdDSA",))
    assert key.alg == "Ed25519"
    assert key.accepts == {"Ed25519", "EdDSA"}
    assert Key.from_jwk(_jwk("Ed448", alg="EdDSA"), allow=("EdDSA",)).alg == "Ed448"
    with pytest.raises(InvalidKey):
        Key.from_jwk(_jwk("ES256", alg="EdDSA"), allow=("EdDSA",))


# --- not leaking --------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ES256", "HS256", "RS256", "A128KW"])
def test_a_key_shows_no_material_and_is_not_pickled(alg: str) -> None:
    key = key_for(alg)
    assert repr(key) == f"{type(key).__name__}(alg={alg!r}, kid={key.kid!r})"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(TypeError):
        copy.deepcopy(key)


def test_a_secret_is_bytes() -> None:
    with pytest.raises(TypeError):
        Key.from_secret("0123456789abcdef0123456789abcdef", alg="HS256")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(InvalidKey, match="takes no secret"):
        Key.from_secret(bytes(range(32)), alg="ES256")
    assert isinstance(Key.from_secret(bytes(range(32)), alg="HS256"), SecretKey)


def test_an_rsa_key_is_read_without_its_factors() -> None:  # RFC 7518 section 6.3.2
    members = _jwk("RS256")
    short = {name: members[name] for name in ("kty", "alg", "kid", "n", "e", "d")}
    again = Key.from_jwk(short)
    assert isinstance(again, PrivateKey)
    token = sign_compact(b"x", again)
    assert verify_compact(token, key_for("RS256").public)[1] == b"x"
    with pytest.raises(InvalidKey, match="or none"):
        Key.from_jwk({**short, "p": members["p"]})


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(InvalidKey, match="too large"):
        Key.from_jwk(_jwk("RS256", n=base64url.encode(b"\xff" * 2049)))


def test_a_key_tells_its_type() -> None:
    kinds = {"RS256": "RSA", "ES256": "EC", "Ed25519": "OKP", "ML-DSA-44": "AKP", "HS256": "oct"}
    for alg, kty in kinds.items():
        assert key_for(alg).kty == kty
