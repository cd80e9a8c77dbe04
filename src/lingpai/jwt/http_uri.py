"""The normal form of an http URI without query and fragment, for `htu` (RFC 9449 section 4.3).

Syntax- and scheme-based normalisation (RFC 3986 sections 6.2.2 and 6.2.3). Resolves nothing.
"""

from __future__ import annotations

from string import ascii_letters, digits, hexdigits

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNRESERVED = frozenset(ascii_letters + digits + "-._~")  # RFC 3986 section 2.3
_SUB_DELIMITERS = frozenset("!$&'()*+,;=")
_HOST = _UNRESERVED | _SUB_DELIMITERS
_PATH = _HOST | frozenset(":@/")
_IN_BRACKETS = frozenset(hexdigits + ":.")
_HEX = frozenset(hexdigits)


def normalize(uri: str) -> str:
    """`scheme://host[:port]/path`, in the one spelling that all equivalent URIs share.

    Raises ValueError for what is no absolute http or https URI, for user information, and for
    characters that a URI does not have.
    """
    if not (uri.isascii() and uri.isprintable()) or " " in uri:
        raise ValueError("a URI is printable ASCII")
    scheme, separator, rest = uri.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError("not an absolute http or https URI")
    authority, _, path = rest.partition("#")[0].partition("?")[0].partition("/")
    return f"{scheme}://{_authority(authority, _DEFAULT_PORTS[scheme])}{_path('/' + path)}"


def _authority(authority: str, default_port: int) -> str:
    if authority.startswith("["):
        host, bracket, tail = authority.partition("]")
        if not bracket or not set(host[1:]) <= _IN_BRACKETS or tail[:1] not in ("", ":"):
            raise ValueError("not an IPv6 address in brackets")
        host, port = f"{host}]", tail[1:]
    else:
        host, _, port = authority.partition(":")
        if not set(host) <= _HOST:  # a percent sign too: no host of an http URI needs one
            raise ValueError("a character that a host does not have")
    if host in ("", "[]"):
        raise ValueError("a URI without a host")
    return host.lower() + _port(port, default_port)


def _port(port: str, default_port: int) -> str:
    """Nothing for an empty or the scheme's own port."""
    if not port:
        return ""
    if not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise ValueError("not a port")
    return "" if int(port) == default_port else f":{int(port)}"


def _path(path: str) -> str:
    """Decode what needs no encoding, write the rest in upper case (RFC 3986 section 6.2.2)."""
    first, *others = path.split("%")
    if not set(first) <= _PATH:
        raise ValueError("a character that must be percent-encoded")
    parts = [first]
    for part in others:
        code, rest = part[:2], part[2:]
        if len(code) != 2 or not set(code) <= _HEX or not set(rest) <= _PATH:
            raise ValueError("a percent sign that encodes nothing")
        character = chr(int(code, 16))
        parts.append((character if character in _UNRESERVED else f"%{code.upper()}") + rest)
    return _remove_dot_segments("".join(parts))


def _remove_dot_segments(path: str) -> str:
    """RFC 3986 section 5.2.4, for a path that begins with a slash."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
