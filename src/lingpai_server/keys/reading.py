"""Which tokens are this issuer's own: signed or sealed here, whoever they are for. Judges no time.

A token under an API's own secret (HS256) may have been made by that API. It says something about
that API's tokens and about nothing else, so it is read only for whoever asks on that API's behalf.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import TokenError
from lingpai.jose import strict_json
from lingpai.jose.header import media_type
from lingpai.jose.jws import KeySource, verify_compact
from lingpai_server.keys.ring import KeyRing
from lingpai_server.protocol.access_token import OPAQUE_PREFIX


def seal_token(ring: KeyRing, claims: Mapping[str, Any], *, typ: str) -> str:
    """An opaque token with these claims. Raises LookupError if the ring has no key for it."""
    return OPAQUE_PREFIX + ring.opaque_tokens.seal(claims, typ=typ)


def read_token(
    ring: KeyRing, raw: str, *, issuer: str, typ: str, shared_with: Collection[str] = ()
) -> Mapping[str, Any] | None:
    """The claims of a token of this issuer, expired or not; None for anything else."""
    claims = _open(ring, raw, typ, shared_with)
    return claims if claims is not None and claims.get("iss") == issuer else None


def _open(
    ring: KeyRing, raw: str, typ: str, shared_with: Collection[str]
) -> Mapping[str, Any] | None:
    if raw.startswith(OPAQUE_PREFIX):
        return ring.opaque_tokens.open(raw.removeprefix(OPAQUE_PREFIX), typ=typ)
    claims = _verify(raw, ring.published, typ)
    if claims is not None:
        return claims
    for audience in shared_with:
        secret = ring.api_secrets.get(audience)
        claims = None if secret is None else _verify(raw, secret, typ)
        if claims is not None and claims.get("aud") == audience:
            return claims
    return None


def _verify(raw: str, keys: KeySource, typ: str) -> Mapping[str, Any] | None:
    try:
        header, payload = verify_compact(raw, keys)
        claims = strict_json.decode_object(payload)
    except (TokenError, ValueError):
        return None
    return claims if header.typ == media_type(typ) else None
