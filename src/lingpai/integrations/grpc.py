"""gRPC: interceptors that let in only calls with a good token, for both kinds of server.

    methods = {
        "/notes.Notes/List": Asked.of(scopes=["notes:read"]),
        "/notes.Notes/Watch": Asked.of(scopes=["notes:read"]),
        "/grpc.health.v1.Health/*": PUBLIC,
    }
    server = grpc.server(pool, interceptors=[BearerInterceptor(verifier, methods)])

    def List(self, request, context):
        subject = current_token().subject

A method that is not in the table is refused, whatever the token. A stream ends when its token does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

try:
    import grpc
    import grpc.aio
except ModuleNotFoundError as missing:
    raise ImportError("lingpai.integrations.grpc needs gRPC: pip install grpcio") from missing

from lingpai.integrations.asked import Asked
from lingpai.integrations.bearer import Bearer
from lingpai.integrations.grpc_aio import guard_aio, is_async
from lingpai.integrations.grpc_calls import PUBLIC, Guard, Guarded, Methods, current_token
from lingpai.integrations.grpc_sync import guard_sync, replace_behavior
from lingpai.verifier.verifier import Verifier

__all__ = ["PUBLIC", "AioBearerInterceptor", "Asked", "BearerInterceptor", "current_token"]


class BearerInterceptor(grpc.ServerInterceptor):
    """For `grpc.server`. `methods` says what each method asks, by its full name or, with `/*`, for
    a service; a method that is not there is refused.

    The token is taken from `authorization` in the metadata, where it stands once. Refusals are
    UNAUTHENTICATED, PERMISSION_DENIED and UNAVAILABLE with the stable reason as details, and the
    challenge of RFC 6750 as `www-authenticate` in the trailing metadata. Methods with a stream on
    either side end with UNAUTHENTICATED when their token is revoked or expires; their handlers run
    in a thread of their own and learn of it as of a caller who has gone.

    Raises ValueError or TypeError for a table that cannot be meant.
    """

    def __init__(self, verifier: Verifier, methods: Methods, *, realm: str | None = None) -> None:
        self._guard = Guard(Bearer(verifier, realm=realm), methods)

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Called by gRPC. The token is looked at later, by a thread of the pool."""
        handler = continuation(handler_call_details)
        if handler is None:  # no such method
            return None
        guarded = self._guard.find(handler_call_details.method)
        return replace_behavior(handler, partial(guard_sync, guarded=guarded))


class AioBearerInterceptor(grpc.aio.ServerInterceptor):
    """For `grpc.aio.server`; the rest is as for `BearerInterceptor`. A stream is a task, cancelled
    when its token ends. A handler that is a plain function is guarded as it is there, unless it has
    a stream and asks for a token: nothing could end it in time, so the call fails."""

    def __init__(self, verifier: Verifier, methods: Methods, *, realm: str | None = None) -> None:
        self._guard = Guard(Bearer(verifier, realm=realm), methods)

    async def intercept_service(
        self,
        continuation: Callable[[Any], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Called by gRPC."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        guarded = self._guard.find(handler_call_details.method)

        def wrap(behavior: Callable[..., Any], **kind: bool) -> Callable[..., Any]:
            if is_async(behavior):
                return guard_aio(behavior, guarded, **kind)
            if any(kind.values()) and isinstance(guarded, Guarded):
                raise TypeError(f"{handler_call_details.method} has a stream: make it async")
            return guard_sync(behavior, guarded, **kind)

        return replace_behavior(handler, wrap)
