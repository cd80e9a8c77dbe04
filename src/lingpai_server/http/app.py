"""The ASGI application: Litestar routes, and nothing of Litestar is seen beyond this module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from litestar import Litestar, Request, Response
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.http.answers import Answer, Refused, error_answer
from lingpai_server.http.cors import CrossOrigin
from lingpai_server.http.exchange import Exchange, ReadingLimits
from lingpai_server.http.hardening import LOG, AsgiApp, Hardened, log_fault
from lingpai_server.http.routes import Route, open_methods

# what the framework itself refuses; everything else it may say is a bad request
_FRAMEWORK_ERRORS: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        404: ("not_found", "There is nothing here."),
        405: ("method_not_allowed", "This path does not answer this method."),
    }
)


def create_app(
    routes: Iterable[Route], limits: ReadingLimits, *, https: bool, log_access: bool = False
) -> AsgiApp:
    """The application, ready to serve. It owns nothing that needs to be started or stopped."""
    table = tuple(routes)
    framework = Litestar(
        route_handlers=[_handler(route, limits) for route in table],
        exception_handlers={
            HTTPException: _answer_framework_error,
            StoreUnavailable: _answer_unavailable,
            Exception: _answer_fault,
        },
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # `Exchange` counts, and knows what to say
        debug=False,
    )
    inner: ASGIApp = framework
    opened = CrossOrigin(inner, open_methods(table))  # type: ignore[arg-type]  # the framework's scope is a TypedDict, ours any mapping
    return Hardened(opened, https=https, log_access=log_access)


def _handler(route: Route, limits: ReadingLimits) -> HTTPRouteHandler:
    return HTTPRouteHandler(
        route.path,
        http_method=[HttpMethod(method) for method in route.methods],
        name=f"{route.method} {route.path}",
        status_code=200,  # a word to the framework; the answer has its own
    )(_adapt(route, limits))


def _adapt(
    route: Route, limits: ReadingLimits
) -> Callable[[Request[Any, Any, Any]], Awaitable[_Rendered]]:
    spelling = route.path.encode("ascii")

    async def handle(request: Request[Any, Any, Any]) -> _Rendered:
        # the framework would take `//token`, `/token/` and `/%74oken` for `/token`; whoever filters
        # paths before us would not
        if request.scope["raw_path"] != spelling:
            raise NotFoundException
        try:
            answer = await route.endpoint(Exchange(request.scope, request.receive, limits))
        except Refused as refused:
            answer = refused.answer
        return _Rendered(answer)

    return handle


class _Rendered(Response[None]):
    """An answer in the framework's clothes: its own rendering has nothing left to do."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(content=None, status_code=answer.status)
        self._answer = answer

    def to_asgi_response(
        self, app: Litestar | None, request: Request[Any, Any, Any], **_: Any
    ) -> ASGIResponse:
        """What the framework sends."""
        del app  # the framework passes it; an answer needs nothing of it
        answer, is_head = self._answer, request.method == "HEAD"
        length = (("content-length", str(len(answer.body))),) if is_head else ()
        return ASGIResponse(
            status_code=answer.status,
            headers=(*answer.headers, *length),
            body=b"" if is_head else answer.body,
            content_length=len(answer.body),
            is_head_response=is_head,
        )


def _answer_framework_error(_request: Any, error: HTTPException) -> _Rendered:
    code, description = _FRAMEWORK_ERRORS.get(
        error.status_code, ("invalid_request", "The request cannot be understood.")
    )
    if error.status_code >= 500:
        return _Rendered(log_fault())
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    allow = (("allow", headers["allow"]),) if "allow" in headers else ()
    return _Rendered(error_answer(error.status_code, code, description, allow))


def _answer_unavailable(_request: Any, error: StoreUnavailable) -> _Rendered:
    LOG.error("storage is unavailable: %s", error)
    description = "The server cannot answer right now. Try again later."
    headers = (("retry-after", "1"),)
    return _Rendered(error_answer(503, "temporarily_unavailable", description, headers))


def _answer_fault(_request: Any, _error: Exception) -> _Rendered:
    return _Rendered(log_fault())
