"""How the walk asks: one function a kind of request. Shows no password, secret or refresh token."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from lingpai_server.demo import notes
from lingpai_server.demo.scenes import Answer, Command, Exchange, Scene, WalkFailed
from lingpai_server.demo.service import STATS_PATH
from lingpai_server.demo.stage import Stage

CLIENT = "demo-app"
USER = "mei"
JOB = "nightly-job"
COOKIE = "__Host-lingpai-refresh"
NEWS_SECONDS = 10.0
_SHOWN_CHARACTERS = 8  # of an opaque token
_TOLD_HEADERS = ("www-authenticate", "set-cookie")

T = TypeVar("T")
Asking: TypeAlias = Generator[Scene, None, T]
SignAnything: TypeAlias = Callable[[Mapping[str, Any]], str]
"""Signs claims for the Orders API with the issuer's own key."""


@dataclass(slots=True)
class Walker:
    """Who walks: the stage, a password that nobody sees, and the tokens in hand.

    `spent` are the refresh tokens that were exchanged for newer ones, oldest first.
    """

    stage: Stage
    password: str = field(repr=False)
    sign_anything: SignAnything = field(repr=False)
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    spent: list[str] = field(default_factory=list, repr=False)

    def ask_orders(self) -> Answer:
        """GET /orders, shown to nobody. Raises WalkFailed unless it is answered with 200."""
        answer = self.stage.ask("GET", f"{self.stage.orders}/orders", headers=_bearer(self.access))
        check(answer.status == 200, f"GET /orders was answered with {answer.status}")
        return answer


def check(holds: bool, problem: str) -> None:
    """Raise WalkFailed unless it holds."""
    if not holds:
        raise WalkFailed(problem)


def text(answer: Answer, name: str) -> str:
    """A member of the answer that is text. Raises WalkFailed."""
    value = answer.members.get(name)
    if not isinstance(value, str):
        raise WalkFailed(f"the answer has no {name}")
    return value


# --- the issuer -----------------------------------------------------------------------------------


def send_login(w: Walker, **members: Any) -> Asking[Answer]:
    """POST /login for the user of the demo."""
    body = {"username": USER, "password": w.password, "client_id": CLIENT, **members}
    answer = w.stage.ask("POST", f"{w.stage.issuer}/login", json_body=body)
    yield _exchange("issuer", "POST /login", answer, _tell_json({**body, "password": "…"}))
    _expect(answer, 200)
    return answer


def refresh(w: Walker, token: str, *, expect: int) -> Asking[Answer]:
    """POST /token with a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": token}
    answer = w.stage.ask("POST", f"{w.stage.issuer}/token", form=form)
    yield _exchange("issuer", "POST /token", answer, _tell_form(form))
    _expect(answer, expect)
    return answer


def refresh_and_keep(w: Walker) -> Asking[None]:
    """The same with the current token, of which the new ones take the place."""
    answer = yield from refresh(w, w.refresh, expect=200)
    w.spent.append(w.refresh)
    w.access, w.refresh = text(answer, "access_token"), text(answer, "refresh_token")


def refresh_by_cookie(w: Walker, cookie: str, *, expect: int) -> Asking[None]:
    """POST /token as a page does it: the refresh token is in a cookie."""
    form = {"grant_type": "refresh_token", "client_id": CLIENT}
    headers = _page_headers(w, cookie)
    answer = w.stage.ask("POST", f"{w.stage.issuer}/token", form=form, headers=headers)
    yield _exchange("issuer", "POST /token", answer, *_tell_page(w), _tell_form(form))
    _expect(answer, expect)


def log_out_by_cookie(w: Walker, cookie: str) -> Asking[None]:
    """POST /logout as a page does it."""
    headers = _page_headers(w, cookie)
    answer = w.stage.ask("POST", f"{w.stage.issuer}/logout", headers=headers)
    yield _exchange("issuer", "POST /logout", answer, *_tell_page(w))
    check(answer.status in (200, 204), f"logging out was answered with {answer.status}")


def get_machine_token(w: Walker) -> Asking[str]:
    """Make a confidential client, and let it ask for a token of its own."""
    made = w.stage.run(
        *("client", "create", JOB, "--confidential", "--api", notes.AUDIENCE),
        *("--scope", "notes:read", "--json"),
    )
    secret = json.loads(made.output)["client_secret"]
    yield Command(made.line, "its secret is shown once", made.seconds)
    form = {
        "grant_type": "client_credentials",
        "resource": notes.AUDIENCE,
        "scope": "notes:read",
    }
    credentials = base64.b64encode(f"{JOB}:{secret}".encode()).decode("ascii")
    answer = w.stage.ask(
        "POST",
        f"{w.stage.issuer}/token",
        form=form,
        headers={"authorization": f"Basic {credentials}"},
    )
    yield _exchange("issuer", "POST /token", answer, "Authorization: Basic …", _tell_form(form))
    _expect(answer, 200)
    return text(answer, "access_token")


# --- the services ---------------------------------------------------------------------------------


def call(
    w: Walker, path: str, *, token: str | None = None, expect: int, reason: str = ""
) -> Asking[Answer]:
    """GET a path of the Orders or the Notes API with a token, or that in hand.

    `reason` is the stable code that a refusal must name.
    """
    name = "notes" if path.startswith("/notes") else "orders"
    url = w.stage.notes if name == "notes" else w.stage.orders
    answer = w.stage.ask("GET", f"{url}{path}", headers=_bearer(token or w.access))
    yield _exchange(name, f"GET {path}", answer, "Authorization: Bearer …")
    _expect(answer, expect, reason)
    return answer


def call_until_refused(w: Walker, path: str, *, reason: str) -> Asking[None]:
    """GET a path of the Orders API with the token in hand, which is about to be refused there: the
    news of its end is on the way. Shows the answer that refuses it."""
    deadline = time.monotonic() + NEWS_SECONDS
    url, headers = f"{w.stage.orders}{path}", _bearer(w.access)
    while (answer := w.stage.ask("GET", url, headers=headers)).status == 200:
        check(time.monotonic() < deadline, "the end of the token never reached the API")
    yield from expect_refusal("orders", f"GET {path}", answer, 401, reason)


def expect_refusal(
    name: str, request: str, answer: Answer, status: int, reason: str
) -> Asking[None]:
    """Show an answer that came already. Raises WalkFailed unless it refuses for that reason."""
    yield _exchange(name, request, answer, "Authorization: Bearer …")
    _expect(answer, status, reason)


def refund(w: Walker, token: str, *, expect: int, reason: str = "") -> Asking[Answer]:
    """POST /orders/refund."""
    body = {"order_id": "1001"}
    answer = w.stage.ask(
        "POST", f"{w.stage.orders}/orders/refund", json_body=body, headers=_bearer(token)
    )
    told = ("Authorization: Bearer …", _tell_json(body))
    yield _exchange("orders", "POST /orders/refund", answer, *told)
    _expect(answer, expect, reason)
    return answer


def stats(w: Walker) -> Mapping[str, Any]:
    """What the verifier of the Orders API has done."""
    return w.stage.ask("GET", f"{w.stage.orders}{STATS_PATH}").members


def fetches(w: Walker) -> Any:
    """How often that verifier has asked the issuer."""
    return stats(w)["fetches"]


# --- telling --------------------------------------------------------------------------------------


def _exchange(to: str, request: str, answer: Answer, *sent: str) -> Exchange:
    headers = [
        f"{name}: {_hide_value(name, answer.headers[name])}"
        for name in _TOLD_HEADERS
        if name in answer.headers
    ]
    body = [_tell_json(_hide(answer.members))] if answer.members else []
    return Exchange(to, request, sent, answer.status, [*headers, *body], answer.seconds)


def _hide(members: Mapping[str, Any]) -> dict[str, Any]:
    """What the answer says, tokens cut short."""
    tokens = ("access_token", "refresh_token")
    return {k: _cut(v) if k in tokens and isinstance(v, str) else v for k, v in members.items()}


def _hide_value(name: str, value: str) -> str:
    if name != "set-cookie":
        return value
    pair, _, attributes = value.partition(";")
    cookie, _, content = pair.partition("=")
    return f"{cookie}={_cut(content)};{attributes}"


def _tell_form(form: Mapping[str, str]) -> str:
    return "&".join(f"{k}={_cut(v) if k == 'refresh_token' else v}" for k, v in form.items())


def _tell_json(members: Mapping[str, Any]) -> str:
    return json.dumps(members, ensure_ascii=False)


def _cut(token: str) -> str:
    """The beginning of a token; of a refresh token also the number that counts its family on."""
    if token.startswith("lp_rt_") and token.count(".") == 3:
        prefix, family, generation, _ = token.split(".")
        return f"{prefix}.{family[:_SHOWN_CHARACTERS]}….{generation}.…"
    return f"{token[:_SHOWN_CHARACTERS]}…" if len(token) > _SHOWN_CHARACTERS else token


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _page_headers(w: Walker, cookie: str) -> dict[str, str]:
    return {"cookie": cookie, "origin": w.stage.issuer}


def _tell_page(w: Walker) -> tuple[str, str]:
    return f"Cookie: {COOKIE}=…", f"Origin: {w.stage.issuer}"


def _expect(answer: Answer, status: int, reason: str = "") -> None:
    check(answer.status == status, f"{status} was expected, {answer.status} came")
    if reason:
        challenge = answer.headers.get("www-authenticate", "")
        named = f'error_description="{reason}"' in challenge
        check(named, f"the reason {reason} was expected, {challenge!r} came")
