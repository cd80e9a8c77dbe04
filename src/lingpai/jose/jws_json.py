"""JWS in JSON (RFC 7515 section 7.2): flattened and general, several signatures, detached content.

Not for JWTs, which are compact only. The result says which signatures are good; what stood in an
unprotected header is called unverified, for anyone on the way may have written it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import MalformedToken, SignatureInvalid, TokenError, UnsupportedCritical
from lingpai.jose import base64url, json_parts
from lingpai.jose.header import (
    B64,
    Header,
    check_own_members,
    encode_members,
    read_header,
    write_members,
)
from lingpai.jose.jws import KeySource, SigningKey, find_verifiers, verify_any

_FLATTENED = ("protected", "header", "signature")


@dataclass(frozen=True, slots=True)
class Signer:
    """One signature to make: its key, its protected header, and what travels unprotected."""

    key: SigningKey
    header: Mapping[str, Any] = field(default_factory=dict)
    unprotected: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A good signature: where it stood, and what it covers of its header."""

    index: int
    alg: str
    kid: str | None
    protected: Mapping[str, Any] = field(repr=False)
    unverified: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefusedSignature:
    """A signature that does not count, and why."""

    index: int
    reason: TokenError


@dataclass(frozen=True, slots=True)
class VerifiedJws:
    """A payload, and every signature over it; at least one of them is good."""

    payload: bytes = field(repr=False)
    signatures: tuple[VerifiedSignature, ...]
    refused: tuple[RefusedSignature, ...] = ()


# --- signing ------------------------------------------------------------------------------------


def sign_flattened(
    payload: bytes,
    key: SigningKey,
    header: Mapping[str, Any] | None = None,
    *,
    unprotected: Mapping[str, Any] | None = None,
    detached: bool = False,
    b64: bool = True,
) -> dict[str, Any]:
    """A flattened JWS. `detached` leaves the payload out; `b64=False` signs it as it is (RFC 7797).

    Raises InvalidKey for a key that does not sign, ValueError for a header that is not the caller's
    to set, or a payload that is not UTF-8 where it must travel unencoded.
    """
    signer = Signer(key, header or {}, unprotected or {})
    return {**_write_payload(payload, detached, b64), **_sign(payload, signer, b64)}


def sign_general(
    payload: bytes, signers: Sequence[Signer], *, detached: bool = False, b64: bool = True
) -> dict[str, Any]:
    """A general JWS, with one signature for each signer. See `sign_flattened`."""
    if not 1 <= len(signers) <= json_parts.MAX_ENTRIES:
        raise ValueError(f"a JWS has 1 to {json_parts.MAX_ENTRIES} signatures")
    signatures = [_sign(payload, signer, b64) for signer in signers]
    return {**_write_payload(payload, detached, b64), "signatures": signatures}


def _write_payload(payload: bytes, detached: bool, b64: bool) -> dict[str, str]:
    if detached:
        return {}
    return {"payload": base64url.encode(payload) if b64 else payload.decode("utf-8")}


def _sign(payload: bytes, signer: Signer, b64: bool) -> dict[str, Any]:
    protected = encode_protected(signer.key, signer.header, b64=b64)
    signature = signer.key.sign_message(signing_input(protected, payload, b64=b64))
    entry: dict[str, Any] = {"protected": protected.decode("ascii")}
    if signer.unprotected:
        check_own_members(signer.unprotected)
        taken = {"alg", "kid", *signer.header}
        if not taken.isdisjoint(signer.unprotected):
            raise ValueError("a header member is protected or unprotected, not both")
        entry["header"] = dict(signer.unprotected)
    return {**entry, "signature": base64url.encode(signature)}


def encode_protected(key: SigningKey, header: Mapping[str, Any], *, b64: bool) -> bytes:
    """The protected header of one signature, with `b64` and `crit` where RFC 7797 asks for them."""
    members = write_members(key.alg, key.kid, header)
    return encode_members(members if b64 else {**members, "b64": False, "crit": ["b64"]})


def signing_input(protected: bytes, payload: bytes, *, b64: bool) -> bytes:
    """RFC 7515 section 5.1 step 8, RFC 7797 section 3."""
    return protected + b"." + (base64url.encode_bytes(payload) if b64 else payload)


# --- verifying ----------------------------------------------------------------------------------


def verify_json(
    token: Mapping[str, Any] | str | bytes,
    keys: KeySource,
    *,
    payload: bytes | None = None,
    require_all: bool = False,
    max_bytes: int = json_parts.MAX_JSON_BYTES,
) -> VerifiedJws:
    """The payload of a flattened or general JWS that has a good signature.

    `payload` is the content of a detached one. One good signature is enough, unless `require_all`
    is set. Raises MalformedToken and its kinds, UnknownAlgorithm, AlgorithmMismatch, UnknownKey or
    SignatureInvalid, and what a bad key set raises.
    """
    members = json_parts.read_token(token, max_bytes)
    entries = json_parts.entries(members, "signatures", _FLATTENED)
    headers = [json_parts.protected(entry) for entry in entries]
    content = _Content.read(members, payload, b64=_read_b64(headers))
    good: list[VerifiedSignature] = []
    refused: list[RefusedSignature] = []
    for index, entry in enumerate(entries):
        try:
            good.append(_verify(index, headers[index], entry, content, keys))
        except TokenError as reason:
            refused.append(RefusedSignature(index, reason))
    if refused and (require_all or not good):
        raise _most_telling(refused)
    return VerifiedJws(content.payload, tuple(good), tuple(refused))


@dataclass(frozen=True, slots=True)
class _Content:
    """The payload, and the form in which the signatures cover it."""

    payload: bytes
    covered: bytes

    @classmethod
    def read(cls, members: Mapping[str, Any], detached: bytes | None, *, b64: bool) -> _Content:
        if (detached is None) == ("payload" not in members):
            raise MalformedToken("the payload is given twice, or not at all")
        if detached is not None:
            return cls(detached, base64url.encode_bytes(detached) if b64 else detached)
        raw = json_parts.text(members, "payload").encode("utf-8")
        return cls(json_parts.octets(members, "payload") if b64 else raw, raw)


def _read_b64(headers: list[dict[str, Any]]) -> bool:
    """RFC 7797 section 3: the same for all signatures. Whether `crit` lists it is seen later."""
    values = {header.get("b64", True) is not False for header in headers}
    if len(values) > 1:
        raise UnsupportedCritical("b64 is not the same for all signatures")
    return values.pop()


def _verify(
    index: int,
    protected: Mapping[str, Any],
    entry: Mapping[str, Any],
    content: _Content,
    keys: KeySource,
) -> VerifiedSignature:
    unverified = json_parts.headers(entry, "header")
    header: Header = read_header(protected, unverified, extensions=B64)
    signature = json_parts.octets(entry, "signature")
    covered = json_parts.ascii_text(entry, "protected") + b"." + content.covered
    verify_any(find_verifiers(header, keys), signature, covered)
    return VerifiedSignature(index, header.alg, header.kid, protected, unverified)


def _most_telling(refused: list[RefusedSignature]) -> TokenError:
    """A signature that was checked and is bad says more than a key that is not ours."""
    checked = [entry for entry in refused if isinstance(entry.reason, SignatureInvalid)]
    return (checked or refused)[0].reason
