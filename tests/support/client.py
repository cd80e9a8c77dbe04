"""A client of a running issuer, for tests: the few requests that they all make."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx2

COOKIE = "__Host-lingpai-refresh"


@dataclass
class IssuerClient:
    """Speaks for one client application. Cookies are sent by hand: a Python client keeps Secure
    ones from plain http, even on loopback."""

    url: str
    client_id: str = "demo-app"
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30))

    def login(self, username: str, password: str, **members: Any) -> httpx2.Response:
        """POST /login."""
        body = {"username": username, "password": password, "client_id": self.client_id}
        return self.http.post(f"{self.url}/login", json=body | members)

    def refresh(self, token: str, **parameters: str) -> httpx2.Response:
        """POST /token with a refresh token in the form."""
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id}
        return self.http.post(f"{self.url}/token", data=form | parameters)

    def refresh_by_cookie(self, cookie: str, **headers: str) -> httpx2.Response:
        """POST /token with the refresh token in its cookie."""
        form = {"grant_type": "refresh_token", "client_id": self.client_id}
        sent = {"cookie": f"{COOKIE}={cookie}", "origin": self.url} | headers
        return self.http.post(f"{self.url}/token", data=form, headers=sent)

    def revoke(self, token: str) -> httpx2.Response:
        """POST /revoke."""
        form = {"token": token, "client_id": self.client_id}
        return self.http.post(f"{self.url}/revoke", data=form)

    def logout_by_cookie(self, cookie: str, **headers: str) -> httpx2.Response:
        """POST /logout with the refresh token in its cookie."""
        sent = {"cookie": f"{COOKIE}={cookie}", "origin": self.url} | headers
        return self.http.post(f"{self.url}/logout", headers=sent)

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()


def cookie_of(response: httpx2.Response) -> str:
    """The value of the refresh cookie that a response sets."""
    name, _, rest = response.headers["set-cookie"].partition("=")
    assert name == COOKIE
    value: str = rest.partition(";")[0]
    return value
