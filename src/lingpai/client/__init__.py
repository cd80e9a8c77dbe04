"""For who calls APIs: tokens got, renewed in time and, where an API says so, renewed at once."""

from __future__ import annotations

from lingpai.client.credentials import ClientCredential
from lingpai.client.dpop import DpopKey
from lingpai.client.grants import Exchange, Refresh, TokenRefused, TokenResponse
from lingpai.client.source import TokenSource
from lingpai.client.transport import HttpTransport, RequestFailed

__all__ = [
    "ClientCredential",
    "DpopKey",
    "Exchange",
    "HttpTransport",
    "Refresh",
    "RequestFailed",
    "TokenRefused",
    "TokenResponse",
    "TokenSource",
]
