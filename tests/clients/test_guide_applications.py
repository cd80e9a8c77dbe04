"""The applications that the guides print, in a real browser: the page's own blocks, put together.

Their addresses are all that is changed in what the page says.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.clients.conftest import ENVIRON, ROOT, House, application
from tests.support.browser import Chromium, Window
from tests.support.pages import Block, read_blocks, run_bash
from tests.support.server import free_port

pytestmark = pytest.mark.process

GUIDES = ROOT / "docs" / "guides"
ISSUER = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery staple"
TOLD_SECONDS = 10.0


def test_server_rendered_app_hears_of_a_logout_elsewhere(
    house: House, chromium: Chromium, tmp_path: Path
) -> None:
    addresses = {"http://127.0.0.1:8003": f"http://127.0.0.1:{free_port()}"}
    addresses["https://shop.example"] = addresses["http://127.0.0.1:8003"]
    blocks = prepare(house, GUIDES / "server-rendered-app.md", addresses, tmp_path)
    url = addresses["http://127.0.0.1:8003"]
    with serve(blocks, "shop", url, tmp_path), chromium.window() as window:
        window.open(f"{url}/login")
        sign_in(window)
        window.wait_for(url)
        assert "Mei Lin" in window.text
        window.open(f"{url}/account")
        assert window.json()["name"] == "Mei Lin"
        assert {c.name for c in window.cookies()} == {"visit", "__Host-lingpai-session"}

        window.open(f"{house.issuer}/end-session")
        window.click("form button.primary")
        window.page.wait_for_load_state()
        wait_until(lambda: window.open(url) == 200 and "Log in" in window.text)

        window.open(f"{url}/login")
        sign_in(window)
        window.wait_for(url)
        window.click("form[action='/logout'] button")
        window.page.wait_for_selector("a[href='/login']")
        assert window.url.rstrip("/") == url
        window.open(f"{url}/login")
        assert window.has("input[name=password]"), "the issuer's session is over, too"


def prepare(house: House, page: Path, addresses: dict[str, str], folder: Path) -> list[Block]:
    """The page's blocks, once its commands were given."""
    blocks = read_blocks(page, {ISSUER: house.issuer, **addresses})
    commands = [block for block in blocks if block.language == "sh"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    data = {"LINGPAI_STORAGE__DATA_DIR": str(house.server.data)}
    run_bash(commands, folder, {**ENVIRON, **data, "PATH": path})
    return blocks


@contextmanager
def serve(blocks: list[Block], name: str, url: str, folder: Path) -> Iterator[None]:
    """The Python program of a page: from the block that begins with its name to the one that makes
    `app`."""
    code = [block.code for block in blocks if block.language == "python"]
    first = next(i for i, text in enumerate(code) if text.startswith(f"# {name}.py\n"))
    last = next(i for i, text in enumerate(code) if i >= first and "\napp = " in text)
    (folder / f"{name}.py").write_text("\n".join(code[first : last + 1]), encoding="utf-8")
    port = int(url.rpartition(":")[2])
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--log-level", "warning"),
        *("--host", "127.0.0.1", "--port", str(port)),
        f"{name}:app",
    ]
    with application(command, port, folder=folder):
        yield


def sign_in(window: Window) -> None:
    """On the issuer's pages, up to where they send the browser back."""
    window.fill("username", "mei")
    window.fill("password", PASSWORD)
    window.click("form button.primary")
    window.page.wait_for_load_state()
    if window.has("button[value=allow]"):
        window.click("button[value=allow]")


def wait_until(happened: Callable[[], bool]) -> None:
    """What another process has to do first."""
    deadline = time.monotonic() + TOLD_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
