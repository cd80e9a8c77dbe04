"""Who a user is to a client: a public subject, or a pairwise one (OpenID Connect Core section 8).

Says which sector a client belongs to. The subject itself is derived by the key ring, which alone
holds the key.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from lingpai_server.core.client_settings import SubjectType
from lingpai_server.core.records import Client

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def sector_of(client: Client) -> str | None:
    """The sector identifier of a client with pairwise subjects; None for public ones.

    The host of its `sector_identifier_uri`, or the one host of its redirect URIs (section 8.1). A
    client without such a host is a sector of its own: a private scheme or a loopback address is
    shared with strangers. No host has a space in it, so no client can take such a name.
    """
    if client.settings.subject_type is not SubjectType.PAIRWISE:
        return None
    if client.settings.sector_identifier_uri is not None:
        uris: tuple[str, ...] = (client.settings.sector_identifier_uri,)
    else:
        uris = client.settings.redirect_uris
    hosts = {_host(uri) for uri in uris}
    host = hosts.pop() if len(hosts) == 1 else None
    return f"client {client.client_id}" if host is None else host


def _host(uri: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or parts.hostname in _LOOPBACK_HOSTS:
        return None
    return parts.hostname
