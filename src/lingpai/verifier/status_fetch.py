"""Fetches the text of a status list (Token Status List section 8.1). Reads nothing in it."""

from __future__ import annotations

from lingpai.verifier.flows import FetchFailed, Get
from lingpai.verifier.transport import Transport
from lingpai.verifier.urls import check_fetch_url

__all__ = ["NoSuchList", "fetch_list_text"]

LIST_BYTES = 8 * 1024 * 1024
LIST_ACCEPT = "application/statuslist+jwt"


class NoSuchList(FetchFailed):
    """The issuer says that it has no such list (RFC 9110 sections 15.5.5 and 15.5.11)."""


def fetch_list_text(uri: str, issuer: str, transport: Transport) -> bytes:
    """The list as it was signed. Raises NoSuchList, FetchFailed, or ValueError for a URI that is
    not to be fetched for this issuer."""
    check_fetch_url(uri, issuer=issuer)
    response = transport.get(Get(uri, accept=LIST_ACCEPT, max_bytes=LIST_BYTES))
    if response.status in {404, 410}:
        raise NoSuchList(f"{uri}: status {response.status}")
    if response.status != 200:
        raise FetchFailed(f"{uri}: status {response.status}")
    return response.body
