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
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"  # RFC 6749 section 4.1.2.1
    SERVER_ERROR = "server_error"  # RFC 6749 section 4.1.2.1
    LOGIN_REQUIRED = "login_required"  # OpenID Connect Core section 3.1.2.6
    CONSENT_REQUIRED = "consent_required"  # OpenID Connect Core section 3.1.2.6
    INTERACTION_REQUIRED = "interaction_required"  # OpenID Connect Core section 3.1.2.6
    ACCOUNT_SELECTION_REQUIRED = "account_selection_required"  # the same
    INVALID_REQUEST_URI = "invalid_request_uri"  # OpenID Connect Core section 3.1.2.6, RFC 9101
    INVALID_REQUEST_OBJECT = "invalid_request_object"  # the same
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"  # the same
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"  # the same
    UNMET_AUTHENTICATION_REQUIREMENTS = "unmet_authentication_requirements"  # OpenID UMAR 1.0
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"  # RFC 9396 section 5
    AUTHORIZATION_PENDING = "authorization_pending"  # RFC 8628 section 3.5
    EXPIRED_TOKEN = "expired_token"  # RFC 8628 section 3.5
    INVALID_DPOP_PROOF = "invalid_dpop_proof"  # RFC 9449 section 5
    USE_DPOP_NONCE = "use_dpop_nonce"  # RFC 9449 section 8
    INVALID_TOKEN = "invalid_token"  # RFC 6750 section 3.1
    INSUFFICIENT_SCOPE = "insufficient_scope"  # RFC 6750 section 3.1
    INVALID_REDIRECT_URI = "invalid_redirect_uri"  # RFC 7591 section 3.2.2
    INVALID_CLIENT_METADATA = "invalid_client_metadata"  # RFC 7591 section 3.2.2
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"  # RFC 6749 section 4.1.2.1


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of no. `code` and `description` go out; `reason` goes to the audit log only.

    `dpop_nonce` goes out with it, for another try (RFC 9449 section 8).
    """

    code: ErrorCode
    reason: str
    description: str = ""
    retry_after_seconds: int | None = None
    dpop_nonce: str | None = None


def refuse(
    code: ErrorCode,
    *,
    reason: str,
    description: str = "",
    retry_after_seconds: int | None = None,
) -> Refusal:
    """A refusal, spelled so that a reader sees both sides of it."""
    return Refusal(code, reason, description, retry_after_seconds)
