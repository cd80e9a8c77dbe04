"""gRPC: handlers in an event loop, guarded.

A stream's handler is a task, cancelled at the end of its token.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from lingpai.integrations.bearer import Denied
from lingpai.integrations.grpc_calls import (
    NOT_LISTED,
    TOKEN,
    Guarded,
    Openness,
    Status,
    read_status,
)
from lingpai.jwt.token import VerifiedToken

__all__ = ["guard_aio", "is_async"]

Behavior = Callable[..., Any]


def is_async(behavior: Behavior) -> bool:
    """Whether a handler runs in the loop; an aio server has threads for the others."""
    return inspect.iscoroutinefunction(behavior) or inspect.isasyncgenfunction(behavior)


def guard_aio(
    behavior: Behavior, guarded: Guarded | Openness | None, *, takes_many: bool, gives_many: bool
) -> Callable[[Any, Any], Awaitable[Any]]:
    """A coroutine function that serves the call if its token is good, for as long as it is."""
    is_stream = takes_many or gives_many

    async def serve(argument: Any, context: Any) -> Any:
        token = await _admit(guarded, context)
        TOKEN.set(token)  # each call is a task with a context of its own
        serving = _run(behavior, argument, context)
        if token is None or not isinstance(guarded, Guarded) or not is_stream:
            return await serving
        return await _serve_watched(guarded, token, asyncio.ensure_future(serving), context)

    return serve


async def _admit(guarded: Guarded | Openness | None, context: Any) -> VerifiedToken | None:
    """The token of a call, None where it needs none; whoever has no good one is refused."""
    if guarded is None:
        await _abort(context, NOT_LISTED)
    if not isinstance(guarded, Guarded):
        return None
    try:
        return await guarded.admit_async(context.invocation_metadata())
    except Denied as denied:
        await _abort(context, read_status(denied.denial))
        raise


async def _run(behavior: Behavior, argument: Any, context: Any) -> Any:
    """Serve in either of the two ways in which a handler gives many answers."""
    if not inspect.isasyncgenfunction(behavior):
        return await behavior(argument, context)
    async with aclosing(behavior(argument, context)) as messages:
        async for message in messages:
            await context.write(message)
    return None


async def _serve_watched(
    guarded: Guarded, token: VerifiedToken, serving: asyncio.Future[Any], context: Any
) -> Any:
    watching = asyncio.ensure_future(guarded.until_refused(token))
    try:
        await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            await _abort(context, guarded.end(watching.result()))
        return serving.result()
    finally:
        for task in (serving, watching):
            task.cancel()
        await asyncio.gather(serving, watching, return_exceptions=True)


async def _abort(context: Any, status: Status) -> None:
    await context.abort(status.code, status.reason, status.trailing)
    raise AssertionError("abort raises")
