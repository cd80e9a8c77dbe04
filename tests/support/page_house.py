"""A house with clients and a device that people meet on pages, and a visitor without a screen.

The visitor keeps its cookie and says where it comes from, as browsers do, and fills in forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.support.house import FORM, ISSUER, PASSWORD, START, Headers, House, Reply, with_server
from tests.support.stores import ORDERS, a_client, an_api, fill

from lingpai_server.config.model import Config
from lingpai_server.console.cookies import SESSION_COOKIE
from lingpai_server.core.api_settings import ApiSettings
from lingpai_server.core.client_settings import ClientSettings, SecurityProfile
from lingpai_server.core.effects import CreateApi, CreateClient
from lingpai_server.core.flow_effects import ReplaceApi, StoreDevice
from lingpai_server.core.flow_records import DeviceGrant, DeviceState
from lingpai_server.core.records import USERINFO_AUDIENCE, Client
from lingpai_server.protocol.openid_scopes import OPENID_SCOPES

REDIRECT: Final = "https://shop.example/callback"
AFTERWARDS: Final = "https://shop.example/bye"
USER_CODE: Final = "WDJB-MJHT"
PAYMENT: Final = "payment"
_TEXTS = {
    "orders:read": "See your orders",
    "orders:read#zh-CN": "查看您的订单",
    "orders:write": "Place and cancel orders",
}


class PageHouse(House):
    """With a client of somebody else (shop), one of the house (own), and a device that waits for
    somebody to type its code."""

    def __init__(self, issuer: str = ISSUER, *, now: float = START, **settings: Any) -> None:
        super().__init__(with_server(Config(), issuer=issuer), now=now)
        self.issuer = issuer
        self.shop = a_shop("shop", **settings)
        orders = an_api(
            ORDERS,
            name="Orders",
            scopes=("orders:read", "orders:write", "orders:purge"),
            settings=ApiSettings(scope_texts=_TEXTS, details_types=(PAYMENT,)),
        )
        fill(
            self.store,
            (ReplaceApi(orders), CreateApi(an_api(USERINFO_AUDIENCE, scopes=()))),
            (
                CreateClient(self.shop),
                CreateClient(a_shop("own", name="Own App", first_party=True, **settings)),
                StoreDevice(a_device(int(now) + 600)),
            ),
        )

    def authorize_url(self, client_id: str = "shop", **parameters: str) -> str:
        """Where a client sends its user."""
        sent = {
            "client_id": client_id,
            "redirect_uri": self.shop.settings.redirect_uris[0],
            "response_type": "code",
            "scope": "openid email orders:read",
            "resource": ORDERS,
            "state": "the state",
        }
        return "/authorize?" + urlencode(sent | parameters)


def a_shop(client_id: str, *, name: str = "Corner Shop", **settings: Any) -> Client:
    """A client that people are sent here by."""
    given: dict[str, Any] = {
        "profile": SecurityProfile.OIDC,
        "redirect_uris": (REDIRECT,),
        "post_logout_redirect_uris": (AFTERWARDS,),
        "authorization_details_types": (PAYMENT,),
    }
    return a_client(
        client_id,
        name=name,
        first_party=settings.pop("first_party", False),
        grant_types=("authorization_code", "refresh_token"),
        scopes=(*OPENID_SCOPES, "orders:read", "orders:write", "orders:purge"),
        audiences=(ORDERS,),
        settings=ClientSettings(**(given | settings)),
    )


def a_device(expires_at: int) -> DeviceGrant:
    """A device of the shop's."""
    return DeviceGrant(
        device_sha256=bytes(32),
        user_code=USER_CODE.replace("-", ""),
        client_id="shop",
        audience=ORDERS,
        scopes=("openid", "orders:read"),
        authorization_details=None,
        jkt=None,
        state=DeviceState.PENDING,
        interval_seconds=5,
        polled_at=0.0,
        expires_at=expires_at,
    )


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, and what it would send as it is."""

    method: str
    action: str
    fields: Mapping[str, str]


class _Reader(HTMLParser):
    """Forms and links, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag == "form":
            self._fields = {}
            method, action = values.get("method") or "get", values.get("action") or ""
            self.forms.append(Form(method, action, self._fields))
        elif tag == "input" and values.get("type") != "checkbox":
            self._fields[values.get("name") or ""] = values.get("value") or ""
        elif tag == "a":
            self.links.append(values.get("href") or "")


@dataclass
class Shown:
    """A page, or a redirect, as the visitor sees it."""

    reply: Reply
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.reply.body.decode("utf-8")
        reader = _Reader()
        reader.feed(self.text)
        self.forms, self.links, self.tags = reader.forms, reader.links, reader.tags

    @property
    def status(self) -> int:
        """The status."""
        return self.reply.status

    @property
    def location(self) -> str:
        """Where it sends the browser on to."""
        location = self.reply.header("location")
        assert location is not None, self.text
        return location

    @property
    def answered(self) -> dict[str, str]:
        """The parameters of the address that it sends the browser on to."""
        return dict(parse_qsl(urlsplit(self.location).query))

    @property
    def form(self) -> Form:
        """The one form."""
        (form,) = self.forms
        return form


@dataclass
class Visitor:
    """A browser without a screen. `language` is its Accept-Language."""

    house: House
    language: str = "en"
    cookie: str | None = None

    def get(self, url: str, *headers: tuple[str, str]) -> Shown:
        """Open an address."""
        shown = Shown(self.house.ask("GET", url, (*self._headers(), *headers)))
        self._keep(shown.reply)
        return shown

    def post(self, path: str, fields: Mapping[str, str], headers: Headers | None = None) -> Shown:
        """Send a form from a page of the issuer, unless `headers` say where it is from."""
        origin = (("origin", self.house.config.server.issuer), ("sec-fetch-site", "same-origin"))
        sent = (*self._headers(), FORM, *(origin if headers is None else headers))
        body = urlencode(fields).encode("ascii")
        shown = Shown(self.house.ask("POST", path, sent, body))
        self._keep(shown.reply)
        return shown

    def submit(self, shown: Shown, action: str = "", **typed: str) -> Shown:
        """Fill in the form of a page and press the button that stands for `action`."""
        pressed = {"action": action} if action else {}
        fields = {**shown.form.fields, **typed, **pressed}
        return self.post(shown.form.action, fields)

    def sign_in(self, shown: Shown, password: str = PASSWORD, **typed: str) -> Shown:
        """Fill in the login form; what it leads to, one redirect further if it is one of ours."""
        answer = self.submit(shown, "signin", **({"username": "mei", "password": password} | typed))
        is_ours = answer.status == 303 and answer.location.startswith("/")
        return self.get(answer.location) if is_ours else answer

    def _headers(self) -> Headers:
        cookie = () if self.cookie is None else (("cookie", f"{SESSION_COOKIE}={self.cookie}"),)
        return (("accept-language", self.language), *cookie)

    def _keep(self, reply: Reply) -> None:
        header = reply.header("set-cookie")
        if header is not None:
            name, _, value = header.partition(";")[0].partition("=")
            assert name == SESSION_COOKIE
            self.cookie = value or None
