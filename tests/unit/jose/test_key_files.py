"""Keys in PEM, DER and X.509: RFC 5208, RFC 5280, RFC 5915, RFC 8017."""

from __future__ import annotations

import base64

import pytest
from tests.support.jose_keys import ALLOW, ASYMMETRIC, key_for
from tests.support.vectors import load

from lingpai.errors import InvalidKey
from lingpai.jose.keys import Key, PrivateKey, PublicKey


def _private(alg: str) -> PrivateKey:
    key = key_for(alg)
    assert isinstance(key, PrivateKey)
    return key


@pytest.mark.parametrize("alg", ASYMMETRIC)
@pytest.mark.parametrize("password", [None, b"a password"])
def test_pem_gives_the_key_back(alg: str, password: bytes | None) -> None:
    key = _private(alg)
    pem = key.to_pem(password=password)
    assert (b"ENCRYPTED" in pem) == (password is not None)
    again = Key.from_pem(pem, alg=alg, password=password, allow=ALLOW)
    assert isinstance(again, PrivateKey)
    assert again.thumbprint() == key.thumbprint() == again.kid
    public = Key.from_pem(key.public.to_pem().decode("ascii"), alg=alg, allow=ALLOW)
    assert isinstance(public, PublicKey)


def test_a_password_that_is_wrong_missing_or_too_much_is_refused() -> None:
    key = _private("ES256")
    sealed, plain = key.to_pem(password=b"right"), key.to_pem()
    for pem, password in ((sealed, b"wrong"), (sealed, None), (plain, b"right")):
        with pytest.raises(InvalidKey):
            Key.from_pem(pem, password=password)


@pytest.mark.parametrize(
    "pem", ["", "nonsense", b"\0", "-----BEGIN PUBLIC KEY-----\nAA==\n", "\ud800"]
)
def test_what_is_no_pem_is_refused(pem: str | bytes) -> None:
    with pytest.raises(InvalidKey):
        Key.from_pem(pem)
    with pytest.raises(InvalidKey):
        Key.from_der(pem.encode("utf-8", "replace") if isinstance(pem, str) else pem)


def test_an_rsa_pem_needs_an_algorithm() -> None:
    pem = _private("RS256").to_pem()
    with pytest.raises(InvalidKey, match="pass alg="):
        Key.from_pem(pem)
    with pytest.raises(InvalidKey):
        Key.from_pem(pem, alg="ES256")
    assert Key.from_pem(pem, alg="PS384").alg == "PS384"


def test_a_secret_has_no_pem() -> None:
    with pytest.raises(InvalidKey):
        key_for("HS256").to_pem()


def test_ml_dsa_from_pem_keeps_its_parameter_set() -> None:  # RFC 9964
    pem = _private("ML-DSA-44").to_pem()
    assert Key.from_pem(pem).alg == "ML-DSA-44"
    with pytest.raises(InvalidKey):
        Key.from_pem(pem, alg="ML-DSA-65")


def test_a_certificate_gives_its_public_key() -> None:
    members = load("rfc", "rfc7517.json")["B"]["jwk"]
    certificate = base64.b64decode(members["x5c"][0])
    key = Key.from_der(certificate, alg="RS256")
    assert isinstance(key, PublicKey)
    assert key.kid == Key.from_jwk(members, alg="RS256").thumbprint()


def test_a_certificate_of_an_absurd_version_is_refused() -> None:
    certificate = base64.b64decode(load("rfc", "rfc7517.json")["B"]["jwk"]["x5c"][0])
    absurd = certificate.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x15", 1)
    assert absurd != certificate
    pem = base64.encodebytes(absurd).decode("ascii")
    with pytest.raises(InvalidKey):
        Key.from_der(absurd, alg="RS256")
    with pytest.raises(InvalidKey):
        Key.from_pem(f"-----BEGIN CERTIFICATE-----\n{pem}-----END CERTIFICATE-----\n", alg="RS256")
