"""What was decided, as HTTP: one table from error code to status, one function a kind of reply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lingpai_server.app.issuing import IssuedTokens
from lingpai_server.http.answers import NO_STORE, Answer, Headers, error_answer, json_answer
from lingpai_server.http.cookies import clear_refresh_cookie, set_refresh_cookie
from lingpai_server.protocol.errors import ErrorCode, Refusal
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
        ErrorCode.TEMPORARILY_UNAVAILABLE: 503,
    }
)
_CHALLENGE = ("www-authenticate", 'Basic realm="lingpai", charset="UTF-8"')  # RFC 7617


def render_tokens(tokens: IssuedTokens) -> Answer:
    """RFC 6749 section 5.1. A refresh token leaves in the body or in the cookie, never in both."""
    members: dict[str, Any] = {
        "access_token": tokens.access_token.reveal(),
        "token_type": "Bearer",
        "expires_in": tokens.expires_in_seconds,
    }
    if tokens.scopes:
        members["scope"] = " ".join(tokens.scopes)
    cookie: Headers = ()
    if tokens.refresh_token is not None:
        if tokens.in_cookie:
            max_age = tokens.refresh_expires_in_seconds or 0
            cookie = (set_refresh_cookie(tokens.refresh_token, max_age_seconds=max_age),)
        else:
            members["refresh_token"] = tokens.refresh_token.reveal()
    return json_answer(200, members, (*NO_STORE, *cookie))


def render_refusal(refusal: Refusal, *, used_basic: bool = False) -> Answer:
    """The public half of a refusal. A client that tried Basic is told to (section 5.2)."""
    headers: list[tuple[str, str]] = []
    if refusal.code is ErrorCode.INVALID_CLIENT and used_basic:
        headers.append(_CHALLENGE)
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    return error_answer(STATUS[refusal.code], refusal.code, refusal.description, tuple(headers))


def render_revoked() -> Answer:
    """RFC 7009 section 2.2: 200, and the body means nothing."""
    return json_answer(200, {})


def render_logged_out(reply: LoggedOut) -> Answer:
    """204; the browser forgets its cookie."""
    cookie: Headers = (clear_refresh_cookie(),) if reply.clear_cookie else ()
    return Answer(204, (*NO_STORE, *cookie), b"")
