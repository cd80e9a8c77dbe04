"""Scripts of any origin may ask some paths (CORS, the Fetch Standard), and never with cookies.

Around all that answers for a path: an error that a script cannot read is no help to who wrote it.
No path here trusts a browser for who it is: what a script may do, it does with tokens of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from lingpai_server.http.answers import Answer
from lingpai_server.http.hardening import AsgiApp, Message, Receive, Scope, Send, send_answer

_ANY_ORIGIN = (b"access-control-allow-origin", b"*")
_EXPOSED = (b"access-control-expose-headers", b"DPoP-Nonce, Retry-After, WWW-Authenticate")
_ASKED_METHOD = b"access-control-request-method"
_PREFLIGHT_SECONDS = 7200  # as long as any browser keeps it


class CrossOrigin:
    """Wraps an ASGI application. `methods` are those of each path that is open to any origin."""

    __slots__ = ("_app", "_methods")

    def __init__(self, app: AsgiApp, methods: Mapping[str, tuple[str, ...]]) -> None:
        self._app = app
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        methods = self._methods_of(scope["path"]) if scope["type"] == "http" else None
        if methods is None:
            await self._app(scope, receive, send)
        elif _is_preflight(scope):
            await send_answer(_allow(methods), send)
        else:
            await self._app(scope, receive, _open(send))

    def _methods_of(self, path: str) -> tuple[str, ...] | None:
        """Of the path itself, or of all in its folder."""
        return self._methods.get(path) or self._methods.get(path[: path.rfind("/") + 1])


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and any(
        name.lower() == _ASKED_METHOD for name, _ in scope["headers"]
    )


def _allow(methods: tuple[str, ...]) -> Answer:
    headers = (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", ", ".join(methods)),
        ("access-control-allow-headers", "Authorization, Content-Type, DPoP, Last-Event-ID"),
        ("access-control-max-age", str(_PREFLIGHT_SECONDS)),
    )
    return Answer(204, headers, b"")


def _open(send: Send) -> Send:
    async def send_opened(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _ANY_ORIGIN, _EXPOSED]
        await send(message)

    return send_opened
