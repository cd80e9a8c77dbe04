"""gRPC: handlers with a thread each, guarded.

A stream's handler works in a thread of its own, so that its call can be ended while it waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, NoReturn

import grpc

from lingpai.integrations.bearer import Denied
from lingpai.integrations.grpc_calls import (
    NOT_LISTED,
    TOKEN,
    Guarded,
    Openness,
    Status,
    read_status,
)
from lingpai.integrations.handover import Closed, Failed, Finished, Handover, Message, Refused
from lingpai.jwt.token import VerifiedToken

__all__ = ["guard_sync", "replace_behavior"]

Behavior = Callable[..., Any]

_MAKERS: dict[tuple[bool, bool], tuple[str, Callable[..., Any]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}


def replace_behavior(handler: Any, wrap: Callable[..., Behavior]) -> Any:
    """The same handler with another function, which `wrap` makes of the function and of whether
    requests and responses are streams."""
    takes_many, gives_many = bool(handler.request_streaming), bool(handler.response_streaming)
    name, make = _MAKERS[takes_many, gives_many]
    return make(
        wrap(getattr(handler, name), takes_many=takes_many, gives_many=gives_many),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


def guard_sync(
    behavior: Behavior, guarded: Guarded | Openness | None, *, takes_many: bool, gives_many: bool
) -> Behavior:
    """A function that serves the call if its token is good, for as long as it is."""

    def once(argument: Any, context: Any) -> Any:
        token = _admit(guarded, context)
        return _inside(token).run(behavior, argument, context)

    def once_watched(arguments: Any, context: Any) -> Any:
        token = _admit(guarded, context)
        work = partial(behavior, arguments, context)
        if token is None or not isinstance(guarded, Guarded):
            return _inside(token).run(work)
        with _beside(guarded, token, context, partial(Handover.run_once, handler=work)) as handover:
            return _take(handover, guarded, context).value

    def many(argument: Any, context: Any) -> Iterator[Any]:
        token = _admit(guarded, context)
        work = partial(behavior, argument, context)
        if token is None or not isinstance(guarded, Guarded):
            yield from _iterate(work, _inside(token))
            return
        start = partial(Handover.run_stream, handler=work)
        with _beside(guarded, token, context, start) as handover:
            while isinstance(taken := _take(handover, guarded, context), Message):
                yield taken.value

    if gives_many:
        return many
    return once_watched if takes_many else once


def _admit(guarded: Guarded | Openness | None, context: Any) -> VerifiedToken | None:
    """The token of a call, None where it needs none; whoever has no good one is refused."""
    if guarded is None:
        _abort(context, NOT_LISTED)
    if isinstance(guarded, Openness):
        return None
    try:
        token = guarded.admit(context.invocation_metadata())
    except Denied as denied:
        _abort(context, read_status(denied.denial))
    return token


def _inside(token: VerifiedToken | None) -> Context:
    """A copy of the present context in which the token is the current one."""
    context = copy_context()
    context.run(TOKEN.set, token)
    return context


def _iterate(work: Behavior, inside: Context) -> Iterator[Any]:
    """A stream that nobody watches. Each step may be asked for by another thread."""
    messages, end = iter(inside.run(work)), object()
    while (message := inside.run(next, messages, end)) is not end:
        yield message


@contextmanager
def _beside(
    guarded: Guarded, token: VerifiedToken, context: Any, work: Callable[[Handover], None]
) -> Iterator[Handover]:
    """Let `work` run in a thread while this one is free to end the call."""
    handover = Handover()
    thread = threading.Thread(
        target=_inside(token).run, args=(work, handover), name="lingpai-grpc", daemon=True
    )
    with guarded.watch(token, handover.refuse):
        if context.add_callback(handover.close) is False:  # the caller has gone already
            handover.close()
        thread.start()
        try:
            yield handover
        finally:
            handover.close()
            # a handler that does not notice that its caller has gone keeps its place in the pool,
            # as it does without a guard; one whose token has ended must not keep the call open
            if not handover.is_refused:
                thread.join()


def _take(handover: Handover, guarded: Guarded, context: Any) -> Message | Finished:
    """What the handler gives next; aborts the call where the token's end comes first."""
    taken = handover.take()
    match taken:
        case Message() | Finished():
            pass
        case Failed(error):
            raise error
        case Refused(refusal):
            _abort(context, guarded.end(refusal))
        case Closed():
            _abort(context, Status(grpc.StatusCode.CANCELLED, ""))
    return taken


def _abort(context: Any, status: Status) -> NoReturn:
    context.set_trailing_metadata(status.trailing)
    context.abort(status.code, status.reason)
    raise AssertionError("abort raises")
