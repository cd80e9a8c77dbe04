"""The ASGI application: a table of paths, and the answers that are nobody's endpoint.

Every path is known before the first request and has one spelling, so a look-up is all the routing
there is (ADR 15). Refuses to know what any endpoint does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.http.answers import Answer, Refused, error_answer
from lingpai_server.http.cors import CrossOrigin
from lingpai_server.http.exchange import Exchange, ReadingLimits
from lingpai_server.http.hardening import (
    LOG,
    AsgiApp,
    Hardened,
    Receive,
    Scope,
    Send,
    log_fault,
    send_answer,
)
from lingpai_server.http.routes import Endpoint, Route, open_methods

_NOT_FOUND = error_answer(404, "not_found", "There is nothing here.")
_OPTIONS = "OPTIONS"


def create_app(
    routes: Iterable[Route], limits: ReadingLimits, *, https: bool, log_access: bool = False
) -> AsgiApp:
    """The application, ready to serve. It owns nothing that needs to be started or stopped."""
    table = tuple(routes)
    opened = CrossOrigin(Router(table, limits), open_methods(table))
    return Hardened(opened, https=https, log_access=log_access)


class Router:
    """An ASGI application over a table of routes."""

    __slots__ = ("_limits", "_paths")

    def __init__(self, table: Iterable[Route], limits: ReadingLimits) -> None:
        self._limits = limits
        self._paths: dict[bytes, dict[str, Endpoint]] = {}
        for route in table:
            methods = self._paths.setdefault(route.path.encode("ascii"), {})
            methods.update(dict.fromkeys(route.methods, route.endpoint))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        match scope["type"]:
            case "http":
                await send_answer(await self._answer(scope, receive), send)
            case "lifespan":
                await _live(receive, send)
            case _:
                await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        # `//token`, `/token/` and `/%74oken` are not `/token`: whoever filters paths before us
        # would not take them for it either
        methods = self._paths.get(scope["raw_path"])
        if methods is None:
            return _NOT_FOUND
        endpoint = methods.get(scope["method"])
        if endpoint is None:
            return _answer_other_method(scope["method"], methods)
        try:
            return await endpoint(Exchange(scope, receive, self._limits))
        except Refused as refused:
            return refused.answer
        except StoreUnavailable as error:
            return _answer_unavailable(error)
        except Exception:  # noqa: BLE001 - logged by its number; `Hardened` would not open it to scripts
            return log_fault()


def _answer_other_method(method: str, methods: Mapping[str, Endpoint]) -> Answer:
    """RFC 9110 sections 9.3.7 and 15.5.6."""
    allow = (("allow", ", ".join(sorted((*methods, _OPTIONS)))),)
    if method == _OPTIONS:
        return Answer(204, allow, b"")
    return error_answer(405, "method_not_allowed", "This path does not answer this method.", allow)


def _answer_unavailable(error: StoreUnavailable) -> Answer:
    LOG.error("storage is unavailable: %s", error)
    description = "The server cannot answer right now. Try again later."
    headers = (("retry-after", "1"),)
    return error_answer(503, "temporarily_unavailable", description, headers)


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: there is nothing to start and nothing to stop here."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
