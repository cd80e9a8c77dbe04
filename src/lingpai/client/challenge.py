"""What an API says when it refuses a token, and whether a new token would help. Pure."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["wants_new_token", "wants_nonce"]

# RFC 6750 section 3.1 has one code for all; the integrations of this library say more beside it
_HELPED_BY_A_NEW_TOKEN = ("token_stale", "token_expired", "unknown_key", "status_unknown")


def wants_new_token(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the answer says that another token would be taken: this one is stale, or has ended.

    Header names are in lower case. An issuer's or proxy's bare `invalid_token` counts too; a token
    that was revoked does not, since the next one would be refused as well.
    """
    if status != 401:
        return False
    challenge = headers.get("www-authenticate", "")
    if 'error="invalid_token"' not in challenge.replace(" ", ""):
        return False
    described = "error_description=" in challenge
    return not described or any(f'"{code}"' in challenge for code in _HELPED_BY_A_NEW_TOKEN)


def wants_nonce(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the API asks for a DPoP nonce, and names one (RFC 9449 section 9)."""
    asks = status == 401 and "use_dpop_nonce" in headers.get("www-authenticate", "")
    return asks and bool(headers.get("dpop-nonce"))
