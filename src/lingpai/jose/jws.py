"""JWS, compact serialisation (RFC 7515 section 7.1): the road that every JWT takes.

Strict, and fast for the second token with the same header: what a header means to a key or a key
set is remembered there once a token with it has verified. The JSON serialisations are in
`jws_json`; this module knows no claims.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from lingpai.errors import (
    AlgorithmMismatch,
    MalformedToken,
    SignatureInvalid,
    TokenTooLarge,
    UnexpectedKind,
    UnknownAlgorithm,
    UnknownKey,
    quote,
)
from lingpai.jose import base64url
from lingpai.jose.algorithms import EDDSA, SIGNATURE_ALGORITHMS
from lingpai.jose.base64url import decode_bytes
from lingpai.jose.crypto.signatures import Verify
from lingpai.jose.header import Header, encode_members, parse_header, write_members
from lingpai.jose.keys import Key, PrivateKey, SecretKey

MAX_TOKEN_BYTES = 65_536

Known: TypeAlias = tuple[Header, Verify]
SigningKey: TypeAlias = PrivateKey | SecretKey


class KeySource(Protocol):
    """What can answer for a header: a `Key` or a `KeySet`."""

    known: dict[bytes, Any]

    def candidates(self, alg: str, kid: str | None) -> tuple[Key, ...]:
        """The keys that may answer, best first."""

    def remember(self, encoded_header: bytes, value: Any) -> None:
        """Keep what a header of a verified token meant."""


def sign_compact(payload: bytes, key: SigningKey, header: Mapping[str, Any] | None = None) -> str:
    """A compact JWS over `payload`. `alg` is the key's and `kid` defaults to it.

    Raises InvalidKey for a key that does not sign; ValueError for a header that names another
    `alg`, or a member that is not the caller's to set.
    """
    encoded = encode_header(key, header or {})
    return sign_encoded(encoded, payload, key)


def sign_encoded(encoded_header: bytes, payload: bytes, key: SigningKey) -> str:
    """The same with a header that `encode_header` has made before."""
    signing_input = encoded_header + b"." + base64url.encode_bytes(payload)
    signature = key.sign_message(signing_input)
    return (signing_input + b"." + base64url.encode_bytes(signature)).decode("ascii")


def encode_header(key: Key, header: Mapping[str, Any]) -> bytes:
    """base64url of the protected header for one key. Raises ValueError."""
    return encode_members(write_members(key.alg, key.kid, header))


def verify_compact(
    token: str | bytes, keys: KeySource, max_bytes: int = MAX_TOKEN_BYTES
) -> tuple[Header, bytes]:
    """The header and the payload of a compact JWS whose signature is good.

    Raises MalformedToken and its kinds, UnknownAlgorithm, AlgorithmMismatch, UnknownKey or
    SignatureInvalid; TypeError if `token` is neither text nor bytes; MixedKeySet.
    """
    if type(token) is str and token.isascii() and len(token) <= max_bytes:
        data = token.encode("ascii")
    else:
        data = to_bytes(token, max_bytes)
    signing_input, _, encoded_signature = data.rpartition(b".")
    encoded_header, dot, encoded_payload = signing_input.partition(b".")
    known: Known | None = keys.known.get(encoded_header)
    if known is None or not dot:
        return _verify_first(data, keys)
    try:
        signature = decode_bytes(encoded_signature)
        payload = decode_bytes(encoded_payload)
    except ValueError:
        raise explain_shape(data) from None
    header, verify = known
    verify(signature, signing_input)
    return header, payload


def to_bytes(token: str | bytes, max_bytes: int) -> bytes:
    """The ASCII bytes of a token that is not too long. Raises TokenTooLarge, MalformedToken."""
    if not isinstance(token, (str, bytes)):
        raise TypeError("a token is text or bytes")
    if len(token) > max_bytes:
        raise TokenTooLarge(f"the token has {len(token)} characters, the limit is {max_bytes}")
    if isinstance(token, bytes):
        return token
    try:
        return token.encode("ascii")
    except UnicodeEncodeError:
        raise MalformedToken("the token has a character outside ASCII") from None


def find_verifiers(header: Header, keys: KeySource) -> tuple[Verify, ...]:
    """The checks to try for a header, each of a key whose one algorithm it names.

    Raises UnknownAlgorithm, UnknownKey or AlgorithmMismatch.
    """
    if header.alg not in SIGNATURE_ALGORITHMS and header.alg != EDDSA:
        raise UnknownAlgorithm(f"alg is {quote(header.alg)}, which is no signature algorithm here")
    candidates = keys.candidates(header.alg, header.kid)
    if not candidates:
        raise UnknownKey(f"no key for alg {header.alg} and kid {quote(header.kid)}")
    for key in candidates:
        if header.alg not in key.accepts:
            raise AlgorithmMismatch(f"alg is {quote(header.alg)}, the key is for {key.alg} only")
    return tuple(key.verify_signature for key in candidates)


def _verify_first(data: bytes, keys: KeySource) -> tuple[Header, bytes]:
    """The slow road: a header that no verified token has had before."""
    parts = data.split(b".", 5)
    if len(parts) != 3:
        raise explain_shape(data)
    header = parse_header(parts[0])
    verifiers = find_verifiers(header, keys)
    try:
        signature, payload = decode_bytes(parts[2]), decode_bytes(parts[1])
    except ValueError:
        raise explain_shape(data) from None
    verify_any(verifiers, signature, parts[0] + b"." + parts[1])
    if len(verifiers) == 1:
        keys.remember(parts[0], (header, verifiers[0]))
    return header, payload


def verify_any(verifiers: tuple[Verify, ...], signature: bytes, signing_input: bytes) -> None:
    """Returns if one of them accepts. Raises SignatureInvalid."""
    for verify in verifiers[:-1]:
        try:
            return verify(signature, signing_input)
        except SignatureInvalid:
            continue
    return verifiers[-1](signature, signing_input)


def explain_shape(data: bytes) -> MalformedToken:
    """The refusal that fits what is no three parts."""
    dots = data.count(b".")
    if dots == 4:
        return UnexpectedKind("an encrypted token (JWE) where a signed one (JWS) is asked for")
    if dots != 2:
        return MalformedToken(f"a signed token has three parts, this has {dots + 1}")
    return MalformedToken("a part of the token is not base64url")
