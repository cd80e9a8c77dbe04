"""Cookies (RFC 6265bis) are read strictly, and the refresh cookie written in one way.

The prefix makes browsers insist on Secure, on Path=/ and on the absence of Domain, so that no other
host, not even a subdomain, can plant one.
"""

from __future__ import annotations

from collections.abc import Iterable

from lingpai_server.core.secret import Secret

REFRESH_COOKIE = "__Host-lingpai-refresh"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class RepeatedCookie(ValueError):
    """A request carries the cookie more than once."""


def set_refresh_cookie(token: Secret[str], *, max_age_seconds: int) -> tuple[str, str]:
    """The header that keeps a refresh token where no script can read it."""
    value = f"{REFRESH_COOKIE}={token.reveal()}; {_ATTRIBUTES}; Max-Age={max_age_seconds}"
    return "set-cookie", value


def clear_refresh_cookie() -> tuple[str, str]:
    """The header that makes a browser forget it."""
    return "set-cookie", f"{REFRESH_COOKIE}=; {_ATTRIBUTES}; Max-Age=0"


def read_cookie(headers: Iterable[str], name: str) -> Secret[str] | None:
    """Its value among all Cookie headers (HTTP/2 may split them, RFC 9113 section 8.2.3).

    An empty one counts as none. Raises RepeatedCookie: which of two is meant, nobody can tell.
    """
    values = [
        pair.partition("=")[2].strip()
        for header in headers
        for pair in header.split(";")
        if pair.partition("=")[0].strip() == name
    ]
    if len(values) > 1:
        raise RepeatedCookie
    return Secret(values[0]) if values and values[0] else None
