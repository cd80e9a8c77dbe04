"""What was decided, as HTTP: one table from error code to status, one function a kind of reply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lingpai.jose import strict_json
from lingpai_server.app.issuing import IssuedTokens
from lingpai_server.http.answers import NO_STORE, Answer, Headers, error_answer, json_answer
from lingpai_server.http.cookies import clear_refresh_cookie, set_refresh_cookie
from lingpai_server.protocol.device import DeviceAuthorization
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.par import Pushed
from lingpai_server.protocol.replies import LoggedOut

# RFC 6749 section 5.2 unless said otherwise
STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: 400,
        ErrorCode.INVALID_CLIENT: 401,
        ErrorCode.INVALID_GRANT: 400,
        ErrorCode.UNAUTHORIZED_CLIENT: 400,
        ErrorCode.UNSUPPORTED_GRANT_TYPE: 400,
        ErrorCode.INVALID_SCOPE: 400,
        ErrorCode.INVALID_TARGET: 400,  # RFC 8707 section 2
        ErrorCode.UNSUPPORTED_TOKEN_TYPE: 400,  # RFC 7009 section 2.2.1
        ErrorCode.INVALID_REDIRECT_URI: 400,  # RFC 7591 section 3.2.2
        ErrorCode.INVALID_CLIENT_METADATA: 400,  # RFC 7591 section 3.2.2
        ErrorCode.ACCESS_DENIED: 403,
        ErrorCode.SLOW_DOWN: 429,  # RFC 6585 section 4
        ErrorCode.AUTHORIZATION_PENDING: 400,  # RFC 8628 section 3.5
        ErrorCode.EXPIRED_TOKEN: 400,  # RFC 8628 section 3.5
        ErrorCode.INVALID_DPOP_PROOF: 400,  # RFC 9449 section 5
        ErrorCode.USE_DPOP_NONCE: 400,  # RFC 9449 section 8
        ErrorCode.INVALID_AUTHORIZATION_DETAILS: 400,  # RFC 9396 section 5
        ErrorCode.INVALID_REQUEST_URI: 400,  # RFC 9126 section 2.3
        ErrorCode.INVALID_REQUEST_OBJECT: 400,  # RFC 9126 section 2.3, RFC 9101 section 7
        ErrorCode.REQUEST_URI_NOT_SUPPORTED: 400,  # the same
        ErrorCode.REGISTRATION_NOT_SUPPORTED: 400,  # the same
        ErrorCode.UNSUPPORTED_RESPONSE_TYPE: 400,  # the same
        ErrorCode.LOGIN_REQUIRED: 400,  # these go back by redirect; PAR may say them at once
        ErrorCode.CONSENT_REQUIRED: 400,
        ErrorCode.INTERACTION_REQUIRED: 400,
        ErrorCode.ACCOUNT_SELECTION_REQUIRED: 400,
        ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS: 400,
        ErrorCode.INVALID_TOKEN: 401,  # RFC 6750 section 3.1
        ErrorCode.INSUFFICIENT_SCOPE: 403,  # RFC 6750 section 3.1
        ErrorCode.SERVER_ERROR: 500,
        ErrorCode.TEMPORARILY_UNAVAILABLE: 503,
    }
)
# where a grant is refused and not the request, RFC 8628 section 3.5 wants what RFC 6749 says
_GRANT_STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {ErrorCode.ACCESS_DENIED: 400, ErrorCode.SLOW_DOWN: 400}
)
_CHALLENGE = ("www-authenticate", 'Basic realm="lingpai", charset="UTF-8"')  # RFC 7617


def render_tokens(tokens: IssuedTokens) -> Answer:
    """RFC 6749 section 5.1. A refresh token leaves in the body or in the cookie, never in both."""
    members: dict[str, Any] = {
        "access_token": tokens.access_token.reveal(),
        "token_type": tokens.token_type,
        "expires_in": tokens.expires_in_seconds,
        **_further_members(tokens),
    }
    cookie: Headers = ()
    if tokens.refresh_token is not None:
        if tokens.in_cookie:
            max_age = tokens.refresh_expires_in_seconds or 0
            cookie = (set_refresh_cookie(tokens.refresh_token, max_age_seconds=max_age),)
        else:
            members["refresh_token"] = tokens.refresh_token.reveal()
    return json_answer(200, members, (*NO_STORE, *cookie, *nonce_header(tokens.dpop_nonce)))


def render_pushed(reply: Pushed) -> Answer:
    """RFC 9126 section 2.2."""
    members = {"request_uri": reply.request_uri, "expires_in": reply.expires_in_seconds}
    return json_answer(201, members, (*NO_STORE, *nonce_header(reply.dpop_nonce)))


def render_device_authorization(reply: DeviceAuthorization) -> Answer:
    """RFC 8628 section 3.2."""
    members = {
        "device_code": reply.device_code.reveal(),
        "user_code": reply.user_code,
        "verification_uri": reply.verification_uri,
        "verification_uri_complete": reply.verification_uri_complete,
        "expires_in": reply.expires_in_seconds,
        "interval": reply.interval_seconds,
    }
    return json_answer(200, members)


def render_refusal(refusal: Refusal, *, used_basic: bool = False, of_grant: bool = False) -> Answer:
    """The public half of a refusal. A client that tried Basic is told to (section 5.2)."""
    headers: list[tuple[str, str]] = [*nonce_header(refusal.dpop_nonce)]
    if refusal.code is ErrorCode.INVALID_CLIENT and used_basic:
        headers.append(_CHALLENGE)
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    status = STATUS[refusal.code]
    if of_grant:
        status = _GRANT_STATUS.get(refusal.code, status)
    return error_answer(status, refusal.code, refusal.description, tuple(headers))


def nonce_header(nonce: str | None) -> Headers:
    """RFC 9449 section 8."""
    return () if nonce is None else (("dpop-nonce", nonce),)


def _further_members(tokens: IssuedTokens) -> dict[str, Any]:
    """Those that are there only if there is something to say."""
    members: dict[str, Any] = {}
    if tokens.scopes:
        members["scope"] = " ".join(tokens.scopes)
    if tokens.id_token is not None:
        members["id_token"] = tokens.id_token.reveal()
    if tokens.authorization_details is not None:
        details = strict_json.decode(tokens.authorization_details.encode("utf-8"))
        members["authorization_details"] = details
    if tokens.issued_token_type is not None:
        members["issued_token_type"] = tokens.issued_token_type
    return members


def render_revoked() -> Answer:
    """RFC 7009 section 2.2: 200, and the body means nothing."""
    return json_answer(200, {})


def render_logged_out(reply: LoggedOut) -> Answer:
    """204; the browser forgets its cookie."""
    cookie: Headers = (clear_refresh_cookie(),) if reply.clear_cookie else ()
    return Answer(204, (*NO_STORE, *cookie), b"")
