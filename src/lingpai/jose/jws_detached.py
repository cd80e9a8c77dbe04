"""Compact JWS whose payload is elsewhere, or unencoded (RFC 7515 appendix F, RFC 7797).

Not for JWTs: `jws.verify_compact` understands no `b64` and refuses these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingpai.errors import MalformedToken, UnsupportedCritical
from lingpai.jose import base64url
from lingpai.jose.header import B64, Header, parse_header
from lingpai.jose.jws import (
    MAX_TOKEN_BYTES,
    KeySource,
    SigningKey,
    explain_shape,
    find_verifiers,
    to_bytes,
    verify_any,
)
from lingpai.jose.jws_json import encode_protected, signing_input

# RFC 7797 section 5.2: what an unencoded payload may hold beside the dots of the compact form.
_PRINTABLE = bytes(range(0x20, 0x7F)).replace(b".", b"")


def sign_detached(
    payload: bytes,
    key: SigningKey,
    header: Mapping[str, Any] | None = None,
    *,
    b64: bool = True,
) -> str:
    """A compact JWS without its payload, which travels apart from it.

    `b64=False` signs the payload as it is, which spares encoding a large one. Raises as
    `jws.sign_compact`.
    """
    protected, signature = _sign(payload, key, header, b64=b64)
    return (protected + b".." + signature).decode("ascii")


def sign_unencoded(payload: bytes, key: SigningKey, header: Mapping[str, Any] | None = None) -> str:
    """A compact JWS with a readable payload: printable ASCII without a dot, else ValueError."""
    if payload.translate(None, _PRINTABLE):
        raise ValueError("an unencoded payload is printable ASCII without a dot")
    protected, signature = _sign(payload, key, header, b64=False)
    return b".".join((protected, payload, signature)).decode("ascii")


def _sign(
    payload: bytes, key: SigningKey, header: Mapping[str, Any] | None, *, b64: bool
) -> tuple[bytes, bytes]:
    protected = encode_protected(key, header or {}, b64=b64)
    signature = key.sign_message(signing_input(protected, payload, b64=b64))
    return protected, base64url.encode_bytes(signature)


def verify_detached(
    token: str | bytes, payload: bytes, keys: KeySource, *, max_bytes: int = MAX_TOKEN_BYTES
) -> Header:
    """The header of a detached JWS whose signature over `payload` is good.

    Raises as `jws.verify_compact`, and MalformedToken for a token that brings a payload.
    """
    protected, middle, encoded_signature = _split(token, max_bytes)
    if middle:
        raise MalformedToken("a detached token has no payload, and this has one")
    header = parse_header(protected, extensions=B64)
    covered = signing_input(protected, payload, b64=header.b64)
    _verify(header, encoded_signature, covered, keys)
    return header


def verify_unencoded(
    token: str | bytes, keys: KeySource, *, max_bytes: int = MAX_TOKEN_BYTES
) -> tuple[Header, bytes]:
    """The header and payload of a compact JWS whose payload is not encoded.

    Raises as `jws.verify_compact`, and UnsupportedCritical for a token without `b64: false`.
    """
    protected, payload, encoded_signature = _split(token, max_bytes)
    header = parse_header(protected, extensions=B64)
    if header.b64:
        raise UnsupportedCritical("the payload is encoded: b64 is not false")
    if payload.translate(None, _PRINTABLE):
        raise MalformedToken("an unencoded payload is printable ASCII without a dot")
    _verify(header, encoded_signature, protected + b"." + payload, keys)
    return header, payload


def _split(token: str | bytes, max_bytes: int) -> tuple[bytes, bytes, bytes]:
    data = to_bytes(token, max_bytes)
    parts = data.split(b".", 5)
    if len(parts) != 3:
        raise explain_shape(data)
    return parts[0], parts[1], parts[2]


def _verify(header: Header, encoded_signature: bytes, covered: bytes, keys: KeySource) -> None:
    verifiers = find_verifiers(header, keys)
    try:
        signature = base64url.decode_bytes(encoded_signature)
    except ValueError:
        raise MalformedToken("the signature is not base64url") from None
    verify_any(verifiers, signature, covered)
