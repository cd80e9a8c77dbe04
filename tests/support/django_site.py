"""Django in a test's process: configured once, without a database. A test overrides the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import django
from django.conf import settings

if not settings.configured:  # a page of the guides may have done it
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
        ROOT_URLCONF=(),
        USE_TZ=True,
    )
    django.setup()

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

from lingpai.integrations.asgi import App
from lingpai.integrations.django import DjangoAuth, TokenRequest
from lingpai.verifier import Verifier


def is_configured() -> bool:
    """Whether Django may be used: whoever imports this module sees to that."""
    return bool(settings.configured)


class Site(ASGIHandler):
    """An ASGI application with URLs of its own, beside others in one process."""

    def __init__(self, patterns: Sequence[Any]) -> None:
        super().__init__()
        self.patterns = tuple(patterns)

    async def get_response_async(self, request: HttpRequest) -> Any:
        request.urlconf = self.patterns  # type: ignore[assignment]  # Django takes patterns as well
        return await super().get_response_async(request)


def guarded_site(
    verifier: Verifier,
    routes: Mapping[str, Mapping[str, Any]],
    *,
    realm: str,
    is_async: bool,
) -> App:
    """The routes with decorated views."""
    auth = DjangoAuth(verifier, realm=realm)

    def open_view(_: HttpRequest) -> JsonResponse:
        return JsonResponse({"subject": "nobody"})

    def view(request: TokenRequest) -> JsonResponse:
        return JsonResponse({"subject": request.token.subject})

    async def async_view(request: TokenRequest) -> JsonResponse:
        return JsonResponse({"subject": request.token.subject})

    chosen: Any = async_view if is_async else view
    patterns = [path(route[1:], auth.requires(**asked)(chosen)) for route, asked in routes.items()]
    return cast("App", Site([*patterns, path("open", open_view)]))
