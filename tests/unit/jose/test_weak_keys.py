"""What makes a key too weak to load: RFC 7518 section 3.2, RFC 8725 section 3.5, ROCA."""

from __future__ import annotations

from math import isqrt, prod

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.support.jose_keys import key_for

from lingpai.errors import InvalidKey, WeakKey
from lingpai.jose import base64url, weak_keys
from lingpai.jose.algorithms import SIGNATURE_ALGORITHMS
from lingpai.jose.keys import Key

GENERATOR = 65537
PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)


def _number(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _rsa_jwk(modulus: int, exponent: int = 65537) -> dict[str, str]:
    return {"kty": "RSA", "alg": "RS256", "n": _number(modulus), "e": _number(exponent)}


def _roca_modulus(bits: int) -> int:
    """Factors of the form k·M + (65537^a mod M), as the faulty chips made them (CVE-2017-15361)."""
    primorial = prod(n for n in range(2, 702) if all(n % d for d in range(2, isqrt(n) + 1)))
    half = bits // 2
    step = (1 << (half - 1)) // primorial
    factor = (step + 1) * primorial + pow(GENERATOR, 12345, primorial)
    other = (step + 7) * primorial + pow(GENERATOR, 54321, primorial)
    return factor * other


# --- RSA ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [512, 1024, 2040, 2047])
def test_an_rsa_key_under_2048_bits_is_refused(bits: int) -> None:  # RFC 7518 section 3.3
    with pytest.raises(WeakKey, match="at least 2048"):
        Key.from_jwk(_rsa_jwk((1 << (bits - 1)) | 1))


def test_an_rsa_pem_under_2048_bits_is_refused() -> None:
    small = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the weakness is the test
    pem = small.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(WeakKey, match="1024 bits"):
        Key.from_pem(pem, alg="RS256")


def test_an_rsa_key_over_8192_bits_is_refused() -> None:  # it burns the time of who verifies
    with pytest.raises(InvalidKey, match="at most 8192"):
        Key.from_jwk(_rsa_jwk((1 << 8192) | 1))


@pytest.mark.parametrize("exponent", [1, 2, 4, 65536])
def test_an_exponent_that_hides_nothing_is_refused(exponent: int) -> None:
    modulus = int.from_bytes(base64url.decode(key_for("RS256").to_jwk()["n"]), "big")
    with pytest.raises(WeakKey):
        Key.from_jwk(_rsa_jwk(modulus, exponent))


def test_a_huge_exponent_is_refused() -> None:
    modulus = int.from_bytes(base64url.decode(key_for("RS256").to_jwk()["n"]), "big")
    with pytest.raises(InvalidKey, match="exponent"):
        Key.from_jwk(_rsa_jwk(modulus, (1 << 64) + 1))


def test_an_even_modulus_is_refused() -> None:
    with pytest.raises(WeakKey):
        Key.from_jwk(_rsa_jwk(1 << 2047))


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_a_modulus_with_the_roca_fingerprint_is_refused(bits: int) -> None:  # CVE-2017-15361
    modulus = _roca_modulus(bits + 16)
    assert weak_keys.has_roca_fingerprint(modulus)
    with pytest.raises(WeakKey, match="ROCA"):
        Key.from_jwk(_rsa_jwk(modulus))


def test_an_honest_modulus_has_no_roca_fingerprint() -> None:
    modulus = int.from_bytes(base64url.decode(key_for("RS256").to_jwk()["n"]), "big")
    assert not weak_keys.has_roca_fingerprint(modulus)
    assert not weak_keys.has_roca_fingerprint(prod(PRIMES))


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP224R1()])
def test_a_curve_that_jose_does_not_have_is_refused(curve: ec.EllipticCurve) -> None:
    pem = ec.generate_private_key(curve).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(InvalidKey):
        Key.from_pem(pem, alg="ES256")


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_secret_is_as_long_as_the_hash(alg: str) -> None:  # RFC 7518 section 3.2
    size = SIGNATURE_ALGORITHMS[alg].min_bits // 8
    assert Key.from_secret(bytes(range(size)), alg=alg)
    for short in (0, 1, size - 1):
        with pytest.raises(WeakKey):
            Key.from_secret(bytes(range(short)), alg=alg)
        with pytest.raises(WeakKey):
            Key.from_jwk({"kty": "oct", "alg": alg, "k": base64url.encode(bytes(range(short)))})


@pytest.mark.parametrize(
    ("alg", "size"),
    [("A128KW", 16), ("A192KW", 24), ("A256KW", 32), ("A256GCMKW", 32), ("A192CBC-HS384", 48)],
)
def test_an_aes_key_has_exactly_its_length(alg: str, size: int) -> None:
    assert Key.from_secret(bytes(range(size)), alg=alg)
    for wrong in (size - 1, size + 1, 2 * size):
        with pytest.raises(InvalidKey):
            Key.from_secret(bytes(range(wrong)), alg=alg)


def test_a_dir_key_has_the_length_of_a_content_encryption() -> None:
    for wrong in (0, 15, 20, 33, 128):
        with pytest.raises(InvalidKey):
            Key.from_secret(bytes(range(wrong)), alg="dir")


def test_one_byte_repeated_is_no_secret() -> None:
    for byte in (b"\0", b"a", b"\xff"):
        with pytest.raises(WeakKey, match="repeated"):
            Key.from_secret(byte * 64, alg="HS256")


def test_a_password_has_eight_bytes() -> None:
    assert Key.from_secret(b"entrap_o", alg="PBES2-HS256+A128KW")
    with pytest.raises(WeakKey):
        Key.from_secret(b"entrap_", alg="PBES2-HS256+A128KW")
