"""Which URIs a client may register, and for what. Refuses to know how they are matched later.

A function here answers what is wrong with a URI, in words that complete "the URI …", or None.
"""

from __future__ import annotations

import string

from lingpai_server.protocol.web_url import MAX_URL_CHARS, parse_web_url

WEB, NATIVE = "web", "native"  # OpenID Connect Registration section 2, application_type

_SCHEME_CHARS = frozenset(string.ascii_lowercase + string.digits + "+-.")
_URI_CHARS = frozenset(string.ascii_letters + string.digits + "-._~:/?[]@!$&'()*+,;=%")

_NEITHER = (
    "is neither a well-formed https URL nor of a scheme that begins with a domain name turned "
    "around, such as com.example.app:/callback"
)


def why_not_redirect(uri: str, application_type: str | None) -> str | None:
    """https; plain http on loopback (RFC 8252 section 7.3); and, unless the client says that it is
    a web application, a scheme of its own (section 7.1). Never a fragment (RFC 6749 section
    3.1.2), and never a wildcard: redirects are matched to the letter (RFC 9700 section 4.1.3)."""
    url = parse_web_url(uri)
    if url is None:
        if application_type == WEB:
            return "is not a well-formed https URL, as a web application's has to be"
        return None if _is_private_use(uri) else _NEITHER
    if url.fragment is not None:
        return "has a fragment"
    if url.scheme == "http" and not url.is_loopback:
        return "is plain http, which is for loopback only"
    return None


def why_not_page(uri: str) -> str | None:
    """For a page that people are shown a link to."""
    url = parse_web_url(uri)
    return None if url is not None and url.scheme == "https" else "is not an https URL"


def why_not_called(uri: str, *, loopback: bool) -> str | None:
    """For what the server itself is to call; `loopback` allows plain http on its own machine."""
    url = parse_web_url(uri)
    if url is None or url.fragment is not None:
        return "is not an https URL without a fragment"
    if url.scheme == "http" and not (loopback and url.is_loopback):
        return "is not an https URL without a fragment"
    return None


def _is_private_use(uri: str) -> bool:
    """A scheme that begins with a domain name turned around (RFC 8252 section 7.1), so with a dot
    in it: `javascript:`, `data:` and their like have none."""
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest or len(uri) > MAX_URL_CHARS or "." not in scheme:
        return False
    labels = scheme.split(".")
    return (
        all(labels)
        and scheme[0] in string.ascii_lowercase
        and _SCHEME_CHARS.issuperset(scheme)
        and _URI_CHARS.issuperset(rest)
    )
