"""Whom the server may call: rules for the URLs and addresses that strangers make it fetch from.

Whoever registers a client chooses URLs for the server to fetch, and could aim it at what only the
server can reach (server-side request forgery). Decides only; opens nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lingpai_server.protocol.web_url import WebUrl, parse_web_url

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # RFC 4291 section 2.4
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
_PROTOCOL_ASSIGNMENTS = ipaddress.IPv4Network("192.0.0.0/24")  # RFC 6890 section 2.2.2


class FetchError(Exception):
    """The base of what a fetch can raise. The message is for an operator and holds no secret."""


class FetchRefused(FetchError):
    """The server's own rules do not let it ask there: asking again will not help."""


class FetchFailed(FetchError):
    """There was no answer, or not a usable one: another time there may be."""


@dataclass(frozen=True, slots=True)
class OutgoingPolicy:
    """`allowed_networks` may be called although they are not public. `loopback` lets the server
    call its own machine, over plain http too: for an issuer that is on loopback itself. `ca_file`
    holds certificates to trust beside the system's. `timeout_seconds` bounds one request as a
    whole; `parallel` is how many go on at one time."""

    allowed_networks: tuple[Network, ...] = ()
    loopback: bool = False
    ca_file: Path | None = None
    timeout_seconds: float = 5.0
    parallel: int = 64


def check_url(text: str, policy: OutgoingPolicy) -> WebUrl:
    """The URL in its parts, if one may be asked there at all. Raises FetchRefused."""
    url = parse_web_url(text)
    if url is None:
        raise FetchRefused("not a URL that can be fetched")
    if url.fragment is not None:
        raise FetchRefused("a URL to fetch has no fragment")
    if url.scheme != "https" and not (policy.loopback and url.is_loopback):
        raise FetchRefused("only https URLs are fetched")
    return url


def check_addresses(
    texts: Iterable[str], url: WebUrl, policy: OutgoingPolicy
) -> tuple[Address, ...]:
    """What the URL's host resolved to, each once, if every one may be called. Raises FetchRefused.

    One bad address among good ones refuses them all: an honest name has none.
    """
    addresses = tuple(dict.fromkeys(ipaddress.ip_address(text) for text in texts))
    for address in addresses:
        if url.scheme == "http" and not address.is_loopback:
            raise FetchRefused(f"{url.host} is {address}, and plain http is for loopback only")
        if not may_call(address, policy):
            raise FetchRefused(f"{url.host} is {address}, which is not a public address")
    return addresses


def may_call(address: Address, policy: OutgoingPolicy) -> bool:
    """Whether an address is public, or allowed by name."""
    if any(address in network for network in policy.allowed_networks):
        return True
    if policy.loopback and address.is_loopback:
        return True
    return is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is unicast on the internet at large (RFC 6890).

    An IPv4 address in IPv6's clothes is never called as such; NAT64 (RFC 6052) is a way to the
    IPv4 address inside, and counts as that.
    """
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address not in _PROTOCOL_ASSIGNMENTS
    return address in _GLOBAL_UNICAST and address.sixtofour is None
