"""The applications that the guides print, in a real browser: the page's own blocks, put together.

Their addresses are all that is changed in what the page says.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.clients.conftest import ENVIRON, ROOT, House, application
from tests.support.browser import Chromium, Window
from tests.support.pages import Block, read_blocks, run_bash
from tests.support.peers import give_up
from tests.support.receiver import Receiver, Reply, Seen
from tests.support.server import command, free_port

pytestmark = pytest.mark.process

GUIDES = ROOT / "docs" / "guides"
ISSUER = "http://127.0.0.1:8000"
MODULES = ROOT / "tests" / "node_modules"
BARE = {  # what a bundler would find
    "openid-client": "openid-client/build/index.js",
    "oauth4webapi": "oauth4webapi/build/index.js",
    "jose/errors": "jose/dist/webapi/util/errors.js",
    "jose/jwe/compact/decrypt": "jose/dist/webapi/jwe/compact/decrypt.js",
}
LOGIN = "import('/login.js')"
LOOK = """(name) => new Promise((resolve) => {
    const opening = indexedDB.open('todo-page', 1);
    opening.onsuccess = () => {
        const asking = opening.result.transaction('kept').objectStore('kept').get(name);
        asking.onsuccess = () => resolve(asking.result);
    };
})"""
FIND_LOGIN = f"({LOOK})('login')"
FIND_KEY = f"""({LOOK})('key').then(({{ privateKey }}) =>
    ({{ extractable: privateKey.extractable, usages: privateKey.usages }}))"""
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
        sign_in(window, "mei")
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
        sign_in(window, "mei")
        window.wait_for(url)
        window.click("form[action='/logout'] button")
        window.page.wait_for_selector("a[href='/login']")
        assert window.url.rstrip("/") == url
        window.open(f"{url}/login")
        assert window.has("input[name=password]"), "the issuer's session is over, too"


def test_single_page_app_keeps_its_login_and_loses_it_with_the_session(
    house: House, chromium: Chromium, tmp_path: Path
) -> None:
    if not MODULES.is_dir():
        give_up("openid-client")
    with Receiver() as files, chromium.window() as window:
        api = f"http://127.0.0.1:{free_port()}"
        addresses = {"http://127.0.0.1:8005": files.url, "http://127.0.0.1:8004": api}
        blocks = prepare(house, GUIDES / "single-page-app.md", addresses, tmp_path)
        files.answer = publish(blocks)
        with serve(blocks, "todo_api", api, tmp_path):
            walk_through_single_page_app(house, window, files.url)


def walk_through_single_page_app(house: House, window: Window, url: str) -> None:
    def is_shown(text: str, page: Page = window.page) -> None:
        page.wait_for_selector(f"main:has-text({text!r})")

    window.open(url)
    window.click("text='Log in'")
    window.page.wait_for_selector("[name=username]")
    sign_in(window, "lan")
    is_shown("Lan Chen: buy ink")
    assert window.url == f"{url}/", "no code in the address"
    assert window.page.evaluate(FIND_KEY) == {"extractable": False, "usages": ["sign"]}

    first = window.page.evaluate(FIND_LOGIN)
    other = window.page.context.new_page()
    for tab in (window.page, other):  # both at once, each with no access token yet
        tab.goto(url, wait_until="commit")
    for tab in (window.page, other):
        is_shown("Lan Chen: buy ink", tab)
    other.close()
    assert window.page.evaluate(FIND_LOGIN)["refreshToken"] != first["refreshToken"]

    window.page.evaluate(f"{LOGIN}.then((login) => login.forget())")
    window.open(url)
    is_shown("Log in")
    window.page.evaluate(f"{LOGIN}.then((login) => login.logIn({{ prompt: 'none' }}))")
    is_shown("Lan Chen: buy ink")  # and no page of the issuer was there
    assert window.errors == []

    window.click("text='Log out'")
    is_shown("Log in")
    window.page.evaluate(f"{LOGIN}.then((login) => login.logIn({{ prompt: 'none' }}))")
    window.wait_for(url)
    is_shown("Log in")
    assert window.errors == []

    window.click("text='Log in'")
    window.page.wait_for_selector("[name=username]")
    sign_in(window, "lan")
    is_shown("Lan Chen: buy ink")
    command("session", "end", "--user", "lan", data=house.server.data)
    window.open(url)
    is_shown("Log in")


def publish(blocks: list[Block]) -> Callable[[Seen], Reply]:
    """What serves the page as it is printed, and the packages that it imports, unbundled."""
    scripts = [block.code for block in blocks if block.language == "js"]
    (page,) = (block.code for block in blocks if block.language == "html")
    (headers,) = (block.code for block in blocks if block.language == "http")
    policies = dict(line.split(": ", 1) for line in headers.splitlines())
    texts = {"/": page, "/app.js": scripts[-1], "/login.js": "".join(scripts[:-1])}

    def answer(seen: Seen) -> Reply:
        path = seen.target.partition("?")[0]
        file = MODULES / path.removeprefix("/modules/")
        if path not in texts and not file.is_file():
            return Reply(204)
        text = texts.get(path) or file.read_text(encoding="utf-8")
        for name, place in BARE.items():
            text = re.sub(rf"""from (['"]){name}\1""", f'from "/modules/{place}"', text)
        kind = "text/html" if path == "/" else "text/javascript"
        return Reply(200, text.encode(), {"content-type": f"{kind}; charset=utf-8", **policies})

    return answer


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
    arguments = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--log-level", "warning"),
        *("--host", "127.0.0.1", "--port", str(port)),
        f"{name}:app",
    ]
    with application(arguments, port, folder=folder):
        yield


def sign_in(window: Window, username: str) -> None:
    """On the issuer's pages, up to where they send the browser back."""
    window.fill("username", username)
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
