"""A gRPC service without generated code, served in three ways: methods of all four kinds."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from lingpai.integrations.grpc import AioBearerInterceptor, BearerInterceptor, current_token
from lingpai.integrations.grpc_calls import Methods
from lingpai.verifier import Verifier

SERVICE = "notes.Notes"
SECONDS = 10.0  # no call of a test lasts longer


def _subject() -> bytes:
    token = current_token()
    return b"nobody" if token is None else (token.subject or "").encode()


class Notes:
    """Handlers with threads. `endings` hears how a stream ended for its handler."""

    def __init__(self) -> None:
        self.endings: queue.Queue[str] = queue.Queue()

    def one(self, _: bytes, __: Any) -> bytes:
        return _subject()

    def open(self, _: bytes, __: Any) -> bytes:
        return _subject()

    def hidden(self, _: bytes, __: Any) -> bytes:
        return b"a secret"

    def open_many(self, _: bytes, __: Any) -> Iterator[bytes]:
        yield _subject()
        yield _subject()

    def fail(self, _: bytes, context: Any) -> Iterator[bytes]:
        yield b"one"
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "for a reason of its own")

    def many(self, count: bytes, context: Any) -> Iterator[bytes]:
        """As many answers as are asked for, then silence."""
        over = threading.Event()
        context.add_callback(over.set)
        try:
            for _ in range(int(count)):
                yield _subject()
            if int(count) > 2:
                return
            over.wait(SECONDS)
        finally:
            self.endings.put("many")

    def collect(self, notes: Iterator[bytes], _: Any) -> bytes:
        try:
            return b",".join([*notes, _subject()])
        finally:
            self.endings.put("collect")

    def chat(self, notes: Iterator[bytes], _: Any) -> Iterator[bytes]:
        try:
            for note in notes:
                yield note + b" " + _subject()
        finally:
            self.endings.put("chat")


class AioNotes(Notes):
    """The same in an event loop; `chat` writes to the context, and the others yield."""

    async def one(self, _: bytes, __: Any) -> bytes:  # type: ignore[override]  # the other kind
        return _subject()

    async def open_many(self, _: bytes, __: Any) -> AsyncIterator[bytes]:  # type: ignore[override]  # the other kind
        yield _subject()
        yield _subject()

    async def fail(self, _: bytes, context: Any) -> AsyncIterator[bytes]:  # type: ignore[override]  # the other kind
        yield b"one"
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "for a reason of its own")

    async def many(self, count: bytes, _: Any) -> AsyncIterator[bytes]:  # type: ignore[override]  # the other kind
        try:
            for _ in range(int(count)):
                yield _subject()
            if int(count) > 2:
                return
            await asyncio.sleep(SECONDS)
        finally:
            self.endings.put("many")

    async def collect(self, notes: AsyncIterator[bytes], _: Any) -> bytes:  # type: ignore[override]  # the other kind
        try:
            return b",".join([*[note async for note in notes], _subject()])
        finally:
            self.endings.put("collect")

    async def chat(self, notes: AsyncIterator[bytes], context: Any) -> None:  # type: ignore[override]  # the other kind
        try:
            async for note in notes:
                await context.write(note + b" " + _subject())
        finally:
            self.endings.put("chat")


def _handlers(notes: Notes) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "One": grpc.unary_unary_rpc_method_handler(notes.one),
            "Open": grpc.unary_unary_rpc_method_handler(notes.open),
            "Hidden": grpc.unary_unary_rpc_method_handler(notes.hidden),
            "OpenMany": grpc.unary_stream_rpc_method_handler(notes.open_many),
            "Fail": grpc.unary_stream_rpc_method_handler(notes.fail),
            "Many": grpc.unary_stream_rpc_method_handler(notes.many),
            "Collect": grpc.stream_unary_rpc_method_handler(notes.collect),
            "Chat": grpc.stream_stream_rpc_method_handler(notes.chat),
        },
    )


@contextmanager
def serve_threads(
    verifier: Verifier, methods: Methods, **options: Any
) -> Iterator[tuple[int, Notes]]:
    """`grpc.server`: its port and its handlers."""
    notes = Notes()
    guard = BearerInterceptor(verifier, methods, **options)
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool, handlers=[_handlers(notes)], interceptors=[guard])
        port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
        server.start()
        try:
            yield port, notes
        finally:
            server.stop(None).wait(SECONDS)


@contextmanager
def _serve_loop(
    notes: Notes, verifier: Verifier, methods: Methods, **options: Any
) -> Iterator[tuple[int, Notes]]:
    ports: queue.Queue[int] = queue.Queue()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run(pool: ThreadPoolExecutor) -> None:
        guard = AioBearerInterceptor(verifier, methods, **options)
        server = grpc.aio.server(pool, handlers=[_handlers(notes)], interceptors=[guard])
        port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
        await server.start()
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))
        ports.put(port)
        await stop.wait()
        await server.stop(None)

    with ThreadPoolExecutor(8) as pool:
        thread = threading.Thread(target=lambda: asyncio.run(run(pool)), daemon=True)
        thread.start()
        try:
            yield ports.get(timeout=SECONDS), notes
        finally:
            (loop, stop) = loops[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join(SECONDS)


def serve_loop(verifier: Verifier, methods: Methods, **options: Any) -> Any:
    """`grpc.aio.server` with coroutines."""
    return _serve_loop(AioNotes(), verifier, methods, **options)


def serve_functions_in_loop(verifier: Verifier, methods: Methods, **options: Any) -> Any:
    """`grpc.aio.server` with plain functions, which it runs in threads."""
    return _serve_loop(Notes(), verifier, methods, **options)


SERVERS: dict[str, Callable[..., Any]] = {
    "threads": serve_threads,
    "event loop": serve_loop,
    "functions in an event loop": serve_functions_in_loop,
}


def bearer(raw: str) -> list[tuple[str, str]]:
    """The metadata of a call with a token."""
    return [("authorization", f"Bearer {raw}")]


class Caller:
    """Calls the service; requests and answers are bytes."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def one(self, name: str = "One", *metadata: tuple[str, str]) -> bytes:
        call = self.channel.unary_unary(f"/{SERVICE}/{name}")
        answer: bytes = call(b"", metadata=metadata, timeout=SECONDS)
        return answer

    def many(self, name: str, request: bytes, *metadata: tuple[str, str]) -> Any:
        call = self.channel.unary_stream(f"/{SERVICE}/{name}")
        return call(request, metadata=metadata, timeout=SECONDS)

    def collect(self, notes: Iterator[bytes], *metadata: tuple[str, str]) -> Any:
        call = self.channel.stream_unary(f"/{SERVICE}/Collect")
        return call.future(notes, metadata=metadata, timeout=SECONDS)

    def chat(self, notes: Iterator[bytes], *metadata: tuple[str, str]) -> Any:
        call = self.channel.stream_stream(f"/{SERVICE}/Chat")
        return call(notes, metadata=metadata, timeout=SECONDS)


@contextmanager
def calling(port: int, *interceptors: Any) -> Iterator[Caller]:
    """A caller of the server at this port."""
    credentials = grpc.local_channel_credentials()
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        yield Caller(grpc.intercept_channel(channel, *interceptors) if interceptors else channel)
