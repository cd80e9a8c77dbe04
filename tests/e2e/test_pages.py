"""The pages in a real browser: they work, with and without a script, for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from tests.support.browser import Chromium, Scheme, Window, browsing
from tests.support.landing import Landing, landing
from tests.support.peers import TESTS, give_up
from tests.support.server import command, serving

pytestmark = pytest.mark.process

USERNAME, PASSWORD = "ming", "correct horse battery staple"
API = "https://orders.example"
APP_SCHEME = "com.example.app:/callback"
SCOPES = ("openid", "profile", "email", "offline_access", "orders:read", "orders:write")
AXE = TESTS / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALLOW, DENY = "button[value=allow]", "button[value=deny]"


@dataclass(frozen=True)
class Place:
    """A running issuer, and the website of its clients."""

    issuer: str
    site: Landing

    def authorize(self, client_id: str = "shop", **parameters: str) -> str:
        """The address that a client sends its user to."""
        sent = {
            "client_id": client_id,
            "redirect_uri": f"{self.site.url}/callback",
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "resource": API,
            "state": "the state",
            "prompt": "consent",
        }
        given = sent | parameters
        return f"{self.issuer}/authorize?{urlencode({k: v for k, v in given.items() if v})}"

    def user_code(self) -> str:
        """A device asks for a code."""
        sent = {"client_id": "television", "scope": "openid orders:read", "resource": API}
        reply = httpx2.post(f"{self.issuer}/device_authorization", data=sent)
        code: str = reply.json()["user_code"]
        return code


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with landing() as site, serving(tmp_path_factory.mktemp("pages")) as server:

        def lingpai(*arguments: str, stdin: str = "") -> None:
            ended = command(*arguments, data=server.data, stdin=stdin)
            assert ended.returncode == 0, ended.stderr

        lingpai("user", "create", USERNAME, "--password-stdin", stdin=PASSWORD + "\n")
        texts = ("orders:read=See your orders", "orders:read#zh-CN=查看您的订单")
        lingpai(
            *("api", "create", API, "--name", "Orders"),
            *("--scope", "orders:read", "--scope", "orders:write"),
            *(option for text in texts for option in ("--scope-text", text)),
        )
        may = ("--api", API, *(option for scope in SCOPES for option in ("--scope", scope)))
        back = ("--redirect-uri", f"{site.url}/callback", "--redirect-uri", f"{site.url}/hop")
        home = ("--post-logout-redirect-uri", f"{site.url}/bye")
        oidc = ("--profile", "oidc")
        lingpai("client", "create", "shop", "--name", "Corner Shop", *may, *back, *home, *oidc)
        lingpai("client", "create", "own", "--name", "Own App", "--first-party", *may, *back, *oidc)
        lingpai(
            *("client", "create", "app", "--name", "Pocket App", "--redirect-uri", APP_SCHEME),
            *(*may, *oidc),
        )
        lingpai(
            *("client", "create", "television", "--name", "Television", "--grant", "device_code"),
            *may,
        )
        yield Place(server.url, site)


@pytest.fixture(scope="module")
def chromium(place: Place) -> Iterator[Chromium]:
    with browsing() as made:
        yield made


@pytest.fixture
def window(chromium: Chromium) -> Iterator[Window]:
    with chromium.window() as made:
        yield made


def sign_in(window: Window, password: str = PASSWORD, username: str = USERNAME) -> None:
    window.fill("username", username)
    window.fill("password", password)
    window.click("button[value=signin]")


def at_consent(window: Window, place: Place, **parameters: str) -> None:
    window.open(place.authorize(**parameters))
    sign_in(window)
    window.page.wait_for_selector(ALLOW)


# --- the way to the client and back --------------------------------------------------------------


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_login_and_consent_lead_back(chromium: Chromium, place: Place, javascript: bool) -> None:
    with chromium.window(javascript=javascript) as window:
        at_consent(window, place)
        window.click(ALLOW)
        window.wait_for(f"{place.site.url}/callback")
        assert place.site.last("/callback").fields.keys() == {"code", "state", "iss"}
        assert window.errors == []


def test_client_never_hears_where_its_user_came_from(window: Window, place: Place) -> None:
    """RFC 9700 section 4.2.4."""
    at_consent(window, place)
    window.click(ALLOW)
    window.wait_for(f"{place.site.url}/callback")
    assert place.site.last("/callback").referer is None


@pytest.mark.parametrize("client_id", ["own", "shop"])
def test_clients_callback_may_lead_on_to_another_origin(
    window: Window, place: Place, client_id: str
) -> None:
    """Chromium holds `form-action` against every redirect that follows a form."""
    uri = f"{place.site.url}/hop"
    asks = client_id == "shop"
    window.open(place.authorize(client_id, redirect_uri=uri, prompt="consent" if asks else ""))
    sign_in(window)
    if asks:
        window.click(ALLOW)
    window.wait_for(f"{place.site.other_url}/home")
    assert window.errors == []


def test_redirect_to_an_app_is_not_held_up(window: Window, place: Place) -> None:
    """RFC 8252 section 7.1. No program here takes it, which is all that goes wrong."""
    window.open(place.authorize("app", redirect_uri=APP_SCHEME))
    sign_in(window)
    with window.page.expect_event("requestfailed") as failed:
        window.click(ALLOW)
    assert failed.value.url.startswith("com.example.app:/callback?code=")
    assert not [error for error in window.errors if "Content Security Policy" in error]


def test_form_post_goes_by_itself(window: Window, place: Place) -> None:
    """OAuth 2.0 Form Post Response Mode section 2; the client sees whose page posts to it."""
    at_consent(window, place, response_mode="form_post")
    window.click(ALLOW)
    window.wait_for(f"{place.site.url}/callback")
    landed = place.site.last("/callback")
    assert landed.method == "POST"
    assert landed.fields.keys() == {"code", "state", "iss"}
    assert landed.origin == place.issuer
    assert window.errors == []


def test_form_post_goes_by_a_button_where_no_script_runs(chromium: Chromium, place: Place) -> None:
    with chromium.window(javascript=False) as window:
        at_consent(window, place, response_mode="form_post")
        window.click(ALLOW)
        window.click("main button")
        window.wait_for(f"{place.site.url}/callback")
        assert place.site.last("/callback").method == "POST"


def test_request_that_another_site_posts_finds_the_session(window: Window, place: Place) -> None:
    """OpenID Connect Core section 3.1.2.1; the cookie is SameSite=Lax."""
    window.open(place.authorize("own", prompt=""))
    sign_in(window)
    window.wait_for(f"{place.site.url}/callback")
    fields = {
        "client_id": "own",
        "redirect_uri": f"{place.site.url}/callback",
        "response_type": "code",
        "scope": "openid",
        "prompt": "none",
        "state": "posted",
    }
    inputs = "".join(f'<input name="{name}" value="{fields[name]}">' for name in fields)
    form = (
        f'<form method="post" action="{place.issuer}/authorize">{inputs}<button>go</button></form>'
    )
    place.site.pages["/start"] = form
    window.open(f"{place.site.other_url}/start")
    window.click("button")
    window.wait_for(f"{place.site.url}/callback")
    landed = place.site.last("/callback")
    assert landed.fields["state"] == "posted"
    assert "code" in landed.fields


def test_consent_can_be_denied(window: Window, place: Place) -> None:
    at_consent(window, place)
    window.click(DENY)
    window.wait_for(f"{place.site.url}/callback")
    assert place.site.last("/callback").fields["error"] == "access_denied"


def test_login_can_be_cancelled(window: Window, place: Place) -> None:
    window.open(place.authorize())
    window.click("button[value=cancel]")
    window.wait_for(f"{place.site.url}/callback")
    assert place.site.last("/callback").fields["error"] == "access_denied"


def test_reload_asks_the_same_question(window: Window, place: Place) -> None:
    at_consent(window, place)
    window.page.reload()
    assert window.has(ALLOW)
    window.click(ALLOW)
    window.wait_for(f"{place.site.url}/callback")


def test_going_back_asks_anew(window: Window, place: Place) -> None:
    at_consent(window, place)
    window.click(ALLOW)
    window.wait_for(f"{place.site.url}/callback")
    window.page.go_back()
    window.click(ALLOW)
    window.wait_for(f"{place.site.url}/callback")
    assert "code" in place.site.last("/callback").fields


def test_login_goes_by_the_keyboard_alone(window: Window, place: Place) -> None:
    """WCAG 2.2, 2.1.1 and 2.4.3."""
    window.open(place.authorize())
    keyboard = window.page.keyboard
    keyboard.type(USERNAME)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    window.page.wait_for_selector(ALLOW)


def test_wrong_password_is_told_and_the_cursor_stands_where_to_mend_it(
    window: Window, place: Place
) -> None:
    window.open(place.authorize())
    sign_in(window, "wrong", "nobody")
    window.page.wait_for_selector("[role=alert]")
    assert window.title.startswith("Error: ")
    focused = window.page.evaluate("document.activeElement.name")
    assert focused == "password"


def test_cookie_is_as_it_has_to_be(window: Window, place: Place) -> None:
    """ASVS 5.0 section 3.3."""
    at_consent(window, place)
    (cookie,) = window.cookies()
    assert cookie.name == "__Host-lingpai-session"
    assert (cookie.secure, cookie.http_only, cookie.same_site) == (True, True, "Lax")


# --- devices and logouts -------------------------------------------------------------------------


def test_device_is_connected(window: Window, place: Place) -> None:
    code = place.user_code()
    window.open(f"{place.issuer}/device")
    window.fill("user_code", code.lower().replace("-", " "))
    window.click("main button")
    sign_in(window)
    window.page.wait_for_selector(ALLOW)
    assert code in window.text
    window.click(ALLOW)
    window.wait_for(f"{place.issuer}/device?result=allowed")
    assert window.errors == []


def test_user_signs_out_and_goes_back(window: Window, place: Place) -> None:
    at_consent(window, place)
    sent = {"client_id": "shop", "post_logout_redirect_uri": f"{place.site.url}/bye"}
    window.open(f"{place.issuer}/end-session?{urlencode(sent)}")
    window.click("button[value=confirm]")
    window.wait_for(f"{place.site.url}/bye")
    assert window.cookies() == []
    assert window.errors == []


# --- other sites ---------------------------------------------------------------------------------


def test_login_form_of_another_site_is_refused(window: Window, place: Place) -> None:
    place.site.pages["/trap"] = (
        f'<form method="post" action="{place.issuer}/signin">'
        f'<input name="user_code" value="x"><input name="username" value="{USERNAME}">'
        f'<input name="password" value="{PASSWORD}"><button>go</button></form>'
    )
    window.open(f"{place.site.other_url}/trap")
    window.click("button")
    window.wait_for(f"{place.issuer}/signin")
    assert "did not come from our own page" in window.text
    assert window.cookies() == []


def test_page_is_shown_in_no_frame(window: Window, place: Place) -> None:
    """RFC 9700 section 4.16."""
    address = place.authorize().replace("&", "&amp;")
    place.site.pages["/frame"] = f'<iframe src="{address}"></iframe>'
    window.open(f"{place.site.url}/frame")
    window.page.wait_for_function("() => frames.length === 1")
    assert any("frame-ancestors" in error or "X-Frame" in error for error in window.errors)
    assert not window.page.frames[1].query_selector("form")


# --- every page, for everybody -------------------------------------------------------------------


def show_login(window: Window, place: Place) -> None:
    window.open(place.authorize())


def show_mistake(window: Window, place: Place) -> None:
    window.open(place.authorize())
    sign_in(window, "wrong", "nobody in particular")
    window.page.wait_for_selector("[role=alert]")


def show_consent(window: Window, place: Place) -> None:
    at_consent(window, place)


def show_device_code(window: Window, place: Place) -> None:
    window.open(f"{place.issuer}/device")


def show_device_question(window: Window, place: Place) -> None:
    window.open(f"{place.issuer}/device?user_code={place.user_code()}")
    sign_in(window)
    window.page.wait_for_selector(ALLOW)


def show_device_end(window: Window, place: Place) -> None:
    window.open(f"{place.issuer}/device?result=allowed")


def show_logout(window: Window, place: Place) -> None:
    at_consent(window, place)
    window.open(f"{place.issuer}/end-session?client_id=shop")


def show_logged_out(window: Window, place: Place) -> None:
    window.open(f"{place.issuer}/end-session")


def show_error(window: Window, place: Place) -> None:
    window.open(place.authorize("nobody"))
    window.click("summary")


def show_form_post(window: Window, place: Place) -> None:
    """Held back by a browser that runs no script of the page."""
    window.page.route("**/submit.*.js", lambda route: route.fulfill(body=""))
    at_consent(window, place, response_mode="form_post")
    window.click(ALLOW)
    window.page.wait_for_selector("form#submit-at-once")


PAGES: dict[str, Callable[[Window, Place], None]] = {
    name.removeprefix("show_"): show
    for name, show in list(globals().items())
    if name.startswith("show_")
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible(chromium: Chromium, place: Place, name: str, scheme: Scheme) -> None:
    """WCAG 2.2 AA as far as axe-core can tell, contrast included."""
    if not AXE.is_file():
        give_up("the JavaScript library axe-core")
    with chromium.window(scheme=scheme) as window:
        PAGES[name](window, place)
        window.page.evaluate(AXE.read_text("utf-8"))
        found: Any = window.page.evaluate(
            "rules => axe.run({runOnly: rules}).then(({violations, passes}) =>"
            " ({violations, passed: passes.map(rule => rule.id)}))",
            RULES,
        )
        told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
        assert told == []
        assert "color-contrast" in found["passed"]


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_every_width(chromium: Chromium, place: Place, name: str, width: int) -> None:
    """WCAG 2.2, 1.4.10: nothing has to be scrolled sideways, down to 320 pixels."""
    with chromium.window(width=width) as window:
        PAGES[name](window, place)
        page = window.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expected = {"mistake": 1, "error": 1}.get(name, 0)  # the browser tells of a 403 and a 400
        assert len(window.errors) == expected, window.errors


@pytest.mark.parametrize("name", PAGES)
def test_page_speaks_chinese(chromium: Chromium, place: Place, name: str) -> None:
    with chromium.window(language="zh-CN") as window:
        PAGES[name](window, place)
        assert window.page.get_attribute("html", "lang") == "zh-CN"
        heading = window.page.inner_text("h1")
        assert any("\u4e00" <= char <= "\u9fff" for char in heading)


def test_language_can_be_chosen_on_the_page(window: Window, place: Place) -> None:
    window.open(place.authorize())
    window.click("footer a")
    assert window.page.get_attribute("html", "lang") == "zh-CN"
    sign_in(window)
    window.page.wait_for_selector(ALLOW)
    assert "查看您的订单" in window.text
