"""Serves one ASGI application from this process until told to stop. Knows sockets, and no route."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lingpai_server.http.hardening import AsgiApp
from lingpai_server.http.wire import Connection

# with what is left of five seconds the store is closed
DRAIN_SECONDS = 4.0
_BACKLOG = 1024
_OPEN_FILES = 65_536
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0
_SWEEP_SECONDS = 1.0


class CannotListen(Exception):  # an operator reads the message
    """The address cannot be listened on."""


def check_free(host: str, port: int) -> None:
    """Raises CannotListen if the address is not ours to listen on.

    The port is shared with whoever asks for it (SO_REUSEPORT), which is right among the workers of
    one server and would be a silent mistake between two servers.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        told = f"cannot listen on {host} port {port}: {error.strerror}"
        raise CannotListen(told) from error


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """A certificate chain and its private key, both in PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What to serve https with: TLS 1.2 and later. Raises CannotListen."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key, password=_refuse_to_ask)
        except (OSError, ValueError) as error:
            told = f"cannot serve https with {self.certificate} and {self.key}: {error}"
            raise CannotListen(told) from None
        return context


async def serve_app(
    app: AsgiApp,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    on_listening: Callable[[], None],
    tls: TlsFiles | None = None,
) -> None:
    """Serve until `stop` is set, then let what is being answered be answered, for at most
    DRAIN_SECONDS. Raises CannotListen."""
    connections: set[Connection] = set()
    _raise_file_limit()
    server = await _listen(app, host, port, connections, tls)
    sweeping = asyncio.create_task(_sweep(connections))
    try:
        on_listening()
        await stop.wait()
    finally:
        server.close()
        await _drain(connections)
        sweeping.cancel()


def _raise_file_limit() -> None:
    """Each connection is an open file, and many systems allow 1024 to whoever asks for no more."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _listen(
    app: AsgiApp, host: str, port: int, connections: set[Connection], tls: TlsFiles | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    context = None if tls is None else tls.context()
    try:
        return await loop.create_server(
            lambda: Connection(app, loop, connections),
            host,
            port,
            ssl=context,
            backlog=_BACKLOG,
            reuse_port=True,
            ssl_handshake_timeout=None if context is None else _HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=None if context is None else _SHUTDOWN_SECONDS,
        )
    except OSError as error:
        told = f"cannot listen on {host} port {port}: {error.strerror}"
        raise CannotListen(told) from error


async def _sweep(connections: set[Connection]) -> None:
    """Rid us now and then of peers that keep us waiting."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = asyncio.get_running_loop().time()
        for connection in tuple(connections):
            connection.check_deadlines(now)


async def _drain(connections: set[Connection]) -> None:
    """Until everything is answered, or for as long as there is; the rest is cut."""
    for connection in tuple(connections):
        connection.stop()
    if connections:
        closed = [connection.closed for connection in connections]
        await asyncio.wait(closed, timeout=DRAIN_SECONDS)
    for connection in tuple(connections):
        connection.abort()


def _refuse_to_ask() -> str:
    """A key with a password would have OpenSSL ask the terminal for it."""
    raise ValueError("the key is encrypted")
