"""Bad tokens for the walk, made of a good one. Signs nothing."""

from __future__ import annotations

from typing import Any

from lingpai.jose import base64url, strict_json

_HOUR_SECONDS = 3600


def tamper(raw: str, **claims: Any) -> str:
    """The same header and signature around other claims."""
    header, _, signature = raw.split(".")
    return f"{header}.{_encode({**read_claims(raw), **claims})}.{signature}"


def unsign(raw: str) -> str:
    """The same claims under a header that says `alg: none` (RFC 8725 section 3.2)."""
    header = _encode({"alg": "none", "typ": "at+jwt"})
    return f"{header}.{raw.split('.')[1]}."


def expire(raw: str) -> dict[str, Any]:
    """The claims, all of their times an hour ago: to be signed by somebody."""
    claims = read_claims(raw)
    times = ("iat", "exp", "auth_time")
    return claims | {name: claims[name] - _HOUR_SECONDS for name in times if name in claims}


def read_claims(raw: str) -> dict[str, Any]:
    """What a token says, unverified."""
    return strict_json.decode_object(base64url.decode(raw.split(".")[1]))


def _encode(members: dict[str, Any]) -> str:
    return base64url.encode(strict_json.encode(members))
