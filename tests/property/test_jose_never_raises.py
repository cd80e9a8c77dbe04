"""Whatever comes, a public function of `jose` answers or raises what its docstring names."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.jose_keys import ALLOW, SIGNING, cheap_header, key_for, sealing_key
from tests.support.strategies import ANY_TEXT, HEADER_NAMES, JSON_VALUES

from lingpai.errors import InvalidKey, TokenError
from lingpai.jose import base64url, strict_json
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS, KEY_MANAGEMENT_ALGORITHMS
from lingpai.jose.compression import inflate
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.jwe_json import Recipient, decrypt_json, encrypt_flattened, encrypt_general
from lingpai.jose.jws import KeySource, sign_compact, verify_compact
from lingpai.jose.jws_detached import verify_detached, verify_unencoded
from lingpai.jose.jws_json import Signer, sign_flattened, sign_general, verify_json
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey
from lingpai.jose.weak_keys import looks_like_key_text

MANY = settings(max_examples=200)
ALGS = ("HS256", "ES256", "Ed25519")
ENC_ALGS = ("dir", "A128KW", "A128GCMKW", "ECDH-ES", "ECDH-ES+A128KW", "PBES2-HS256+A128KW")
MEMBER_NAMES = st.sampled_from(
    (
        *("kty", "alg", "use", "key_ops", "kid", "crv", "x", "y", "d", "n", "e", "p", "q", "dp"),
        *("dq", "qi", "oth", "k", "pub", "priv", "x5c", "x5t"),
    )
)
# Values that are nearly what a member takes.
NEARLY = st.one_of(
    JSON_VALUES,
    st.binary(max_size=70).map(base64url.encode),
    st.sampled_from(("P-256", "Ed25519", "X448", "EC", "oct", "RSA", "AKP", "OKP", "ES256", "dir")),
)
JSON_TOKEN_NAMES = st.sampled_from(
    (
        *("payload", "protected", "header", "signature", "signatures", "recipients", "aad"),
        *("unprotected", "encrypted_key", "iv", "ciphertext", "tag"),
    )
)
ANYTHING: st.SearchStrategy[str | bytes] = st.one_of(
    ANY_TEXT,
    st.binary(max_size=80),
    st.lists(st.binary(max_size=30).map(base64url.encode), max_size=7).map(".".join),
)


def _verifying() -> tuple[KeySource, ...]:
    keys = [key_for(alg) for alg in ALGS]
    return (*keys, KeySet(keys[1:]), KeySet([]))


def _opening() -> tuple[KeySource, ...]:
    keys = [sealing_key(alg, "A256GCM") for alg in ENC_ALGS]
    return (*keys, KeySet(keys))


def _header(base: dict[str, Any], members: dict[str, Any]) -> str:
    return base64url.encode(json.dumps({**base, **members}).encode("utf-8", "replace"))


@cache
def _sealed(alg: str) -> str:
    return encrypt_compact(b"x", sealing_key(alg, "A256GCM"), header=cheap_header(alg))


# --- tokens -------------------------------------------------------------------------------------


@MANY
@given(token=ANYTHING)
def test_anything_is_no_compact_token(token: str | bytes) -> None:
    for keys in _verifying():
        for verify in (
            lambda keys=keys: verify_compact(token, keys),
            lambda keys=keys: verify_detached(token, b"", keys),
            lambda keys=keys: verify_unencoded(token, keys),
        ):
            try:
                verify()
            except TokenError:
                continue
            raise AssertionError("a random token verified")


@MANY
@given(token=ANYTHING)
def test_anything_is_no_encrypted_token(token: str | bytes) -> None:
    for keys in _opening():
        try:
            decrypt_compact(token, keys, allow_compressed=True)
        except TokenError:
            continue
        raise AssertionError("a random token decrypted")


@MANY
@given(members=st.dictionaries(HEADER_NAMES, JSON_VALUES, max_size=4), alg=st.sampled_from(ALGS))
def test_a_header_of_any_members_is_read_or_refused(members: dict[str, Any], alg: str) -> None:
    """Signed for real under the header, so that what lies behind the signature is reached."""
    key = key_for(alg)
    head = _header({"alg": alg}, members)
    for payload in ("eA", "e30", "!"):
        signature = base64url.encode(key.sign_message(f"{head}.{payload}".encode()))
        token = f"{head}.{payload}.{signature}"
        for keys in (key, KeySet([key])):
            try:
                verify_compact(token, keys)
                verify_unencoded(token, keys)
            except TokenError:
                continue


@settings(max_examples=120)
@given(members=st.dictionaries(HEADER_NAMES, JSON_VALUES, max_size=4))
def test_an_encryption_header_of_any_members_is_read_or_refused(members: dict[str, Any]) -> None:
    for alg in ENC_ALGS:
        key = sealing_key(alg, "A256GCM")
        head, *rest = _sealed(alg).split(".")
        base = strict_json.decode_object(base64url.decode(head))
        if not isinstance(members.get("p2c", 0), int) or members.get("p2c", 0) > 5000:
            members = {**members, "p2c": 1_200_001}
        token = ".".join((_header(base, members), *rest))
        try:
            decrypt_compact(token, key, allow_compressed=True)
        except TokenError:
            continue


JSON_MEMBERS = st.dictionaries(JSON_TOKEN_NAMES, NEARLY, max_size=3)


@MANY
@given(changes=JSON_MEMBERS, inside=JSON_MEMBERS)
def test_a_json_token_of_any_members_is_read_or_refused(
    changes: dict[str, Any], inside: dict[str, Any]
) -> None:
    key, aes = key_for("HS256"), key_for("A128KW")
    general = sign_general(b"x", [Signer(key)])
    shared = encrypt_general(b"x", [Recipient(aes)], aad=b"y")
    for token in (
        {**sign_flattened(b"x", key), **changes},
        {**general, "signatures": [{**general["signatures"][0], **inside}], **changes},
        {**encrypt_flattened(b"x", aes, aad=b"y"), **changes},
        {**shared, "recipients": [{**shared["recipients"][0], **inside}], **changes},
        changes,
    ):
        for read in (
            lambda t=token: verify_json(t, key),
            lambda t=token: verify_json(t, key, payload=b"x"),
            lambda t=token: decrypt_json(t, aes, allow_compressed=True),
        ):
            try:
                read()
            except TokenError:
                continue


@MANY
@given(token=ANYTHING | JSON_VALUES.map(json.dumps))
def test_any_text_is_no_json_token(token: str | bytes) -> None:
    for read in (
        lambda: verify_json(token, key_for("HS256")),
        lambda: decrypt_json(token, key_for("A128KW")),
    ):
        try:
            read()
        except TokenError:
            continue
        raise AssertionError("a random token was read")


@MANY
@given(data=st.binary(max_size=200))
def test_any_bytes_inflate_or_are_refused(data: bytes) -> None:
    try:
        assert len(inflate(data)) <= 250_000
    except TokenError:
        return


# --- content and keys of any length -------------------------------------------------------------


@settings(max_examples=40)
@given(
    parts=st.lists(st.binary(max_size=80), min_size=4, max_size=4),
    enc=st.sampled_from(sorted(CONTENT_ENCRYPTIONS)),
)
def test_parts_of_any_length_are_refused(parts: list[bytes], enc: str) -> None:
    for alg in KEY_MANAGEMENT_ALGORITHMS:
        if alg.startswith("RSA"):
            continue  # a private key operation each; the unit tests have them
        key = sealing_key(alg, enc)
        token = encrypt_compact(b"x", key, enc=enc, header=cheap_header(alg))
        head = token.partition(".")[0]
        changed = ".".join((head, *(base64url.encode(part) for part in parts)))
        try:
            decrypt_compact(changed, key)
        except TokenError:
            continue
        raise AssertionError("random content decrypted")


# --- keys ---------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(
    alg=st.sampled_from((*SIGNING[:1], *SIGNING[9:], "ECDH-ES", "A128KW", "dir")),
    changes=st.dictionaries(MEMBER_NAMES, NEARLY, max_size=3),
    dropped=st.lists(MEMBER_NAMES, max_size=2),
    asked=st.sampled_from((None, "ES256", "HS256", "dir", "A256GCM", "EdDSA", "none")),
)
def test_a_jwk_of_any_members_loads_or_is_refused(
    alg: str, changes: dict[str, Any], dropped: list[str], asked: str | None
) -> None:
    members = {**key_for(alg).to_jwk(private=True), **changes}
    members = {name: value for name, value in members.items() if name not in dropped}
    try:
        key = Key.from_jwk(members, alg=asked, allow=(*ALLOW, "EdDSA"))
    except InvalidKey:
        return
    again = Key.from_jwk(key.to_jwk(private=True), allow=ALLOW)
    assert again.thumbprint() == key.thumbprint()
    repr(key), key.candidates(key.alg, None)


@MANY
@given(
    jwks=st.one_of(
        ANYTHING,
        JSON_VALUES.map(json.dumps),
        st.lists(st.dictionaries(MEMBER_NAMES, NEARLY), max_size=4).map(lambda k: {"keys": k}),
        st.lists(NEARLY, max_size=4).map(lambda k: {"keys": k}),
    ),
    default=st.sampled_from((None, "RS256", "HS256", "none")),
)
def test_a_jwks_of_anything_is_read_or_refused(jwks: Any, default: str | None) -> None:
    try:
        keys = KeySet.from_jwks(jwks, default_algorithm=default)
    except InvalidKey:
        return
    assert len(keys) + len(keys.skipped) <= 4
    for skipped in keys.skipped:
        assert skipped.reason.isprintable()
    keys.to_jwks(private=True)


@MANY
@given(data=st.binary(max_size=120) | ANY_TEXT.map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_no_key_file(data: bytes) -> None:
    armoured = b"-----BEGIN PRIVATE KEY-----\n" + data + b"\n-----END PRIVATE KEY-----\n"
    certificate = b"-----BEGIN CERTIFICATE-----\n" + data + b"\n-----END CERTIFICATE-----\n"
    for text in (data, armoured, certificate):
        for load in (Key.from_pem, Key.from_der):
            try:
                load(text, alg="RS256", password=None)
            except InvalidKey:
                continue
            raise AssertionError("a random key loaded")
    looks_like_key_text(data)
    try:
        Key.from_secret(data, alg="HS256")
    except InvalidKey:
        return


@MANY
@given(
    alg=st.sampled_from(("ES256", "Ed25519", "RS256", "ML-DSA-44")),
    position=st.floats(0, 1, exclude_max=True),
    octet=st.integers(0, 255),
    private=st.booleans(),
)
def test_a_key_file_with_one_octet_changed_loads_or_is_refused(
    alg: str, position: float, octet: int, private: bool
) -> None:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    pem = bytearray(key.to_pem() if private else key.public.to_pem())
    pem[int(position * len(pem))] = octet
    try:
        Key.from_pem(bytes(pem), alg=alg)
    except InvalidKey:
        return


@MANY
@given(header=st.dictionaries(HEADER_NAMES | ANY_TEXT, JSON_VALUES, max_size=4))
def test_a_callers_header_is_written_or_a_value_error(header: dict[str, Any]) -> None:
    for write in (
        lambda: sign_compact(b"x", key_for("HS256"), header),
        lambda: encrypt_compact(b"x", key_for("A128KW"), header=header),
        lambda: sign_flattened(b"x", key_for("HS256"), header, unprotected=header),
        lambda: encrypt_flattened(b"x", key_for("A128KW"), header=header, unprotected=header),
        lambda: encrypt_general(b"x", [Recipient(key_for("A128KW"), header)], header=header),
    ):
        try:
            write()
        except ValueError:
            continue
