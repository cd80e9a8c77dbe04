"""What the two services have in common: arguments, a verifier, a server, an orderly end."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

import msgspec

from lingpai.integrations.asgi import App
from lingpai.verifier import Stats, Verifier
from lingpai_server.http.serving import CannotListen, check_free, serve_app

__all__ = ["STATS_PATH", "encode_stats", "is_loopback", "run_service"]

STATS_PATH = "/_demo/stats"
_LOOPBACK = ("127.0.0.1", "::1")

MakeApp = Callable[[Verifier], App]


def run_service(
    name: str, make_app: MakeApp, *, audience: str, arguments: Sequence[str] | None = None
) -> int:
    """Serve `make_app(verifier)` until SIGINT or SIGTERM. The process's exit status."""
    options = _parse(name, audience, arguments)
    try:
        check_free(options.host, options.port)
        with Verifier(issuer=options.issuer, audience=options.audience) as verifier:
            asyncio.run(_serve(name, make_app(verifier), options.host, options.port))
    except (CannotListen, ValueError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    return 0


def encode_stats(stats: Stats) -> bytes:
    """What a verifier has done, as JSON: the proof that it makes no call for each request."""
    return msgspec.json.encode(stats)


def is_loopback(client: tuple[str, int] | None) -> bool:
    """Whether the `client` of an ASGI scope is on this machine."""
    return client is not None and client[0] in _LOOPBACK


def _parse(name: str, audience: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=name, description=f"The demo service {name!r}.")
    parser.add_argument("--issuer", required=True, help="URL of the issuer that is trusted")
    parser.add_argument("--port", required=True, type=int, help="port to listen on")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--audience", default=audience, help="this API's name (%(default)s)")
    return parser.parse_args(arguments)


async def _serve(name: str, app: App, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    def announce() -> None:
        sys.stdout.write(f"{name} listens on http://{host}:{port}\n")
        sys.stdout.flush()

    await serve_app(app, host, port, stop=stop, on_listening=announce)
