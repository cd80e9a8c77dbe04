"""Serves one ASGI application from this process until told to stop. Knows Granian, and no route."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.embed import Server

from lingpai_server.http.hardening import AsgiApp

# with what is left of five seconds the store is closed
DRAIN_SECONDS = 4.0
_MAX_HEADER_BYTES = 32768
_LISTEN_SECONDS = 10.0
_PROBE_SECONDS = 0.005
_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # its faults go to the log that everything else goes to; it has nothing else to say
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}


class CannotListen(Exception):  # an operator reads the message
    """The address cannot be listened on."""


class ServerDied(Exception):
    """The server ended without being told to."""


def check_free(host: str, port: int) -> None:
    """Raises CannotListen if the address is not ours to listen on.

    Granian shares its port with whoever asks for it (SO_REUSEPORT), which is right among the
    workers of one server and would be a silent mistake between two servers.
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

    def check(self) -> None:
        """Raises CannotListen if the two cannot be served with."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.certificate, self.key, password=_refuse_to_ask
            )
        except (OSError, ValueError) as error:
            told = f"cannot serve https with {self.certificate} and {self.key}: {error}"
            raise CannotListen(told) from None


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
    DRAIN_SECONDS. Raises CannotListen or ServerDied."""
    if tls is not None:
        tls.check()
    server = _make_server(app, host, port, tls)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    try:
        await _await_listening(host, port, serving)
        on_listening()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise ServerDied("the HTTP server ended by itself")
        server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it untyped
        await asyncio.wait({serving}, timeout=DRAIN_SECONDS)
    finally:
        stopping.cancel()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _make_server(app: AsgiApp, host: str, port: int, tls: TlsFiles | None) -> Server:
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.auto,
        websockets=False,
        log_level=LogLevels.error,
        http1_settings=HTTP1Settings(max_buffer_size=_MAX_HEADER_BYTES),
        http2_settings=HTTP2Settings(max_headers_size=_MAX_HEADER_BYTES),
        log_dictconfig=_LOGGING,
        ssl_cert=None if tls is None else tls.certificate,
        ssl_key=None if tls is None else tls.key,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _refuse_to_ask() -> str:
    """A key with a password would have OpenSSL ask the terminal for it."""
    raise ValueError("the key is encrypted")


async def _await_listening(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Until the port answers. Granian does not say when it listens."""
    async with asyncio.timeout(_LISTEN_SECONDS):
        while True:
            if serving.done():
                raise CannotListen(f"cannot listen on {host} port {port}") from serving.exception()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return
            await asyncio.sleep(_PROBE_SECONDS)
