"""Attacks that other libraries fell for, each under the name of its advisory: encryption."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.support.tokens import (
    NOW,
    POLICY,
    claims,
    encode,
    header,
    part,
    private_key,
    secret_key,
    token,
)

from lingpai import Key, KeySet, errors
from lingpai.errors import InvalidKey, TokenError
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.keys import PrivateKey, SecretKey
from lingpai.jwt.verify import verify

# --- CVE-2026-29000 pac4j: a plain JWT inside a JWE; CVE-2023-51774: signed and encrypted confused


def recipient() -> PrivateKey:
    return private_key("ECDH-ES+A128KW")


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
def test_cve_2026_29000_an_unsigned_token_inside_is_refused(alg: str) -> None:
    unsigned = f"{encode(part(header(alg=alg)))}.{encode(part(claims()))}."
    raw = encrypt_compact(unsigned.encode(), recipient().public, header={"cty": "JWT"})
    with pytest.raises(errors.UnknownAlgorithm):
        verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=recipient())


def test_cve_2026_29000_plain_claims_inside_are_refused() -> None:
    raw = encrypt_compact(
        part(claims()), recipient().public, header={"cty": "JWT", "typ": "at+jwt"}
    )
    with pytest.raises(TokenError):
        verify(raw, secret_key(), POLICY, now=NOW, decrypt_with=recipient())


def test_cve_2023_51774_what_is_only_encrypted_is_not_authentic() -> None:
    raw = encrypt_compact(part(claims()), recipient().public, header={"typ": "at+jwt"})
    for keys in (secret_key(), recipient(), KeySet([recipient()])):
        with pytest.raises(errors.UnexpectedKind):
            verify(raw, keys, POLICY, now=NOW)


def test_cve_2023_51774_a_key_for_one_does_not_do_the_other() -> None:
    with pytest.raises((TokenError, InvalidKey)):
        verify(token(), recipient(), POLICY, now=NOW)
    with pytest.raises((TokenError, InvalidKey)):
        decrypt_compact(encrypt_compact(b"x", recipient().public), private_key("ES256"))


# --- CVE-2022-36083, CVE-2023-52428, CVE-2026-27932: PBES2 as a way to burn the reader's time


def pbes2(count: Any) -> str:
    members = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": encode(bytes(16))}
    parts = [part(members | {"p2c": count}), bytes(24), bytes(12), b"x", bytes(16)]
    return ".".join(encode(each) for each in parts)


@pytest.mark.parametrize("count", [2**31 - 1, 1_200_001, 2**64, 10**300, "1000", -1, 0, 1, None])
def test_cve_2022_36083_an_absurd_count_is_refused_at_once(count: Any) -> None:
    key = Key.from_secret(b"a long enough passphrase", alg="PBES2-HS256+A128KW")
    raw = pbes2(count)
    quickest = 1.0
    for _ in range(5):
        started = time.perf_counter()
        with pytest.raises(errors.InvalidHeader, match="p2c"):
            decrypt_compact(raw, key)
        quickest = min(quickest, time.perf_counter() - started)
    assert quickest < 0.005


def test_cve_2023_52428_many_passwords_do_not_multiply_the_work() -> None:
    passwords = [f"a long enough passphrase {n}".encode() for n in range(8)]
    keys = KeySet(Key.from_secret(each, alg="PBES2-HS256+A128KW") for each in passwords)
    with pytest.raises(errors.InvalidHeader, match="p2c"):
        decrypt_compact(pbes2(1_000_000), keys)


# --- CVE-2024-28176, CVE-2024-28180, CVE-2026-39373: the compression bomb


def bomb(size: int) -> tuple[str, SecretKey]:
    """A `dir` + A256GCM token of `size` zeros, compressed: made without the library."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    small = deflate.compress(bytes(size)) + deflate.flush()
    secret, iv = bytes(range(32)), bytes(12)
    head = encode(part({"alg": "dir", "enc": "A256GCM", "zip": "DEF"}))
    sealed = AESGCM(secret).encrypt(iv, small, head.encode())
    raw = f"{head}..{encode(iv)}.{encode(sealed[:-16])}.{encode(sealed[-16:])}"
    return raw, Key.from_secret(secret, alg="A256GCM")


def test_cve_2024_28180_compressed_content_is_refused_by_default() -> None:
    raw, key = bomb(1000)
    with pytest.raises(errors.InvalidHeader, match="compressed"):
        decrypt_compact(raw, key)


def test_cve_2024_28176_a_bomb_does_not_burst() -> None:
    raw, key = bomb(50_000_000)
    assert 60_000 < len(raw) < 65_536
    tracemalloc.start()
    try:
        with pytest.raises(errors.TokenTooLarge):
            decrypt_compact(raw, key, allow_compressed=True)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_cve_2026_39373_within_the_bound_it_opens_where_asked_for() -> None:
    raw, key = bomb(250_000)
    assert decrypt_compact(raw, key, allow_compressed=True)[1] == bytes(250_000)
    raw, key = bomb(250_001)
    with pytest.raises(errors.TokenTooLarge):
        decrypt_compact(raw, key, allow_compressed=True)


# --- CVE-2026-28490 Authlib: the RSA1_5 oracle


def test_cve_2026_28490_rsa1_5_does_not_exist() -> None:
    key = private_key("RSA-OAEP-256")
    members = {"alg": "RSA1_5", "enc": "A128GCM"}
    parts = [part(members), bytes(256), bytes(12), b"x", bytes(16)]
    with pytest.raises(errors.UnknownAlgorithm):
        decrypt_compact(".".join(encode(each) for each in parts), key)
    with pytest.raises(InvalidKey):
        Key.from_jwk({**key.to_jwk(private=True), "alg": "RSA1_5"})
