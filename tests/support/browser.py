"""Headless Chromium, as a person would use it: Debian's, driven by Playwright. Knows no page.

While `browsing` is open its thread has a running event loop: no `asyncio.run` in that block.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as TookTooLong
from tests.support.peers import give_up

WAIT_SECONDS = 20.0
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SWITCHES = (
    "--no-sandbox",  # tests may run as root, who has no user namespace to shut a page into
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Scheme = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Cookie:
    """What the browser keeps of a cookie."""

    name: str
    value: str
    domain: str
    path: str
    secure: bool
    http_only: bool
    same_site: str


class Window:
    """A page in a profile of its own. `errors` holds what its console and requests complain of."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_SECONDS * 1000)
        self.errors: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", self._hear_failure)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.page.url

    @property
    def title(self) -> str:
        """The title of the page."""
        return self.page.title()

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self.page.inner_text("body")

    def open(self, url: str) -> int:
        """Go there as a link in another program would; the status of what came in the end."""
        response = self.page.goto(url)
        return 0 if response is None else response.status

    def fill(self, name: str, value: str) -> None:
        """Type into the field of that name."""
        self.page.fill(f'[name="{name}"]', value)

    def click(self, selector: str) -> None:
        """Press what the CSS selector finds."""
        self.page.click(selector)

    def has(self, selector: str) -> bool:
        """Whether the page shows such a thing now."""
        return self.page.locator(selector).first.is_visible()

    def wait_for(self, start: str) -> str:
        """Wait until the address begins with `start`. Raises AssertionError after 20 s."""
        return self.wait_until(lambda url: url.startswith(start), start)

    def wait_until(self, is_there: Callable[[str], bool], wanted: str = "another page") -> str:
        """Wait for an address that `is_there` likes and for its page; the address."""
        try:
            self.page.wait_for_url(is_there)
        except TookTooLong:
            raise AssertionError(f"{wanted} never came; at {self.url}: {self.text}") from None
        return self.url

    def json(self) -> Any:
        """The page, which is JSON."""
        text = self.page.inner_text("pre")
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"no JSON at {self.url}: {text}") from None

    def cookies(self) -> list[Cookie]:
        """All cookies of this profile."""
        return [
            Cookie(
                name=found.get("name", ""),
                value=found.get("value", ""),
                domain=found.get("domain", ""),
                path=found.get("path", ""),
                secure=found.get("secure", False),
                http_only=found.get("httpOnly", False),
                same_site=found.get("sameSite", "None"),
            )
            for found in self._context.cookies()
        ]

    def screenshot(self, path: Path, *, whole: bool = True) -> Path:
        """A picture of the page, of all of it or of what the window shows."""
        self.page.screenshot(path=path, full_page=whole)
        return path

    def close(self) -> None:
        """Forget the profile."""
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.location.get('url', '')}: {message.text}")

    def _hear_failure(self, request: Request) -> None:
        self.errors.append(f"{request.url}: {request.failure}")


class Chromium:
    """A running browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def window(
        self,
        *,
        javascript: bool = True,
        language: str = "en-GB",
        scheme: Scheme = "light",
        width: int = 1280,
        height: int = 800,
    ) -> Iterator[Window]:
        """A window that knows nothing of any other. Sizes are CSS pixels."""
        context = self._browser.new_context(
            java_script_enabled=javascript,
            locale=language,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
        )
        window = Window(context)
        try:
            yield window
        finally:
            window.close()


@contextmanager
def browsing(*, pin: str = "") -> Iterator[Chromium]:
    """Chromium, from its start to the block's end. Without it: a skip, or a failure in CI.

    `pin` is a certificate's (`certificates.pin_of`); it is believed though nobody vouches for it.
    """
    program = find_chromium()
    pinned = (f"--ignore-certificate-errors-spki-list={pin}",) if pin else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_SWITCHES, *pinned])
        try:
            yield Chromium(browser)
        finally:
            browser.close()


def find_chromium() -> str:
    """Where the browser is. Gives up without it."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        give_up("Chromium", "Debian's package is `chromium`")
    return found
