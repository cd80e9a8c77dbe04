"""The table of routes that browsers ask for. Knows no framework."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from lingpai_server.app.clock import Clock, now
from lingpai_server.console.answers import Endpoint, guarded
from lingpai_server.console.authorize import CONSENT_PATH, SIGN_IN_PATH, AuthorizePages
from lingpai_server.console.device import DevicePages
from lingpai_server.console.logout import LogoutPages
from lingpai_server.console.ports import (
    Authorizing,
    DecidingDevice,
    EndingSession,
    SigningIn,
    Tickets,
)
from lingpai_server.console.rendering import Renderer
from lingpai_server.http.routes import Route
from lingpai_server.protocol.discovery import AUTHORIZATION_PATH, DEVICE_PATH, END_SESSION_PATH


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page of an issuer, and the use cases behind them."""

    renderer: Renderer
    authorize: AuthorizePages
    device: DevicePages
    logout: LogoutPages


def make_pages(
    issuer: str,
    *,
    authorize: Authorizing,
    sign_in: SigningIn,
    device: DecidingDevice,
    end_session: EndingSession,
    tickets: Tickets,
    clock: Clock = now,
) -> Pages:
    """The pages over their use cases; `tickets` is the key ring."""
    renderer = Renderer(issuer)
    return Pages(
        renderer,
        AuthorizePages(issuer, authorize, sign_in, tickets, renderer, clock),
        DevicePages(issuer, device, renderer),
        LogoutPages(issuer, end_session, renderer),
    )


def page_routes(pages: Pages, *, issuer: str) -> tuple[Route, ...]:
    """All routes. An issuer with a path has its pages below that path."""
    base = urlsplit(issuer).path.removesuffix("/")

    def page(method: str, path: str, endpoint: Endpoint) -> Route:
        return Route(method, base + path, guarded(pages.renderer, endpoint))

    return (
        page("GET", AUTHORIZATION_PATH, pages.authorize.get_authorize),
        page("POST", AUTHORIZATION_PATH, pages.authorize.post_authorize),
        page("GET", SIGN_IN_PATH, pages.authorize.get_sign_in),
        page("POST", SIGN_IN_PATH, pages.authorize.post_sign_in),
        page("GET", CONSENT_PATH, pages.authorize.get_consent),
        page("POST", CONSENT_PATH, pages.authorize.post_consent),
        page("GET", DEVICE_PATH, pages.device.get),
        page("POST", DEVICE_PATH, pages.device.post),
        page("GET", END_SESSION_PATH, pages.logout.get),
        page("POST", END_SESSION_PATH, pages.logout.post),
        *(Route("GET", base + asset.path, asset.serve) for asset in pages.renderer.assets.values()),
    )
