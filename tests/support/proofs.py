"""DPoP proofs for tests, good and bad, and the request that they are for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.tokens import NOW, Part, private_key, seal

from lingpai import errors
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.dpop import VerifiedProof, check_proof

URL = "https://api.example/orders"
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"


def key() -> PrivateKey:
    return private_key("ES256")


def public_jwk(pair: PrivateKey | None = None) -> dict[str, Any]:
    members = (pair or key()).public.to_jwk()
    return {name: members[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in members}


def proof(header: dict[str, Any] | None = None, /, **changes: Any) -> str:
    """A good proof, with some header members and claims changed; `...` takes one away."""
    head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk()} | (header or {})
    body = {"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW} | changes
    return forge(
        {n: v for n, v in head.items() if v is not ...},
        {n: v for n, v in body.items() if v is not ...},
    )


def forge(header: Part, payload: Part, signer: PrivateKey | None = None) -> str:
    return seal(header, payload, (signer or key()).sign_message)


def check(raw: str | bytes, **options: Any) -> VerifiedProof:
    given: dict[str, Any] = {"method": "POST", "url": URL, "now": NOW} | options
    return check_proof(raw, **given)


def refused(raw: str | bytes, reason: str, **options: Any) -> None:
    with pytest.raises(errors.InvalidProof, match=reason):
        check(raw, **options)
