"""Client certificates (RFC 8705 section 2): what they say, and who vouches for them."""

from __future__ import annotations

import base64
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.support.certificates import Authority, name_of, self_signed

from lingpai.jose.keys import Key, certificate_thumbprint
from lingpai_server.app.certificates import CertificateReader, canonical_subject
from lingpai_server.protocol.client_certificate import ClientCertificate

KEY = ec.generate_private_key(ec.SECP256R1())
NAME = name_of("CN=billing,O=Bank\\, Ltd,C=DE")
CLIENT_AUTH, SERVER_AUTH = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def reader(authority: Authority) -> CertificateReader:
    return CertificateReader(authority.file)


def _read(reader: CertificateReader, der: bytes, *, now: float | None = None) -> ClientCertificate:
    header = f":{base64.b64encode(der).decode()}:"
    certificate = reader.read(header, now=time.time() if now is None else now)
    assert certificate is not None
    return certificate


def test_a_certificate_says_its_name_its_key_and_its_print(
    authority: Authority, reader: CertificateReader
) -> None:
    der = authority.vouch(NAME, KEY.public_key())
    seen = _read(reader, der)
    assert seen.x5t == certificate_thumbprint(der)
    assert seen.subject == "CN=billing,O=Bank\\, Ltd,C=DE"
    assert seen.key_thumbprint == Key.from_der(der).thumbprint()


def test_a_key_that_leaves_a_choice_of_algorithms_has_a_print_too(
    authority: Authority, reader: CertificateReader
) -> None:
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = authority.vouch(NAME, pair.public_key())
    assert _read(reader, der).key_thumbprint == Key.from_der(der, alg="RS256").thumbprint()


@pytest.mark.parametrize("purpose", ["", CLIENT_AUTH])
def test_an_authority_of_the_operators_vouches(
    authority: Authority, reader: CertificateReader, purpose: str
) -> None:
    assert _read(reader, authority.vouch(NAME, KEY.public_key(), purpose=purpose)).is_vouched


def test_a_certificate_of_a_server_is_none_of_a_client(  # RFC 5280 section 4.2.1.12
    authority: Authority, reader: CertificateReader
) -> None:
    der = authority.vouch(NAME, KEY.public_key(), purpose=SERVER_AUTH)
    assert not _read(reader, der).is_vouched


def test_nobody_vouches_for_a_self_signed_certificate(reader: CertificateReader) -> None:
    assert not _read(reader, self_signed(NAME, KEY)).is_vouched


def test_an_authority_of_the_same_name_is_another_one(
    reader: CertificateReader, tmp_path: Path
) -> None:
    impostor = Authority.make(tmp_path)
    assert not _read(reader, impostor.vouch(NAME, KEY.public_key())).is_vouched


@pytest.mark.parametrize("days", [-3, 2])
def test_a_certificate_out_of_date_is_vouched_for_no_more(
    authority: Authority, reader: CertificateReader, days: int
) -> None:
    der = authority.vouch(NAME, KEY.public_key())
    assert not _read(reader, der, now=time.time() + days * 86_400).is_vouched


def test_without_authorities_nobody_vouches(authority: Authority) -> None:
    reader = CertificateReader()
    assert not reader.vouches
    assert not _read(reader, authority.vouch(NAME, KEY.public_key())).is_vouched


@pytest.mark.parametrize("header", ["", ":AAAA:", "::", "certificate"])
def test_what_is_no_certificate_is_none(reader: CertificateReader, header: str) -> None:
    assert reader.read(header, now=0) is None


def test_a_name_has_one_spelling() -> None:  # RFC 4514 section 2.4
    assert canonical_subject("CN=a\\2cb") == canonical_subject("CN=a\\,b") == "CN=a\\,b"


@pytest.mark.parametrize("text", ["not a name", "CN", "CN=a, O=b", "=x"])
def test_what_is_no_name_matches_none(text: str) -> None:
    assert canonical_subject(text) is None


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing")
    with pytest.raises(ValueError):
        CertificateReader(file)
