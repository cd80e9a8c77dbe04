"""The ASGI application: a table of paths, and the answers that are nobody's endpoint.

Every path is known before the first request and has one spelling, so a look-up is all the routing
there is (ADR 15). Refuses to know what any endpoint does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.http.answers import Answer, Refused, Streamed, error_answer
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
    send_streamed,
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

    __slots__ = ("_folders", "_limits", "_paths")

    def __init__(self, table: Iterable[Route], limits: ReadingLimits) -> None:
        self._limits = limits
        self._paths: dict[bytes, dict[str, Endpoint]] = {}
        self._folders: dict[bytes, dict[str, Endpoint]] = {}
        for route in table:
            places = self._folders if route.path.endswith("/") else self._paths
            methods = places.setdefault(route.path.encode("ascii"), {})
            methods.update(dict.fromkeys(route.methods, route.endpoint))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        match scope["type"]:
            case "http":
                answer = await self._answer(scope, receive)
                if isinstance(answer, Answer):
                    await send_answer(answer, send)
                else:
                    await _stream(answer, scope, receive, send)
            case "lifespan":
                await _live(receive, send)
            case _:
                await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | Streamed:
        # `//token`, `/token/` and `/%74oken` are not `/token`: whoever filters paths before us
        # would not take them for it either
        path: bytes = scope["raw_path"]
        methods = self._paths.get(path) or self._folders.get(path[: path.rfind(b"/") + 1])
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


async def _stream(answer: Streamed, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["method"] != "HEAD":
        await send_streamed(answer, receive, send)
        return
    answer.stop()
    await send_answer(Answer(answer.status, answer.headers, b""), send)


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
