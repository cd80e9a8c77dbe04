"""Django: settings, decorators, the mixin and the middleware, in sync and in async views."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from tests.support import django_site

from lingpai.integrations.django import (
    Asked,
    DjangoAuth,
    TokenMiddleware,
    TokenRequest,
    TokenRequiredMixin,
    default_auth,
    requires,
)
from lingpai.testing import FakeIssuer
from lingpai.verifier import Verifier

assert django_site.is_configured()
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
TOKENS = "lingpai.integrations.django.TokenMiddleware"


@requires(scopes=["orders:read"])
def orders(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.token.subject)


@requires(scopes=["orders:read"])
async def orders_async(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.token.subject)


@requires(acr_values=["mfa", "hwk"], max_auth_age_seconds=60)
def pay(_: HttpRequest) -> HttpResponse:
    return HttpResponse("paid")


def lazy(request: TokenRequest) -> HttpResponse:
    return HttpResponse(request.token.subject)


async def lazy_async(request: TokenRequest) -> HttpResponse:
    token = await request.atoken()
    assert request.token is token
    return HttpResponse(token.subject)


def public(request: TokenRequest) -> HttpResponse:
    assert request.token is not None  # which looks at nothing
    return HttpResponse("public")


class Notes(TokenRequiredMixin, View):
    asked: ClassVar[Asked] = Asked.of(permissions=["publish"])

    def post(self, request: TokenRequest) -> HttpResponse:
        return HttpResponse(request.token.subject)


class NotesAsync(TokenRequiredMixin, View):
    asked: ClassVar[Asked] = Asked.of(permissions=["publish"])

    async def post(self, request: TokenRequest) -> HttpResponse:
        return HttpResponse(request.token.subject)


@method_decorator(requires(permissions=["publish"]), name="dispatch")
class Decorated(View):
    def post(self, request: TokenRequest) -> HttpResponse:
        return HttpResponse(request.token.subject)


PATTERNS = (
    path("orders", orders),
    path("orders-async", orders_async),
    path("pay", pay),
    path("lazy", lazy),
    path("lazy-async", lazy_async),
    path("public", public),
    path("notes", Notes.as_view()),
    path("notes-async", NotesAsync.as_view()),
    path("decorated", Decorated.as_view()),
)


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer(with_statuses=True) as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def site(issuer: FakeIssuer) -> Iterator[None]:
    with override_settings(
        ROOT_URLCONF=PATTERNS, MIDDLEWARE=[CSRF, TOKENS], LINGPAI={"VERIFIER": issuer.verifier()}
    ):
        yield


def send(method: str, where: str, raw: str | None = None, *, is_async: bool = False) -> Any:
    """The response of the site, as it is served by WSGI or by ASGI."""
    headers = {} if raw is None else {"authorization": f"Bearer {raw}"}
    if is_async:
        client = AsyncClient(enforce_csrf_checks=True)
        return asyncio.run(cast("Any", client.generic)(method, where, headers=headers))
    return Client(enforce_csrf_checks=True).generic(method, where, headers=headers)


BOTH = pytest.mark.parametrize("is_async", [False, True], ids=["WSGI", "ASGI"])


# --- decorators ---------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("where", ["/orders", "/orders-async"])
def test_a_view_gets_the_token(issuer: FakeIssuer, where: str, is_async: bool) -> None:
    raw = issuer.token(sub="ming", scopes=["orders:read"])
    response = send("GET", where, raw, is_async=is_async)
    assert (response.status_code, response.content) == (200, b"ming")


@BOTH
@pytest.mark.parametrize("where", ["/orders", "/orders-async"])
def test_a_view_without_its_scope_is_refused(
    issuer: FakeIssuer, where: str, is_async: bool
) -> None:
    response = send("GET", where, issuer.token(), is_async=is_async)
    assert response.status_code == 403
    assert 'scope="orders:read"' in response["WWW-Authenticate"]
    assert response.json()["error"] == "insufficient_scope"


def test_a_revoked_token_is_refused(issuer: FakeIssuer) -> None:
    raw = issuer.token(scopes=["orders:read"])
    issuer.revoke(raw)
    assert send("GET", "/orders", raw).json()["error_description"] == "token_revoked"


@pytest.mark.parametrize(
    "claims",
    [{}, {"acr": "pwd", "auth_time": 2**31}, {"acr": "mfa"}, {"acr": "mfa", "auth_time": 1}],
)
def test_a_weak_or_old_login_is_told_which_would_do(  # RFC 9470 section 3
    issuer: FakeIssuer, claims: dict[str, Any]
) -> None:
    response = send("GET", "/pay", issuer.token(**claims))
    assert response.status_code == 401
    assert 'error="insufficient_user_authentication"' in response["WWW-Authenticate"]
    assert response["WWW-Authenticate"].endswith('acr_values="mfa hwk", max_age="60"')


def test_a_strong_and_late_login_is_enough(issuer: FakeIssuer) -> None:
    raw = issuer.token(acr="hwk", auth_time=int(time.time()))
    assert send("GET", "/pay", raw).content == b"paid"


def test_one_string_in_the_place_of_several_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="not one string"):
        requires(scopes="orders:read")
    with pytest.raises(TypeError, match="not one string"):
        requires(acr_values="mfa")


# --- views that are classes ---------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("where", ["/notes", "/notes-async", "/decorated"])
def test_a_class_is_guarded_and_needs_no_csrf_token(
    issuer: FakeIssuer, where: str, is_async: bool
) -> None:
    raw = issuer.token(sub="ming", permissions=["publish"])
    assert send("POST", where, raw, is_async=is_async).content == b"ming"
    assert send("POST", where, issuer.token(), is_async=is_async).status_code == 403
    assert send("POST", where, is_async=is_async).status_code == 401


# --- the middleware -----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("where", ["/lazy", "/lazy-async"])
def test_a_token_that_is_looked_at_has_to_be_good(
    issuer: FakeIssuer, where: str, is_async: bool
) -> None:
    assert send("GET", where, issuer.token(sub="ming"), is_async=is_async).content == b"ming"
    bad = issuer.bad_tokens()["expired"]
    response = send("GET", where, bad.raw, is_async=is_async)
    assert response.status_code == 401
    assert f'error_description="{bad.code}"' in response["WWW-Authenticate"]
    assert send("GET", where, is_async=is_async).status_code == 401


@BOTH
def test_a_token_that_nobody_looks_at_is_not_verified(issuer: FakeIssuer, is_async: bool) -> None:
    assert send("GET", "/public", "nonsense", is_async=is_async).content == b"public"
    assert default_auth().verifier.stats().refused == {}


def test_a_subclass_may_have_a_verifier_of_its_own(issuer: FakeIssuer) -> None:
    class Own(TokenMiddleware):
        auth = DjangoAuth(issuer.verifier(), realm="mine")

    request = HttpRequest()
    Own(lambda _: HttpResponse())(request)
    assert Own.auth is not None
    assert Own.auth.verifier is not default_auth().verifier


# --- settings -----------------------------------------------------------------------------------


def test_the_settings_make_one_verifier_which_fetches_nothing_yet() -> None:
    described = {
        "ISSUER": "https://id.example",
        "AUDIENCE": "https://api.example",
        "MAX_STATUS_AGE_SECONDS": 60,
        "REALM": "shop",
    }
    with override_settings(LINGPAI=described):
        verifier = default_auth().verifier
        assert verifier is default_auth().verifier
        assert verifier.policy.max_status_age_seconds == 60
        assert verifier.stats().fetches.requests == 0
        assert send("GET", "/orders")["WWW-Authenticate"] == 'Bearer realm="shop"'


def make_verifier() -> Verifier:
    return Verifier(issuer="https://id.example", audience="made", lazy=True)


def test_the_verifier_may_be_made_by_a_function_that_is_named() -> None:
    with override_settings(LINGPAI={"VERIFIER": f"{__name__}.make_verifier"}):
        assert default_auth().verifier.policy.audience == "made"


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        {"ISSUER": "https://id.example"},
        {"issuer": "https://id.example", "audience": "https://api.example"},
        {"ISSUER": "https://id.example", "AUDIENCE": "https://api.example", "AUDIENSE": "x"},
        {"ISSUER": "http://id.example", "AUDIENCE": "https://api.example"},
        {"VERIFIER": "no.such.place"},
        {"VERIFIER": "builtins.dict"},
        {"VERIFIER": 1},
        {"VERIFIER": make_verifier, "AUDIENCE": "https://api.example"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given: object) -> None:
    with override_settings(LINGPAI=given), pytest.raises(ImproperlyConfigured):
        default_auth()
