"""Header members of the key management algorithms: RFC 7518 sections 4.6 to 4.8, RFC 8037."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support.jose_keys import key_for
from tests.support.jwe_tokens import PLAINTEXT, header_of, sealed_token, with_header

from lingpai.errors import DecryptionFailed, InvalidHeader, InvalidKey
from lingpai.jose import base64url
from lingpai.jose.crypto.content import REFUSAL
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey


@pytest.mark.parametrize("alg", ["A128GCMKW", "A256GCMKW"])
@pytest.mark.parametrize("member", ["iv", "tag"])
def test_aes_gcm_key_wrap_needs_its_members(alg: str, member: str) -> None:
    for value in (..., None, 1, "!", ["AA"]):
        with pytest.raises(InvalidHeader):
            decrypt_compact(with_header(sealed_token(alg), **{member: value}), key_for(alg))
    for value in ("", "AAAA", base64url.encode(bytes(12)), base64url.encode(bytes(16))):
        with pytest.raises(DecryptionFailed):
            decrypt_compact(with_header(sealed_token(alg), **{member: value}), key_for(alg))


PBES2 = "PBES2-HS256+A128KW"


@pytest.mark.parametrize("count", [2**31 - 1, 2**63, 10**30, 1_200_001, 999, 1, 0, -1])
def test_a_count_out_of_bounds_is_refused_before_any_work(count: int) -> None:  # CVE-2022-36083
    token = with_header(sealed_token(PBES2), p2c=count)
    started = time.perf_counter()
    with pytest.raises(InvalidHeader, match="p2c"):
        decrypt_compact(token, key_for(PBES2))
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize("count", [..., None, "1000", 1000.0, True, [1000]])
def test_a_count_is_an_integer(count: Any) -> None:
    with pytest.raises(InvalidHeader, match="p2c"):
        decrypt_compact(with_header(sealed_token(PBES2), p2c=count), key_for(PBES2))
    if count is not ...:
        with pytest.raises(ValueError):
            encrypt_compact(b"", key_for(PBES2), header={"p2c": count})


@pytest.mark.parametrize("salt", [..., None, 1, "", "AAAA", "!", base64url.encode(bytes(7))])
def test_a_salt_has_eight_bytes(salt: Any) -> None:  # RFC 7518 section 4.8.1.1
    with pytest.raises(InvalidHeader, match="p2s"):
        decrypt_compact(with_header(sealed_token(PBES2), p2s=salt), key_for(PBES2))


def test_the_work_is_bounded_over_all_passwords_that_are_tried() -> None:
    passwords = [Key.from_secret(b"password %d" % n, alg=PBES2) for n in range(3)]
    token = encrypt_compact(PLAINTEXT, passwords[2], header={"p2c": 1000})
    assert decrypt_compact(token, KeySet(passwords))[1] == PLAINTEXT
    with pytest.raises(InvalidHeader, match="over all passwords"):
        decrypt_compact(with_header(token, p2c=600_000), KeySet(passwords))


@pytest.mark.parametrize(
    ("alg", "count"),
    [
        ("PBES2-HS256+A128KW", 600_000),
        ("PBES2-HS384+A192KW", 220_000),
        ("PBES2-HS512+A256KW", 220_000),
    ],
)
def test_passwords_are_stretched_as_owasp_asks(alg: str, count: int) -> None:
    token = encrypt_compact(PLAINTEXT, key_for(alg))
    assert header_of(token)["p2c"] == count
    assert len(base64url.decode(header_of(token)["p2s"])) == 16
    assert decrypt_compact(token, key_for(alg))[1] == PLAINTEXT


def _epk(alg: str, curve: str) -> dict[str, Any]:
    key = Key.generate(alg, curve=curve)
    assert isinstance(key, PrivateKey)
    public = key.public.to_jwk()
    return {name: public[name] for name in ("kty", "crv", "x", "y") if name in public}


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("curve", ["P-256", "X25519"])
def test_an_ephemeral_key_is_a_public_key_on_the_curve(alg: str, curve: str) -> None:
    key = key_for(alg, curve)
    token = encrypt_compact(PLAINTEXT, key.public)
    good = header_of(token)["epk"]
    other = "P-384" if curve == "P-256" else "X448"
    bad: list[Any] = [
        *(..., None, [], "x", {}),
        {**good, "x": ...},
        {**good, "x": "AA"},
        {**good, "x": base64url.encode(bytes(31) + b"\5"), "y": good.get("y", "AA") + "A"},
        {**good, "crv": other},
        {**good, "crv": [curve]},
        {**good, "kty": "RSA"},
        {**good, "d": good["x"]},
        _epk(alg, other),
    ]
    for epk in bad:
        if isinstance(epk, dict):
            epk = {name: value for name, value in epk.items() if value is not ...}
            if curve == "X25519" and epk == {**good, "x": epk.get("x"), "y": epk.get("y")}:
                continue  # every 32 bytes are a point, and `y` is not read
        with pytest.raises(InvalidHeader, match="epk"):
            decrypt_compact(with_header(token, epk=epk), key)


@pytest.mark.parametrize("curve", ["P-256", "X25519"])
def test_an_ephemeral_key_that_is_private_is_refused(curve: str) -> None:  # section 4.6.1.1
    key = key_for("ECDH-ES", curve)
    members = Key.generate("ECDH-ES", curve=curve).to_jwk(private=True)
    epk = {name: members[name] for name in ("kty", "crv", "x", "y", "d") if name in members}
    with pytest.raises(InvalidHeader, match="private"):
        decrypt_compact(with_header(encrypt_compact(b"", key), epk=epk), key)


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_a_point_off_the_curve_is_refused(curve: str) -> None:  # RFC 8725 section 3.4
    key = key_for("ECDH-ES", curve)
    token = encrypt_compact(PLAINTEXT, key.public)
    epk = header_of(token)["epk"]
    y = bytearray(base64url.decode(epk["y"]))
    y[-1] ^= 1
    with pytest.raises(InvalidHeader, match="epk"):
        decrypt_compact(with_header(token, epk={**epk, "y": base64url.encode(bytes(y))}), key)


SMALL_ORDER = {
    "X25519": [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
    "X448": ["00" * 56, "01" + "00" * 55, "fe" + "ff" * 27 + "fe" + "ff" * 27],
}


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW"])
@pytest.mark.parametrize(
    ("curve", "point"), [(curve, point) for curve in SMALL_ORDER for point in SMALL_ORDER[curve]]
)
def test_a_shared_secret_of_zero_is_refused(alg: str, curve: str, point: str) -> None:
    # RFC 8037 section 3.2, RFC 7748 section 6: these points give zero for every private key
    key = key_for(alg, curve)
    x = base64url.encode(bytes.fromhex(point))
    epk = {"kty": "OKP", "crv": curve, "x": x}
    with pytest.raises(DecryptionFailed) as caught:
        decrypt_compact(with_header(encrypt_compact(b"", key.public), epk=epk), key)
    assert str(caught.value) == REFUSAL
    recipient = Key.from_jwk(epk, alg=alg)
    with pytest.raises(InvalidKey, match="small order"):
        encrypt_compact(b"", recipient)


@pytest.mark.parametrize("member", ["apu", "apv"])
@pytest.mark.parametrize("value", [None, 1, "!", "="])
def test_party_info_is_base64url(member: str, value: Any) -> None:
    key = key_for("ECDH-ES")
    with pytest.raises(InvalidHeader, match=member):
        decrypt_compact(with_header(encrypt_compact(b"", key), **{member: value}), key)
    with pytest.raises(ValueError):
        encrypt_compact(b"", key, header={member: value})
