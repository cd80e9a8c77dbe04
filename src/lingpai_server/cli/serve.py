"""`lingpai serve`: start, say where, serve, stop."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lingpai_server.cli.options import EXIT_REFUSED, ConfigFile, Data, read_config
from lingpai_server.cli.printing import print_first_start

if TYPE_CHECKING:
    from lingpai_server.config.model import Config

LOG = logging.getLogger("lingpai.serve")


def serve(
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="The port to listen on.")] = None,
    data: Data = None,
    config: ConfigFile = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Serving processes.")] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            "--tls-certificate", metavar="FILE", help="Serve https with this chain (PEM)."
        ),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key (PEM).")
    ] = None,
) -> None:
    """Serve until Ctrl-C. The first start makes keys, an administrator and a demo."""
    from lingpai_server.config.logs import set_up_log

    # what is imported to serve stays for good: looking for garbage among it is a tenth of the start
    gc.disable()
    options = {
        "server.host": host,
        "server.port": port,
        "server.workers": workers,
        "server.tls_certificate_file": None if tls_certificate is None else str(tls_certificate),
        "server.tls_key_file": None if tls_key is None else str(tls_key),
    }
    given: dict[str, object] = {k: v for k, v in options.items() if v is not None}
    loaded = read_config(config, data, given)
    server = loaded.config.server
    set_up_log(level=server.log_level, form=server.log_format)
    for warning in loaded.warnings:
        LOG.warning(warning)
    _leave(_serve(loaded.config))


def _serve(config: Config) -> int:
    from lingpai_server.http.serving import CannotListen, check_free
    from lingpai_server.main import StartError

    try:
        check_free(config.server.host, config.server.port)
        if config.server.workers == 1:
            return _serve_here(config)
        from lingpai_server.cli.workers import serve_with_workers

        return serve_with_workers(config, os.environ)
    except (CannotListen, StartError) as error:
        sys.stderr.write(f"lingpai: {error}\n")
        return EXIT_REFUSED


def _serve_here(config: Config) -> int:
    import asyncio

    from lingpai_server import main

    asyncio.run(
        main.serve(
            config,
            os.environ,
            on_first_start=print_first_start,
            on_listening=lambda: announce(config),
        )
    )
    return 0


def announce(config: Config) -> None:
    """One line for people, and for scripts that wait for it."""
    gc.enable()
    sys.stdout.write(f"lingpai is ready: {config.server.issuer}  (Ctrl-C stops it)\n")
    sys.stdout.flush()


def _leave(code: int) -> NoReturn:
    """End at once. Everything of ours is closed; a thread of the HTTP server may still be on its
    way out, and would fault if it met an interpreter that is being taken down."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
