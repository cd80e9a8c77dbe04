"""Web URLs, taken apart strictly: whatever two readers could read in two ways is none.

Opens nothing, resolves no name, and refuses to judge whom a host name stands for.
"""

from __future__ import annotations

import ipaddress
import string
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_URL_CHARS = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}
# RFC 3986 section 2, without what `urlsplit` and browsers disagree on
_URL_CHARS = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
_HOST_CHARS = frozenset(string.ascii_letters + string.digits + "-._")


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http or https URL. `host` is in lower case, an IPv6 address without its brackets; `path`
    may be empty; `query` and `fragment` are None where the URL has no such part."""

    scheme: str
    authority: str
    host: str
    port: int
    path: str
    query: str | None
    fragment: str | None

    @property
    def target(self) -> str:
        """What a request line says: the origin-form of RFC 9112 section 3.2.1."""
        return (self.path or "/") + ("" if self.query is None else f"?{self.query}")

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by definition (RFC 6761 section 6.3)."""
        return is_loopback_host(self.host)


def parse_web_url(text: str) -> WebUrl | None:
    """The parts of an absolute http or https URL (RFC 9110 section 4.2), or None.

    None as well for a user name in it (RFC 9110 section 4.2.4), a host name beyond ASCII, and
    whatever is longer than MAX_URL_CHARS.
    """
    if len(text) > MAX_URL_CHARS or not _URL_CHARS.issuperset(text):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc or port == 0:
        return None
    if not _is_host(host) or parts.netloc.endswith(":"):
        return None
    before_fragment, hash_sign, fragment = text.partition("#")
    return WebUrl(
        scheme=parts.scheme,
        authority=parts.netloc,
        host=host,
        port=DEFAULT_PORTS[parts.scheme] if port is None else port,
        path=parts.path,
        query=parts.query if "?" in before_fragment else None,
        fragment=fragment if hash_sign else None,
    )


def is_loopback_host(host: str) -> bool:
    """Whether a host is this machine by definition (RFC 6761 section 6.3, RFC 1122, RFC 4291)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """A name of the usual letters, or an IPv6 address without a zone."""
    if ":" not in host:
        return _HOST_CHARS.issuperset(host)
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False
