"""A browser session: how its cookie names it, and when it is over. Refuses to know clients."""

from __future__ import annotations

from lingpai.jose import base64url
from lingpai.jose.crypto import sha256
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.secret import Secret


def browser_id_of(cookie: Secret[str]) -> bytes:
    """What the store knows a browser session by: the SHA-256 of the cookie's text."""
    return sha256(cookie.reveal().encode("utf-8"))


def browser_name(cookie: Secret[str] | None) -> str | None:
    """What a sealed page calls the browser session that it was shown to: its id, or None."""
    return None if cookie is None else base64url.encode(browser_id_of(cookie))


def is_live(browser: BrowserSession, *, now: float) -> bool:
    """Whether somebody is logged in there. A deadline is the first second that is too late."""
    deadline = min(browser.idle_deadline, browser.absolute_deadline)
    return browser.ended_at is None and now < deadline
