"""Reads client certificates (X.509), and asks the authorities that the operator trusts about them.

A proxy may be set up to let any certificate through, as self-signed ones need; so who vouches for a
certificate is never taken from the proxy's word.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from lingpai.errors import InvalidKey
from lingpai.jose.keys import Key, certificate_thumbprint
from lingpai_server.protocol.client_certificate import ClientCertificate, parse_certificate_header

_CLIENT_USES = frozenset(
    {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)
_RSA_ALGORITHM = "PS256"  # any will do: a thumbprint is of the key alone


class CertificateReader:
    """`authorities` is a PEM file of the certificates that may vouch for clients; without one
    nobody can. Raises ValueError or OSError for a file that holds none."""

    def __init__(self, authorities: Path | None = None) -> None:
        self._store: verification.Store | None = None
        if authorities is not None:
            loaded = x509.load_pem_x509_certificates(authorities.read_bytes())
            self._store = verification.Store(loaded)

    @property
    def vouches(self) -> bool:
        """Whether `tls_client_auth` can work at all."""
        return self._store is not None

    def read(self, header: str, *, now: float) -> ClientCertificate | None:
        """What the certificate in a proxy's header says; None if there is none that can be read."""
        der = parse_certificate_header(header)
        if der is None:
            return None
        try:
            certificate = x509.load_der_x509_certificate(der)
            subject = certificate.subject.rfc4514_string()
        except (ValueError, x509.InvalidVersion):
            return None
        return ClientCertificate(
            x5t=certificate_thumbprint(der),
            subject=subject,
            key_thumbprint=_key_thumbprint(der),
            is_vouched=self._is_vouched(certificate, now),
        )

    def _is_vouched(self, certificate: x509.Certificate, now: float) -> bool:
        if self._store is None or not _is_for_clients(certificate):
            return False
        # a client's certificate need not be fit for the web; an authority's has to be one
        authority = verification.ExtensionPolicy.permit_all().require_present(
            x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
        )
        verifier = (
            verification.PolicyBuilder()
            .store(self._store)
            .time(datetime.datetime.fromtimestamp(now, datetime.UTC))
            .extension_policies(
                ca_policy=authority, ee_policy=verification.ExtensionPolicy.permit_all()
            )
            .build_client_verifier()
        )
        try:
            verifier.verify(certificate, [])
        except verification.VerificationError:
            return False
        return True


def canonical_subject(text: str) -> str | None:
    """A distinguished name (RFC 4514) in the spelling of `ClientCertificate.subject`."""
    try:
        return x509.Name.from_rfc4514_string(text).rfc4514_string()
    except ValueError:
        return None


def _is_for_clients(certificate: x509.Certificate) -> bool:
    """RFC 5280 section 4.2.1.12: a certificate that says what it is for is for nothing else."""
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False
    return not _CLIENT_USES.isdisjoint(uses)


def _key_thumbprint(der: bytes) -> str | None:
    for alg in (None, _RSA_ALGORITHM):
        try:
            return Key.from_der(der, alg=alg).thumbprint()
        except InvalidKey:
            continue
    return None
