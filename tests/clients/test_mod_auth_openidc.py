"""Apache's mod_auth_openidc, unmodified: a page behind it needs a login at the issuer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.clients.conftest import PASSWORD, SCOPE, USERNAME, House, ask
from tests.support.apache import Apache, apache
from tests.support.browser import Chromium, Window
from tests.support.server import free_port

pytestmark = pytest.mark.process

TOLD_SECONDS = 10.0


@contextmanager
def guarding(house: House, folder: Path, scope: str) -> Iterator[Apache]:
    """Apache before a backend, as a confidential client of the issuer."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    made = house.create_client(
        *(f"apache-{port}", port, "--confidential"),
        *("--backchannel-logout-uri", f"{url}/callback?logout=backchannel"),
    )
    folder.chmod(0o755)  # Apache's workers are another user than the one who runs the tests
    directives = {
        "OIDCProviderMetadataURL": f"{house.issuer}/.well-known/openid-configuration",
        "OIDCClientID": f"apache-{port}",
        "OIDCClientSecret": made["client_secret"],
        "OIDCRedirectURI": f"{url}/callback",
        "OIDCScope": scope,
        "OIDCPKCEMethod": "S256",
        "OIDCCryptoPassphrase": secrets.token_hex(16),
        "OIDCSessionType": "server-cache",
        "OIDCPassClaimsAs": "headers",
        "OIDCInfoHook": ("access_token", "id_token", "userinfo", "refresh_token"),
        "OIDCRedirectURLsAllowed": f"^{url}/",
    }
    with apache(folder, port, directives) as running:
        yield running


def sign_in(window: Window, gate: Apache) -> dict[str, Any]:
    """From a page that needs a login, through the issuer's pages, back to it."""
    window.open(f"{gate.url}/claims")
    if not window.url.startswith(gate.url):
        assert window.has("input[name=password]"), window.text
        window.fill("username", USERNAME)
        window.fill("password", PASSWORD)
        window.click("form button[type=submit], form button.primary")
        window.page.wait_for_selector("button[value=allow], pre")
        if not window.url.startswith(gate.url):
            window.click("button[value=allow]")
    window.wait_for(f"{gate.url}/claims")
    told: dict[str, Any] = window.json()
    return told


def test_a_person_logs_in_refreshes_and_logs_out(
    house: House, chromium: Chromium, tmp_path: Path
) -> None:
    with guarding(house, tmp_path, SCOPE) as gate, chromium.window() as window:
        told = sign_in(window, gate)
        assert told["oidc_claim_iss"] == house.issuer
        assert told["oidc_claim_aud"].startswith("apache-")
        assert told["oidc_claim_name"] == "Ming Li"  # which only userinfo tells

        info = ask(window, f"{gate.url}/callback?info=json")
        assert info["userinfo"]["name"] == "Ming Li"
        assert info["userinfo"]["sub"] == told["oidc_claim_sub"]

        again = {"refresh": f"{gate.url}/claims", "access_token": info["access_token"]}
        window.open(f"{gate.url}/callback?{urlencode(again)}")
        assert window.url == f"{gate.url}/claims", (window.url, gate.log)
        renewed = ask(window, f"{gate.url}/callback?info=json")
        assert renewed["access_token"] != info["access_token"]
        assert renewed["refresh_token"] != info["refresh_token"]
        assert window.json() == renewed

        leave = urlencode({"logout": f"{gate.url}/goodbye"})
        window.open(f"{gate.url}/callback?{leave}")
        window.wait_for(f"{gate.url}/goodbye")
        window.open(f"{gate.url}/claims")
        assert window.url.startswith(house.issuer)
        assert window.has("input[name=password]")
        assert "error]" not in gate.log, gate.log


def test_a_logout_at_the_issuer_reaches_the_gate_by_its_back_channel(
    house: House, chromium: Chromium, tmp_path: Path
) -> None:
    """An `offline_access` session would go on; this one is the browser's."""
    scope = SCOPE.replace(" offline_access", "")
    with guarding(house, tmp_path, scope) as gate, chromium.window() as window:
        told = sign_in(window, gate)
        info = ask(window, f"{gate.url}/callback?info=json")
        assert info["id_token"]["sub"] == told["oidc_claim_sub"]
        window.open(f"{house.issuer}/end-session")
        window.click("form button[type=submit], form button.primary")
        window.page.wait_for_load_state()
        deadline = time.monotonic() + TOLD_SECONDS
        while True:
            window.open(f"{gate.url}/claims")
            if window.url.startswith(house.issuer):
                break
            assert time.monotonic() < deadline, gate.log
            time.sleep(0.05)
