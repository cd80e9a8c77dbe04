"""Certificates for tests: an authority of one's own, and whom it vouches for."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority in files of `folder`; `file` is what others trust it by."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """A new one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Test authority")
        unsigned = _begin(name, name, key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        certificate = unsigned.sign(key, hashes.SHA256())
        made = cls(folder, key, certificate)
        made.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return made

    @property
    def file(self) -> Path:
        """The authority's own certificate, in PEM."""
        return self.folder / "authority.pem"

    def issue(self, *names: str) -> Path:
        """A key and a certificate for these hosts or addresses, together in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        unsigned = _begin(_name(names[0]), self.certificate.subject, key.public_key())
        certificate = unsigned.add_extension(alternatives, critical=False).sign(
            self.key, hashes.SHA256()
        )
        file = self.folder / f"{names[0].replace(':', '_')}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return file

    def vouch(
        self, subject: x509.Name, key: PublicKey, *, days: int = 1, purpose: str = ""
    ) -> bytes:
        """A client's certificate, in DER. `purpose` is an extended key usage by its identifier."""
        unsigned = _begin(subject, self.certificate.subject, key, days=days)
        if purpose:
            uses = x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose)])
            unsigned = unsigned.add_extension(uses, critical=False)
        return unsigned.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """What a TLS server of these names listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(*names))
        return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def self_signed(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate that vouches for itself, in DER."""
    certificate = _begin(subject, subject, key.public_key()).sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.DER)


def pin_of(file: Path) -> str:
    """The pin of the certificate in a PEM file: SHA-256 of its key, in base64 (RFC 7469)."""
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    info = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(info).digest()).decode()


def name_of(text: str) -> x509.Name:
    """A distinguished name (RFC 4514)."""
    return x509.Name.from_rfc4514_string(text)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, *, days: int = 1
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now + days * _DAY)
    )
