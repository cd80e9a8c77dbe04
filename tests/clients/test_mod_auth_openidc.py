"""Apache's mod_auth_openidc, unmodified: a page behind it needs a login at the issuer.

Both are on https, and each believes the other by the authority that vouches for both.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.clients.conftest import ENVIRON, PASSWORD, SCOPE, USERNAME, House, ask
from tests.support.apache import Apache, apache
from tests.support.browser import Chromium, Window, browsing
from tests.support.certificates import Authority, pin_of
from tests.support.server import free_port, serving

pytestmark = pytest.mark.process

TOLD_SECONDS = 10.0


@dataclass(frozen=True)
class Identity:
    """Who the host of these tests is: its certificate with its key, and whoever vouches for it."""

    certificate: Path
    authority: Path


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    authority = Authority.make(tmp_path_factory.mktemp("authority"))
    return Identity(authority.issue("127.0.0.1"), authority.file)


@pytest.fixture(scope="module")
def house(identity: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An issuer on https, which tells of logouts those that the same authority vouches for."""
    folder, file = tmp_path_factory.mktemp("gated"), str(identity.certificate)
    environ = {**ENVIRON, "LINGPAI_OUTGOING__CA_FILE": str(identity.authority)}
    arguments = ("--tls-certificate", file, "--tls-key", file)
    with serving(folder, arguments=arguments, environ=environ) as server:
        made = House(replace(server, url=server.url.replace("http:", "https:")), folder)
        made.add_person()
        yield made


@pytest.fixture(scope="module")
def chromium(identity: Identity) -> Iterator[Chromium]:
    with browsing(pin=pin_of(identity.certificate)) as made:
        yield made


@contextmanager
def guarding(
    house: House,
    identity: Identity,
    folder: Path,
    *,
    scope: str = SCOPE,
    trusting: bool = True,
    more: Mapping[str, str | tuple[str, ...]] | None = None,
) -> Iterator[Apache]:
    """Apache before a backend, as a confidential client of the issuer."""
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    made = house.create_client(
        *(f"apache-{port}", port, "--confidential"),
        *("--backchannel-logout-uri", f"{url}/callback?logout=backchannel"),
        scheme="https",
    )
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
        **(more or {}),
    }
    certificate, trusted = identity.certificate, identity.authority if trusting else None
    with apache(folder, port, directives, certificate=certificate, trusted=trusted) as running:
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
    house: House, identity: Identity, chromium: Chromium, tmp_path: Path
) -> None:
    with guarding(house, identity, tmp_path) as gate, chromium.window() as window:
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


def test_an_access_token_is_refreshed_before_it_runs_out(
    house: House, identity: Identity, chromium: Chromium, tmp_path: Path
) -> None:
    """Each has less than an hour left, so that each request comes with a new one."""
    more = {"OIDCRefreshAccessTokenBeforeExpiry": ("3600", "logout_on_error")}
    with (
        guarding(house, identity, tmp_path, more=more) as gate,
        chromium.window() as window,
    ):
        told = [sign_in(window, gate), *(ask(window, f"{gate.url}/claims") for _ in range(3))]
        assert len({one["oidc_access_token"] for one in told}) == len(told)
        assert len({one["oidc_claim_sub"] for one in told}) == 1
        assert "error]" not in gate.log, gate.log


def test_an_issuer_that_no_trusted_authority_vouches_for_is_not_believed(
    house: House, identity: Identity, chromium: Chromium, tmp_path: Path
) -> None:
    """What the tests above rely on: the module does look at the issuer's certificate."""
    with (
        guarding(house, identity, tmp_path, trusting=False) as gate,
        chromium.window() as window,
    ):
        assert window.open(f"{gate.url}/claims") == 500
        assert window.url.startswith(gate.url)
        assert "certificate problem" in gate.log, gate.log


def test_a_logout_at_the_issuer_reaches_the_gate_by_its_back_channel(
    house: House, identity: Identity, chromium: Chromium, tmp_path: Path
) -> None:
    """An `offline_access` session would go on; this one is the browser's."""
    scope = SCOPE.replace(" offline_access", "")
    with guarding(house, identity, tmp_path, scope=scope) as gate, chromium.window() as window:
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
