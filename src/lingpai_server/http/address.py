"""Where a request comes from: its peer, or what trusted proxies say. Never a host name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_HOPS = 32


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their texts. Raises ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def client_address(
    peer: str | None, forwarded_for: Iterable[str], trusted: tuple[Network, ...]
) -> str | None:
    """The address of the last one on the way whom no trusted proxy vouches to be a proxy.

    Each proxy appends to X-Forwarded-For the peer that it saw, so the header is read from its right
    end, and only as long as the one who wrote the entry is trusted. What stands further left was
    written by a stranger. `forwarded_for` are the header's lines in their order.
    """
    seen = _parse(peer or "")
    if seen is None:
        return None
    entries = [entry for line in forwarded_for for entry in line.split(",")]
    for entry in reversed(entries[-_MAX_HOPS:]):
        if not _is_trusted(seen, trusted):
            break
        reported = _parse(_without_port(entry.strip()))
        if reported is None:  # a proxy that we trust wrote nonsense: believe what was seen last
            break
        seen = reported
    return str(seen)


def is_trusted_peer(peer: str | None, trusted: tuple[Network, ...]) -> bool:
    """Whether whoever is connected to us is a proxy that we trust."""
    address = _parse(peer or "")
    return address is not None and _is_trusted(address, trusted)


def _is_trusted(address: Address, trusted: tuple[Network, ...]) -> bool:
    return any(address in network for network in trusted)


@lru_cache(maxsize=1024)  # a gateway or a service sends thousands of requests from one address
def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.scope_id is not None:  # names an interface of this machine, not the peer
            return ipaddress.IPv6Address(int(address))
    return address


def _without_port(entry: str) -> str:
    """Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    host, colon, port = entry.partition(":")
    return host if colon and port.isdigit() else entry
