"""OpenID Connect's own scopes, and the claims each stands for (Core section 5.4). Data only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OPENID = "openid"
OFFLINE_ACCESS = "offline_access"  # OpenID Connect Core section 11

# OpenID Connect Core section 5.4; the claims are defined in section 5.1
SCOPE_CLAIMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "profile": (
            *("name", "family_name", "given_name", "middle_name", "nickname"),
            *("preferred_username", "profile", "picture", "website", "gender", "birthdate"),
            *("zoneinfo", "locale", "updated_at"),
        ),
        "email": ("email", "email_verified"),
        "address": ("address",),
        "phone": ("phone_number", "phone_number_verified"),
    }
)
OPENID_SCOPES = (OPENID, *SCOPE_CLAIMS, OFFLINE_ACCESS)
SCOPE_OF_CLAIM: Mapping[str, str] = MappingProxyType(
    {claim: scope for scope, claims in SCOPE_CLAIMS.items() for claim in claims}
)
