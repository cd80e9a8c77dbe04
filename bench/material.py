"""What every peer works on: the same claims, the same keys, the same tokens. Measures nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lingpai import Key, PrivateKey, SecretKey, sign
from lingpai.jose import strict_json
from lingpai.jose.jwe import encrypt_compact

SIGNATURES = ("HS256", "RS256", "ES256", "Ed25519")
# key management -> content encryption
ENCRYPTIONS = {"dir": "A256GCM", "ECDH-ES+A128KW": "A128GCM", "RSA-OAEP-256": "A256GCM"}

ISSUER = "https://id.example"
AUDIENCE = "https://orders.example"
TYP = "at+jwt"
_LIFETIME_SECONDS = 86_400  # no token expires during a run


def make_claims(now: int) -> dict[str, Any]:
    """An access token of RFC 9068 as an issuer of medium size writes it."""
    return {
        "iss": ISSUER,
        "sub": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "aud": AUDIENCE,
        "exp": now + _LIFETIME_SECONDS,
        "iat": now,
        "jti": "Y0h3cF9zS1dqVjZiQ2xkZw",
        "client_id": "web-shop",
        "scope": "orders:read orders:write",
        "roles": ["clerk", "manager"],
        "permissions": ["orders:read", "orders:refund"],
    }


@dataclass(frozen=True, slots=True)
class Material:
    """Made once a run. Keys are JWK members, private ones included, with `kid` and `alg`."""

    claims: dict[str, Any]
    payload: bytes
    keys: dict[str, dict[str, Any]] = field(repr=False)
    tokens: dict[str, str] = field(repr=False)

    def public(self, algorithm: str) -> dict[str, Any]:
        """The public JWK; of a symmetric key, the key itself."""
        key = Key.from_jwk(self.keys[algorithm])
        return key.to_jwk(private=True) if isinstance(key, SecretKey) else key.to_jwk()

    def header(self, algorithm: str) -> dict[str, Any]:
        """What a signed token's header says, in the order everybody writes it."""
        return {"alg": algorithm, "kid": self.keys[algorithm]["kid"], "typ": TYP}


@cache
def make_material() -> Material:
    """Keys, claims and one token for each algorithm."""
    claims = make_claims(int(time.time()))
    payload = strict_json.encode(claims)
    keys: dict[str, PrivateKey | SecretKey] = {
        name: Key.generate(name, kid=f"bench-{name.lower()}") for name in SIGNATURES
    }
    tokens = {name: sign(claims, keys[name], typ=TYP) for name in SIGNATURES}
    for name, enc in ENCRYPTIONS.items():
        key = Key.generate(name, kid=f"bench-{name.lower()}", size=_size(name))
        keys[name] = key
        tokens[name] = encrypt_compact(payload, key.public, enc=enc)
    jwks = {name: key.to_jwk(private=True) for name, key in keys.items()}
    return Material(claims, payload, jwks, tokens)


def _size(algorithm: str) -> int | None:
    return 256 if algorithm == "dir" else None
