"""Litestar: guards at any level, the token as a dependency, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from litestar import Litestar, Request, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from tests.support.guarded_apps import ask

from lingpai.integrations.asgi import App
from lingpai.integrations.litestar import CurrentToken, LitestarAuth
from lingpai.jwt.token import VerifiedToken
from lingpai.testing import FakeIssuer


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def auth(issuer: FakeIssuer) -> LitestarAuth:
    return LitestarAuth(issuer.verifier())


def as_asgi(app: Litestar) -> App:
    return cast("App", app)


def test_a_handler_that_takes_the_token_is_protected_by_that_alone(
    issuer: FakeIssuer, auth: LitestarAuth
) -> None:
    @get("/me")
    async def me(token: CurrentToken) -> str:
        return token.subject or ""

    app = as_asgi(Litestar([me], plugins=[auth]))
    assert ask(app, "/me").status_code == 401
    assert ask(app, "/me", f"Bearer {issuer.token(sub='ming')}").text == "ming"


def test_the_request_knows_token_and_subject(issuer: FakeIssuer, auth: LitestarAuth) -> None:
    @get("/me", guards=[auth.requires()])
    async def me(request: Request[str, VerifiedToken, Any]) -> list[str | None]:
        return [request.user, request.auth.client_id]

    app = as_asgi(Litestar([me]))
    assert ask(app, "/me", f"Bearer {issuer.token()}").json() == ["user-1", "test-client"]


def test_a_guard_of_the_app_guards_every_route(issuer: FakeIssuer, auth: LitestarAuth) -> None:
    @get("/any")
    async def anything() -> None: ...

    @get("/read", guards=[auth.requires(scopes=["read"])])
    async def read() -> None: ...

    app = as_asgi(Litestar([anything, read], guards=[auth.requires()]))
    assert [ask(app, path).status_code for path in ("/any", "/read")] == [401, 401]
    raw = issuer.token()
    assert [ask(app, p, f"Bearer {raw}").status_code for p in ("/any", "/read")] == [200, 403]


def test_the_document_names_the_scheme_beside_the_apps_own(auth: LitestarAuth) -> None:
    own = Components(security_schemes={"own": SecurityScheme(type="http", scheme="basic")})
    config = OpenAPIConfig("Notes", "1", components=own)
    document = Litestar([], plugins=[auth], openapi_config=config).openapi_schema.to_schema()
    schemes = document["components"]["securitySchemes"]
    assert set(schemes) == {"own", "bearer"}
    assert schemes["bearer"]["bearerFormat"] == "JWT"
    assert config.components is own


def test_an_app_without_a_document_is_fine(auth: LitestarAuth) -> None:
    Litestar([], plugins=[auth], openapi_config=None)


def test_a_dependency_of_the_same_name_stays_the_apps() -> None:
    async def provide() -> str:
        return "mine"

    with FakeIssuer() as issuer:
        auth = LitestarAuth(issuer.verifier(lazy=True))
        app = Litestar([], plugins=[auth], dependencies={"token": provide})
        assert app.dependencies["token"] is provide
