"""Refusals: the public error code, apart from the private reason. No HTTP status is known here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Public codes; the section that defines each is beside it."""

    INVALID_REQUEST = "invalid_request"  # RFC 6749 section 5.2
    INVALID_CLIENT = "invalid_client"  # RFC 6749 section 5.2
    INVALID_GRANT = "invalid_grant"  # RFC 6749 section 5.2
    UNAUTHORIZED_CLIENT = "unauthorized_client"  # RFC 6749 section 5.2
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"  # RFC 6749 section 5.2
    INVALID_SCOPE = "invalid_scope"  # RFC 6749 section 5.2
    INVALID_TARGET = "invalid_target"  # RFC 8707 section 2
    UNSUPPORTED_TOKEN_TYPE = "unsupported_token_type"  # RFC 7009 section 2.2.1
    ACCESS_DENIED = "access_denied"  # RFC 6749 section 4.1.2.1; here also: a cross-site request
    SLOW_DOWN = "slow_down"  # RFC 8628 section 3.5; here also: an attempt came too soon
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"  # RFC 6749 section 4.1.2.1


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of no. `code` and `description` go out; `reason` goes to the audit log only."""

    code: ErrorCode
    reason: str
    description: str = ""
    retry_after_seconds: int | None = None


def refuse(
    code: ErrorCode,
    *,
    reason: str,
    description: str = "",
    retry_after_seconds: int | None = None,
) -> Refusal:
    """A refusal, spelled so that a reader sees both sides of it."""
    return Refusal(code, reason, description, retry_after_seconds)
