"""Where a browser may be sent back to: what the client registered, to the letter.

RFC 9700 section 4.1.3. The one exception is the port of a loopback address, which a native
application learns when it starts (RFC 8252 section 7.3).
"""

from __future__ import annotations

from collections.abc import Iterable

from lingpai_server.protocol.web_url import WebUrl, parse_web_url

_LOOPBACK_LITERALS = frozenset({"127.0.0.1", "::1"})  # a name could be resolved to elsewhere


def is_registered(given: str, registered: Iterable[str]) -> bool:
    """Whether a redirect URI is one of those that were registered."""
    several = tuple(registered)
    if given in several:
        return True
    url = _loopback(given)
    return url is not None and any(_differs_in_port_alone(url, _loopback(one)) for one in several)


def host_of(redirect_uri: str) -> str:
    """What a person is told about where the answer goes: the host, or the scheme of an app."""
    url = parse_web_url(redirect_uri)
    return redirect_uri.partition(":")[0] if url is None else url.host


def _loopback(text: str) -> WebUrl | None:
    url = parse_web_url(text)
    fits = url is not None and url.scheme == "http" and url.host in _LOOPBACK_LITERALS
    return url if fits else None


def _differs_in_port_alone(given: WebUrl, registered: WebUrl | None) -> bool:
    if registered is None or given.fragment is not None:
        return False
    return (given.host, given.path, given.query) == (
        registered.host,
        registered.path,
        registered.query,
    )
