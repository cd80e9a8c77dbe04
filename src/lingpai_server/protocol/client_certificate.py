"""Client authentication by TLS (RFC 8705 section 2), as a proxy in front of us saw it. Pure.

Knows what a certificate says; refuses to read one, and to know who is trusted to speak of it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from lingpai.jose.key_set import KeySet
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse

MAX_CERTIFICATE_CHARS = 16_384
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate of a client whose key TLS has proven.

    `x5t` is the SHA-256 of its DER in base64url; `subject` its name in one spelling (RFC 4514);
    `key_thumbprint` that of its key (RFC 7638), None for a kind of key that is not known here;
    `is_vouched` says that an authority trusted for clients issued it, and that it is in date.
    """

    x5t: str
    subject: str
    key_thumbprint: str | None
    is_vouched: bool


def parse_certificate_header(text: str) -> bytes | None:
    """The DER in a header of a proxy, None for what is no such thing.

    Either a byte sequence between colons (RFC 9440 section 2.1), or PEM with its special characters
    percent-encoded, which is all that nginx can write.
    """
    if len(text) > MAX_CERTIFICATE_CHARS or not text.isascii():
        return None
    if text.startswith(":"):
        return _decode(text[1:-1].encode("ascii")) if text.endswith(":") else None
    pem = unquote_to_bytes(text).strip()
    if not pem.startswith(_PEM_BEGIN) or not pem.endswith(_PEM_END):
        return None
    body = pem.removeprefix(_PEM_BEGIN).removesuffix(_PEM_END)
    return _decode(b"".join(body.split()))


def check_trusted_subject(certificate: ClientCertificate, subject: str | None) -> Refusal | None:
    """`tls_client_auth`, section 2.1: an authority vouches for the very name that the client
    registered. Anybody can write that name into a certificate of their own."""
    if not certificate.is_vouched:
        return refuse_certificate("client_certificate_not_vouched_for")
    if not subject or subject != certificate.subject:  # an empty name is nobody's
        return refuse_certificate("client_certificate_subject_differs")
    return None


def check_registered_key(certificate: ClientCertificate, keys: KeySet | None) -> Refusal | None:
    """`self_signed_tls_client_auth`, section 2.2: its key is one that the client registered.

    A JWK with `x5c` holds that certificate's key (RFC 7517 section 4.7), and the key is what TLS
    proves; so a certificate that was renewed over the same key is as good.
    """
    known = {key.thumbprint() for key in keys or ()}
    if certificate.key_thumbprint is None or certificate.key_thumbprint not in known:
        return refuse_certificate("client_certificate_key_not_registered")
    return None


def refuse_certificate(reason: str) -> Refusal:
    """What every client hears that is not authenticated."""
    return refuse(
        ErrorCode.INVALID_CLIENT, reason=reason, description="The client is not authenticated."
    )


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except ValueError:
        return None
