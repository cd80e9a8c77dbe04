"""An issuer, a person and a browser for the clients of others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.browser import Chromium, Window, browsing
from tests.support.server import FAST_PASSWORDS, Server, command, serving

USERNAME, PASSWORD = "ming", "correct horse battery staple"
SCOPE = "openid profile email offline_access"
READY_SECONDS = 30.0
ENVIRON = {**FAST_PASSWORDS, "LINGPAI_OUTGOING__LOOPBACK": "true"}  # its clients are here
HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True)
class House:
    """A running issuer, whose operator can be asked for clients."""

    server: Server
    folder: Path

    @property
    def issuer(self) -> str:
        return self.server.url

    def create_client(
        self, client_id: str, port: int, *options: str, scheme: str = "http"
    ) -> dict[str, Any]:
        """A client whose application listens on that port; what the operator is shown."""
        url = f"{scheme}://127.0.0.1:{port}"
        return self.lingpai(
            *("client", "create", client_id, "--redirect-uri", f"{url}/callback"),
            *("--post-logout-redirect-uri", f"{url}/goodbye"),
            *(option for scope in SCOPE.split() for option in ("--scope", scope)),
            *options,
        )

    def add_person(self) -> None:
        """Let USERNAME in, by PASSWORD."""
        self.lingpai("user", "create", USERNAME, "--password-stdin", stdin=PASSWORD + "\n")
        self.lingpai("user", "claims", USERNAME, "--set", "name=Ming Li")

    def lingpai(self, *arguments: str, stdin: str = "") -> dict[str, Any]:
        ended = command(*arguments, "--json", data=self.server.data, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        shown: dict[str, Any] = json.loads(ended.stdout)
        return shown


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("clients")
    with serving(folder, environ=ENVIRON) as server:
        made = House(server, folder)
        made.add_person()
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with browsing() as made:
        yield made


@contextmanager
def application(
    arguments: list[str],
    port: int,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[str]:
    """A program of somebody else's library, in a process of its own; its address."""
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        arguments,
        env={**os.environ, **(environ or {})},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _await_ready(process, url)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=10)


def node(script: str, settings: Mapping[str, Any]) -> list[str]:
    """How to start one of the JavaScript applications here."""
    return ["node", str(HERE / script), json.dumps(dict(settings))]


def python(module: str, port: int) -> list[str]:
    """How to start one of the Python applications here."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--factory"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
        f"{module}:make_app",
    ]


def sign_in(window: Window, url: str) -> dict[str, Any]:
    """From the application's login link, through the issuer's pages, back to what it was told."""
    window.open(f"{url}/login")
    assert window.has("input[name=password]"), window.text
    window.fill("username", USERNAME)
    window.fill("password", PASSWORD)
    window.click("form button[type=submit], form button.primary")
    window.page.wait_for_selector("button[value=allow], pre")  # its answer is JSON, shown in a pre
    if not window.url.startswith(url):
        window.click("button[value=allow]")
    window.wait_for(f"{url}/claims")
    claims: dict[str, Any] = window.json()
    return claims


def ask(window: Window, url: str) -> Any:
    """One page of the application, which is JSON."""
    assert window.open(url) == 200, window.text
    return window.json()


def sign_out(window: Window, url: str) -> Any:
    """From the application's logout link, through the issuer, back to its goodbye."""
    window.open(f"{url}/logout")
    window.wait_for(f"{url}/goodbye")
    return window.json()


def _await_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"it ended: {process.stderr.read().decode()}")
        try:
            httpx2.get(f"{url}/nothing")
        except httpx2.TransportError:
            assert time.monotonic() < deadline, "the application never listened"
            time.sleep(0.05)
        else:
            return
