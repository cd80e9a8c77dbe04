"""A client's own keys, read from its JWKS (RFC 7517 section 5). Refuses to know where it came from.

A key that names its algorithm is for that one alone. One that does not is good for every algorithm
that its type and `use` allow: what the client registered, and its profile, say which is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose import jwk
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PublicKey

MAX_CLIENT_KEYS = 32
_AGREEMENT = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
_ALGORITHMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "RSA": (
            *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
            *("RSA-OAEP", "RSA-OAEP-256"),
        ),
        "EC": ("ES256", "ES384", "ES512", *_AGREEMENT),
        "OKP": ("Ed25519", "Ed448", *_AGREEMENT),
    }
)


def read_client_jwks(text: str | bytes) -> KeySet:
    """The public keys of a JWKS. One that cannot be used is left out, as is one that should never
    have been in it: a private or a symmetric key.

    Raises InvalidKey for what is no JWKS, and for one with more than MAX_CLIENT_KEYS keys.
    """
    members = jwk.read_object(text).get("keys")
    if not isinstance(members, list) or len(members) > MAX_CLIENT_KEYS:
        raise InvalidKey(f"a client's JWKS has an array `keys` of at most {MAX_CLIENT_KEYS}")
    return KeySet(key for member in members for key in _read_key(member))


def _read_key(member: Any) -> Iterator[PublicKey]:
    """The key once for each algorithm that it may be used with."""
    if not isinstance(member, dict):
        return
    named, kty = member.get("alg"), member.get("kty")
    for alg in (None,) if named is not None else _ALGORITHMS.get(str(kty), ()):
        try:
            key = Key.from_jwk(member, alg=alg)
        except InvalidKey:
            continue
        if isinstance(key, PublicKey):
            yield key
