"""The table of routes: which method and path is answered by what. Knows no framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from lingpai_server.http.answers import Answer, Streamed
from lingpai_server.http.endpoints import Endpoints
from lingpai_server.http.exchange import Exchange
from lingpai_server.http.registration import RegistrationEndpoint
from lingpai_server.http.statuses import Statuses
from lingpai_server.http.token_readers import TokenReaders
from lingpai_server.http.wellknown import WellKnown
from lingpai_server.protocol.discovery import (
    DEVICE_AUTHORIZATION_PATH,
    INTROSPECTION_PATH,
    JWKS_PATH,
    LOGIN_PATH,
    OAUTH_METADATA_PATH,
    OPENID_METADATA_PATH,
    PUSHED_AUTHORIZATION_PATH,
    REGISTRATION_PATH,
    REVOCATION_PATH,
    TOKEN_PATH,
    USERINFO_PATH,
)
from lingpai_server.protocol.status_uri import STATUS_LISTS_PATH, STATUS_STREAM_PATH

Endpoint: TypeAlias = Callable[[Exchange], Awaitable[Answer | Streamed]]

LOGOUT_PATH = "/logout"
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"


@dataclass(frozen=True, slots=True)
class Route:
    """One path and one method; a GET answers HEAD too. Scripts of `any_origin` may ask, if so. A
    path that ends in a slash stands for all with one more segment, and no path of their own."""

    method: str
    path: str
    endpoint: Endpoint
    any_origin: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """What the path answers."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)


def routes(
    endpoints: Endpoints,
    token_readers: TokenReaders,
    well_known: WellKnown,
    registration: RegistrationEndpoint,
    statuses: Statuses,
    *,
    issuer: str,
) -> tuple[Route, ...]:
    """All routes. An issuer with a path has its endpoints below that path."""
    base = urlsplit(issuer).path
    return (
        Route("POST", base + LOGIN_PATH, endpoints.login),
        Route("POST", base + TOKEN_PATH, endpoints.token, any_origin=True),
        Route(
            "POST",
            base + PUSHED_AUTHORIZATION_PATH,
            endpoints.pushed_authorization,
            any_origin=True,
        ),
        Route("POST", base + DEVICE_AUTHORIZATION_PATH, endpoints.device_authorization),
        Route("POST", base + REVOCATION_PATH, token_readers.revoke, any_origin=True),
        Route("GET", base + USERINFO_PATH, token_readers.get_userinfo, any_origin=True),
        Route("POST", base + USERINFO_PATH, token_readers.post_userinfo, any_origin=True),
        Route("POST", base + INTROSPECTION_PATH, token_readers.introspection),
        Route("POST", base + LOGOUT_PATH, endpoints.logout),
        Route("POST", base + REGISTRATION_PATH, registration.post, any_origin=True),
        Route("GET", base + REGISTRATION_PATH, registration.get),
        Route("PUT", base + REGISTRATION_PATH, registration.put),
        Route("DELETE", base + REGISTRATION_PATH, registration.delete),
        Route("GET", base + JWKS_PATH, well_known.jwks, any_origin=True),
        # RFC 8414 section 3.1 puts the well-known part before the issuer's path, OpenID Connect
        # Discovery section 4.1 behind it; without a path the two are one
        *(
            Route("GET", place, well_known.document, any_origin=True)
            for path in (OAUTH_METADATA_PATH, OPENID_METADATA_PATH)
            for place in _places(base, path)
        ),
        Route("GET", base + STATUS_LISTS_PATH, statuses.directory, any_origin=True),
        Route("GET", base + STATUS_STREAM_PATH, statuses.stream, any_origin=True),
        Route("GET", base + STATUS_LISTS_PATH + "/", statuses.one_list, any_origin=True),
        Route("GET", HEALTH_PATH, well_known.healthz),
        Route("GET", READY_PATH, well_known.readyz),
    )


def open_methods(table: tuple[Route, ...]) -> Mapping[str, tuple[str, ...]]:
    """The methods, by path, that scripts of any origin may use."""
    methods: dict[str, tuple[str, ...]] = {}
    for route in table:
        if route.any_origin:
            methods[route.path] = (*methods.get(route.path, ()), route.method)
    return methods


def _places(base: str, path: str) -> tuple[str, ...]:
    return (path + base, base + path) if base else (path,)
