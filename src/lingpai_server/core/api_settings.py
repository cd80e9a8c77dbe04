"""How an API wants its tokens, beyond their algorithm and lifetime: one record, one JSON column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class TokenFormat(StrEnum):
    """What an access token looks like to whoever carries it."""

    JWT = "jwt"  # RFC 9068
    OPAQUE = "opaque"  # a reference that only the issuer can read; the API introspects it
    JWE = "jwe"  # the same JWT, encrypted to the API's own key


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """`encryption_jwk` is the API's public key as JSON text, for JWE. `max_token_bytes` is the size
    budget of one token. `scope_texts` says what a scope means, for the consent page: by scope, or
    by `scope#language` (`orders:read#zh-CN`). `details_types` are the `authorization_details`
    types (RFC 9396) that the API understands."""

    format: TokenFormat = TokenFormat.JWT
    encryption_jwk: str | None = None
    encryption_enc: str = "A128CBC-HS256"
    max_token_bytes: int = 4096
    scope_texts: Mapping[str, str] = field(default_factory=dict, hash=False)
    details_types: tuple[str, ...] = ()
