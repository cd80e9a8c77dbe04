"""The cookie of a browser session (RFC 6265bis): written in one way. Knows nothing of its value.

SameSite=Lax, since a user comes here by a link from another site and has to be known then; a form
that another site posts does not bring it along.
"""

from __future__ import annotations

from lingpai_server.core.secret import Secret
from lingpai_server.http.exchange import Exchange

SESSION_COOKIE = "__Host-lingpai-session"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def set_session_cookie(secret: Secret[str], *, max_age_seconds: int | None) -> tuple[str, str]:
    """The header that keeps it; None forgets it when the browser is closed."""
    lasting = "" if max_age_seconds is None else f"; Max-Age={max_age_seconds}"
    return "set-cookie", f"{SESSION_COOKIE}={secret.reveal()}; {_ATTRIBUTES}{lasting}"


def clear_session_cookie() -> tuple[str, str]:
    """The header that makes a browser forget it."""
    return "set-cookie", f"{SESSION_COOKIE}=; {_ATTRIBUTES}; Max-Age=0"


def read_session_cookie(exchange: Exchange) -> Secret[str] | None:
    """What the browser brought. Raises Refused if it brought two."""
    return exchange.cookie(SESSION_COOKIE)
