"""Protected resource metadata: RFC 9728."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from litestar import Litestar, get
from tests.support.guarded_apps import ask

from lingpai.integrations.asgi import App, BearerMiddleware, Receive, Scope, Send
from lingpai.integrations.bearer import Bearer
from lingpai.integrations.fastapi import FastAPIAuth
from lingpai.integrations.litestar import LitestarAuth
from lingpai.integrations.protected_resource import (
    ProtectedResource,
    metadata_url,
    protected_resource_metadata,
)
from lingpai.testing import FakeIssuer
from lingpai.verifier import Verifier

API = "https://api.test"
ISSUER = "https://id.example"
RESOURCE = ProtectedResource(API, [ISSUER], scopes=["notes:read"])
PATH = "/.well-known/oauth-protected-resource"


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    with FakeIssuer(audience=API) as issuer:
        yield issuer.verifier()


@pytest.mark.parametrize(
    ("resource", "url"),
    [  # section 3.1
        ("https://api.test", f"https://api.test{PATH}"),
        ("https://api.test/", f"https://api.test{PATH}"),
        ("https://api.test/mcp", f"https://api.test{PATH}/mcp"),
        ("https://api.test/a/b?tenant=1", f"https://api.test{PATH}/a/b?tenant=1"),
        ("http://127.0.0.1:9000/mcp", f"http://127.0.0.1:9000{PATH}/mcp"),
    ],
)
def test_well_known_part_stands_between_host_and_path(resource: str, url: str) -> None:
    assert metadata_url(resource) == url


@pytest.mark.parametrize(
    "resource", ["urn:orders", "http://api.test", "https://api.test/#x", "api.test", ""]
)
def test_resource_is_a_url_that_can_be_asked(resource: str) -> None:  # section 1.2
    with pytest.raises(ValueError, match=r"URL|http"):
        protected_resource_metadata(resource, [ISSUER])


def test_document_says_exactly_what_it_was_told() -> None:  # section 2
    assert protected_resource_metadata(
        API,
        [ISSUER],
        scopes=["notes:read", "notes:write"],
        name="Notes",
        documentation="https://api.test/docs",
        dpop_bound=True,
        tls_bound=True,
        details_types=["note_sharing"],
    ) == {
        "resource": API,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["notes:read", "notes:write"],
        "resource_name": "Notes",
        "resource_documentation": "https://api.test/docs",
        "dpop_bound_access_tokens_required": True,
        "tls_client_certificate_bound_access_tokens": True,
        "authorization_details_types_supported": ["note_sharing"],
    }


def test_what_was_not_told_is_left_out() -> None:  # section 2: empty values are omitted
    assert set(protected_resource_metadata(API, [ISSUER])) == {
        "resource",
        "authorization_servers",
        "bearer_methods_supported",
    }


@pytest.mark.parametrize("servers", [[], ["urn:x"], ["http://id.example"], ["https://id.test?a"]])
def test_authorization_servers_are_issuers(servers: list[str]) -> None:
    with pytest.raises(ValueError, match=r"none|URL|http|query"):
        protected_resource_metadata(API, servers)


def test_one_string_is_not_several() -> None:
    with pytest.raises(TypeError):
        protected_resource_metadata(API, ISSUER)
    with pytest.raises(TypeError):
        protected_resource_metadata(API, [ISSUER], scopes="notes:read")


class TestPublished:
    """Section 3: the document is read without a token, by scripts too."""

    @pytest.fixture
    def app(self, verifier: Verifier) -> App:
        guarded = BearerMiddleware(_never, verifier, resource_metadata=RESOURCE.url)
        return RESOURCE.publish(guarded)

    def test_is_answered_where_the_url_says(self, app: App) -> None:
        response = ask(app, RESOURCE.path)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "public, max-age=3600"
        assert response.json() == RESOURCE.metadata

    def test_is_read_by_scripts_of_any_origin(self, app: App) -> None:
        for method in ("GET", "OPTIONS", "POST"):
            response = ask(app, RESOURCE.path, method=method)
            assert response.headers["access-control-allow-origin"] == "*"

    def test_is_not_there_to_be_changed(self, app: App) -> None:
        response = ask(app, RESOURCE.path, method="POST")
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"

    def test_has_a_head_without_a_body(self, app: App) -> None:
        response = ask(app, RESOURCE.path, method="HEAD")
        assert (response.status_code, response.content) == (200, b"")

    @pytest.mark.parametrize("path", ["/", PATH + "/", PATH + "/x", "/x" + PATH])
    def test_every_other_path_is_the_apps(self, app: App, path: str) -> None:
        assert ask(app, path).status_code == 401


class TestChallenge:
    """Section 5.1: whoever is refused learns where to read on."""

    named = f'resource_metadata="{RESOURCE.url}"'

    def test_names_the_metadata_in_plain_asgi(self, verifier: Verifier) -> None:
        app = BearerMiddleware(_never, verifier, resource_metadata=RESOURCE.url)
        assert self.named in ask(app, "/").headers["www-authenticate"]

    def test_names_the_metadata_in_fastapi(self, verifier: Verifier) -> None:
        auth, app = FastAPIAuth(verifier, resource_metadata=RESOURCE.url), FastAPI()
        allowed = Depends(auth.requires())

        @app.get("/")
        async def route(token: Any = allowed) -> None:
            del token

        assert self.named in ask(app, "/").headers["www-authenticate"]

    def test_names_the_metadata_in_litestar(self, verifier: Verifier) -> None:
        auth = LitestarAuth(verifier, resource_metadata=RESOURCE.url)

        @get("/", guards=[auth.requires()])
        async def route() -> None:
            return None

        app: Any = Litestar([route], plugins=[auth])
        assert self.named in ask(app, "/").headers["www-authenticate"]

    def test_names_it_with_every_error(self, verifier: Verifier) -> None:
        bearer = Bearer(verifier, resource_metadata=RESOURCE.url)
        for denial in (bearer.deny_missing(), bearer.deny_malformed("x")):
            assert self.named in str(denial.challenge)

    def test_names_none_unless_asked_to(self, verifier: Verifier) -> None:
        assert "resource_metadata" not in str(Bearer(verifier).deny_missing().challenge)

    def test_url_cannot_break_out_of_its_quotes(self, verifier: Verifier) -> None:
        with pytest.raises(ValueError, match="challenge"):
            Bearer(verifier, resource_metadata='https://x"y')


async def _never(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("the guard lets nobody in")
