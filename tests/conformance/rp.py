"""A relying party and a browser of the tests' own: no cleverness, every value looked at.

The browser keeps cookies, follows redirects and fills in the pages' forms; it stops where the
issuer sends it back to the relying party, which has no server: nothing there is ever fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

REDIRECT_URI = "https://rp.example/test/a/lingpai/callback"
LOGOUT_URI = "https://rp.example/test/a/lingpai/post_logout_redirect"
USERNAME, PASSWORD = "ming", "correct horse battery staple"
MOST_STEPS = 12


@dataclass(frozen=True)
class Client:
    """What the relying party knows of itself."""

    client_id: str
    secret: str


@dataclass(frozen=True)
class Provider:
    """An issuer that is served over https, and how to trust it."""

    url: str
    trust: ssl.SSLContext
    clients: Mapping[str, Client]
    data: Path

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, verify=self.trust, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        return httpx2.post(self.url + path, verify=self.trust, **options)

    def token(self, client: Client, *, in_body: bool = False, **form: Any) -> httpx2.Response:
        """A token request, by client_secret_basic or client_secret_post."""
        if in_body:
            form |= {"client_id": client.client_id, "client_secret": client.secret}
            return self.post("/token", data=form)
        return self.post("/token", data=form, auth=(client.client_id, client.secret))

    def userinfo(self, access_token: str) -> httpx2.Response:
        return self.get("/userinfo", headers={"authorization": f"Bearer {access_token}"})


@dataclass(frozen=True)
class Callback:
    """What came back to a redirect URI, and how."""

    uri: str
    mode: str
    parameters: Mapping[str, str]

    @property
    def code(self) -> str:
        assert "error" not in self.parameters, self.parameters
        return self.parameters["code"]


@dataclass(frozen=True)
class Form:
    """A form of a page: where it goes, what it holds, and the values of its buttons."""

    method: str
    action: str
    values: dict[str, str]
    buttons: frozenset[tuple[str, str]]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            method = given.get("method", "get")
            self.forms.append(Form(method, given.get("action", ""), {}, frozenset()))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].values[given["name"]] = given.get("value", "")
        elif tag == "button" and self.forms and "name" in given:
            button = (given["name"], given.get("value", ""))
            form = self.forms[-1]
            self.forms[-1] = Form(form.method, form.action, form.values, form.buttons | {button})

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass(frozen=True)
class Page:
    """A page that waits for a person."""

    url: str
    response: httpx2.Response
    forms: tuple[Form, ...]
    text: str

    @property
    def kind(self) -> str:
        """What it asks: to log in, to agree, to log out, or nothing."""
        for form in self.forms:
            if "password" in form.values:
                return "login"
            if {value for _, value in form.buttons} >= {"allow", "deny"}:
                return "consent"
            if {value for _, value in form.buttons} >= {"confirm", "stay"}:
                return "logout"
        return "end"


@dataclass
class Browser:
    """One browser with its cookies. `pages` tells what it was shown."""

    provider: Provider
    pages: list[str] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx2.Client(verify=self.provider.trust, headers=dict(self.headers))

    @property
    def logins(self) -> int:
        """How often the person was asked for a password."""
        return self.pages.count("login")

    def close(self) -> None:
        """Close the window."""
        self.http.close()

    def open(self, path: str, parameters: Mapping[str, str]) -> Callback | Page:
        """Go where a link leads."""
        url = f"{self.provider.url}{path}?{httpx2.QueryParams(dict(parameters))}"
        return self._follow(self.http.get(url))

    def send(self, path: str, form: Mapping[str, str]) -> Callback | Page:
        """Submit a form of the relying party's own page."""
        headers = {"origin": "https://rp.example", "sec-fetch-site": "cross-site"}
        url = self.provider.url + path
        # SameSite=Lax: a browser sends no cookie along with a cross-site POST
        return self._follow(
            httpx2.post(url, data=dict(form), headers=headers, verify=self.provider.trust)
        )

    def authorize(self, parameters: Mapping[str, str], *, posted: bool = False) -> Callback | Page:
        """An authorization request through all its pages, as a person who agrees."""
        if posted:
            there = self.send("/authorize", parameters)
        else:
            there = self.open("/authorize", parameters)
        for _ in range(MOST_STEPS):
            if isinstance(there, Callback) or there.kind == "end":
                return there
            self.pages.append(there.kind)
            there = self.answer(there)
        raise AssertionError("the pages go round in a circle")

    def answer(self, page: Page, **values: str) -> Callback | Page:
        """Fill in the page's form and submit it."""
        answers = {
            "login": {"username": USERNAME, "password": PASSWORD},
            "consent": {"": "allow"},
            "logout": {"": "confirm"},
        }[page.kind]
        form = next(f for f in page.forms if f.method.lower() == "post")
        wanted = answers.pop("", None)
        pressed = {name: value for name, value in form.buttons if value == wanted}
        return self._submit(page, form, {**form.values, **answers, **pressed, **values})

    def _submit(self, page: Page, form: Form, values: Mapping[str, str]) -> Callback | Page:
        headers = {"origin": self.provider.url, "sec-fetch-site": "same-origin"}
        url = urljoin(page.url, form.action)
        return self._follow(self.http.post(url, data=dict(values), headers=headers))

    def _follow(self, response: httpx2.Response) -> Callback | Page:
        for _ in range(MOST_STEPS):
            if response.status_code not in (302, 303):
                return self._read(response)
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(self.provider.url):
                parts = urlsplit(target)
                uri = target.partition("?")[0]
                return Callback(uri, "query", dict(parse_qsl(parts.query, strict_parsing=True)))
            response = self.http.get(target)
        raise AssertionError("the redirects go round in a circle")

    def _read(self, response: httpx2.Response) -> Callback | Page:
        assert response.status_code < 500, response.text
        parser = _Forms()
        parser.feed(response.text)
        for form in parser.forms:
            if form.method.lower() == "post" and form.action.startswith("https://rp.example"):
                return Callback(form.action, "form_post", form.values)
        return Page(str(response.url), response, tuple(parser.forms), parser.text)


@dataclass
class Flow:
    """One authorization, as a test describes it."""

    provider: Provider
    mode: str = "query"
    name: str = "basic"
    browser: Browser = field(init=False)

    def __post_init__(self) -> None:
        self.browser = Browser(self.provider)

    @property
    def client(self) -> Client:
        return self.provider.clients[self.name]

    def request(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a good request; None leaves one out."""
        parameters: dict[str, str | None] = {
            "client_id": self.client.client_id,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "response_mode": None if self.mode == "query" else self.mode,
            **changes,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def go(self, *, posted: bool = False, **changes: Any) -> Callback:
        """Through the pages and back, `state` and `iss` checked (RFC 9207)."""
        request = self.request(**changes)
        back = self.browser.authorize(request, posted=posted)
        assert isinstance(back, Callback), back.text
        assert back.uri == request["redirect_uri"]
        assert back.mode == self.mode
        assert back.parameters.get("state") == request.get("state")
        assert back.parameters["iss"] == self.provider.url
        return back

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """The same, with the code redeemed and the ID token checked."""
        nonce = changes.pop("nonce", secrets.token_urlsafe(16))
        back = self.go(nonce=nonce, **changes)
        response = self.redeem(back)
        assert response.status_code == 200, response.text
        assert response.headers["cache-control"] == "no-store"
        members: dict[str, Any] = response.json()
        assert members["token_type"].lower() == "bearer"
        members["claims"] = self.check_id_token(members["id_token"], nonce=nonce)
        return members

    def redeem(self, back: Callback, **more: Any) -> httpx2.Response:
        return self.provider.token(
            self.client,
            grant_type="authorization_code",
            code=back.code,
            redirect_uri=REDIRECT_URI,
            **more,
        )

    def check_id_token(self, raw: str, *, nonce: str | None) -> dict[str, Any]:
        """OpenID Connect Core section 3.1.3.7, claim by claim; the signature by our own library."""
        from lingpai import KeySet
        from lingpai.jose.jws import verify_compact

        keys = KeySet.from_jwks(self.provider.get("/jwks").content)
        header, payload = verify_compact(raw, keys)
        claims: dict[str, Any] = json.loads(payload)
        assert header.alg == "RS256"
        assert header.kid
        assert claims["iss"] == self.provider.url
        assert claims["aud"] in (self.client.client_id, [self.client.client_id])
        assert claims["iat"] <= claims["exp"]
        assert claims.get("nonce") == nonce
        assert isinstance(claims["sub"], str)
        assert 0 < len(claims["sub"]) <= 255
        return claims


def pkce() -> tuple[str, dict[str, Any]]:
    """A verifier, and the parameters that announce it (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return verifier, {"code_challenge": challenge, "code_challenge_method": "S256"}
