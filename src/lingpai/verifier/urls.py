"""Which URLs an issuer may be reached at, and their parts. Opens nothing and resolves no name."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = ["Url", "check_fetch_url", "check_issuer", "parse_url"]

DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that may be fetched. `path` may be empty; `target` is what a request line says."""

    scheme: str
    authority: str
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> str:
        """Scheme and authority, as written."""
        return f"{self.scheme}://{self.authority}"

    @property
    def target(self) -> str:
        """The origin-form of RFC 9112 section 3.2.1."""
        return (self.path or "/") + (f"?{self.query}" if self.query else "")


def parse_url(url: str) -> Url:
    """Take apart an https URL, or an http one on loopback. Raises ValueError for any other.

    User names and fragments are refused, and whatever two parsers might read in two ways.
    """
    if not (url.isascii() and url.isprintable()) or any(c in url for c in ' \\#"<>'):
        raise ValueError("a URL here is printable ASCII, without a fragment")
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError("a URL here names a host and no user")
    if parts.scheme not in DEFAULT_PORTS:
        raise ValueError("a URL here is https, or http on loopback")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("plain http is for loopback only")
    port = parts.port or DEFAULT_PORTS[parts.scheme]  # .port raises ValueError out of range
    return Url(parts.scheme, parts.netloc, parts.hostname, port, parts.path, parts.query)


def check_issuer(issuer: str) -> None:
    """Raise ValueError unless `issuer` is a URL without a query (RFC 8414 section 2)."""
    parse_url(issuer)
    if "?" in issuer:
        raise ValueError("an issuer has no query (RFC 8414 section 2)")


def check_fetch_url(url: str, *, issuer: str) -> None:
    """Raise ValueError unless `url` may be fetched on behalf of `issuer`.

    Plain http is for an issuer that is on plain http itself, so on loopback: the metadata of any
    other cannot point at a service on this machine.
    """
    if parse_url(url).scheme != "https" and parse_url(issuer).scheme == "https":
        raise ValueError("an https issuer fetches over https only")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
