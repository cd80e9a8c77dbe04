"""The table of routes: which method and path is answered by what. Knows no framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from lingpai_server.http.answers import Answer
from lingpai_server.http.endpoints import Endpoints
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.wellknown import WellKnown
from lingpai_server.protocol.discovery import (
    JWKS_PATH,
    OAUTH_METADATA_PATH,
    OPENID_METADATA_PATH,
    REVOCATION_PATH,
    TOKEN_PATH,
)

Endpoint: TypeAlias = Callable[[Exchange], Awaitable[Answer]]

LOGIN_PATH = "/login"
LOGOUT_PATH = "/logout"
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"


@dataclass(frozen=True, slots=True)
class Route:
    """One path and one method; a GET answers HEAD too."""

    method: str
    path: str
    endpoint: Endpoint

    @property
    def methods(self) -> tuple[str, ...]:
        """What the path answers."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


def routes(endpoints: Endpoints, well_known: WellKnown, *, issuer: str) -> tuple[Route, ...]:
    """All routes. An issuer with a path has its endpoints below that path."""
    base = urlsplit(issuer).path
    return (
        Route("POST", base + LOGIN_PATH, endpoints.login),
        Route("POST", base + TOKEN_PATH, endpoints.token),
        Route("POST", base + REVOCATION_PATH, endpoints.revoke),
        Route("POST", base + LOGOUT_PATH, endpoints.logout),
        Route("GET", base + JWKS_PATH, well_known.jwks),
        # RFC 8414 section 3.1 puts the well-known part before the issuer's path, OpenID Connect
        # Discovery section 4.1 behind it; without a path the two are one
        *(Route("GET", path, well_known.oauth) for path in _places(base, OAUTH_METADATA_PATH)),
        *(Route("GET", path, well_known.openid) for path in _places(base, OPENID_METADATA_PATH)),
        Route("GET", HEALTH_PATH, well_known.healthz),
        Route("GET", READY_PATH, well_known.readyz),
    )


def _places(base: str, path: str) -> tuple[str, ...]:
    return (path + base, base + path) if base else (path,)
