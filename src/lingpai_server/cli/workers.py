"""Several processes that serve one port, and the one that minds them. Answers no request itself.

The kernel shares the connections among them. A worker that dies is replaced; if the one that minds
them dies, they stop.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess

from lingpai_server import main
from lingpai_server.cli.printing import print_first_start
from lingpai_server.cli.serve import announce
from lingpai_server.config.model import Config
from lingpai_server.http import app as _preloaded  # noqa: F401 - workers share its memory
from lingpai_server.http.serving import CannotListen

LOG = logging.getLogger("lingpai.workers")

STOP_SECONDS = 5.0
_SETTLED_SECONDS = 5.0  # a worker that dies sooner would only die again
_TICK_SECONDS = 0.1


def serve_with_workers(config: Config, environ: Mapping[str, str]) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. Raises StartError or CannotListen."""
    asyncio.run(_prepare(config, environ))
    minder = _Minder(config, environ)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: minder.stop())
    return minder.mind()


async def _prepare(config: Config, environ: Mapping[str, str]) -> None:
    """Fill the data folder, and learn of what is wrong with it, before there are workers."""
    async with main.opened(config, environ) as premises:
        if premises.first_start is not None:
            print_first_start(premises.first_start)
        await main.open_keys(premises)


class _Minder:
    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self._config = config
        self._environ = environ
        self._workers: dict[int, tuple[ForkProcess, float]] = {}  # by sentinel, with birth
        self._stopped_at: float | None = None
        self._failed = False
        self._announced = False

    def mind(self) -> int:
        for _ in range(self._config.server.workers):
            self._start()
        while self._workers:
            for sentinel in wait(list(self._workers), timeout=_TICK_SECONDS):
                self._bury(sentinel)  # type: ignore[arg-type]  # only integers were passed
            self._announce_once()
            self._kill_late()
        return 1 if self._failed else 0

    def stop(self) -> None:
        """Ask all to stop; a signal handler, so that it may come at any moment."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
        for worker, _ in list(self._workers.values()):
            worker.terminate()

    def _start(self) -> None:
        worker = multiprocessing.get_context("fork").Process(
            target=_work, args=(self._config, self._environ), name="lingpai-worker"
        )
        worker.start()
        self._workers[worker.sentinel] = (worker, time.monotonic())
        if self._stopped_at is not None:  # the signal came while it was being born
            worker.terminate()

    def _bury(self, sentinel: int) -> None:
        worker, born_at = self._workers.pop(sentinel)
        worker.join()
        if self._stopped_at is not None:
            return
        LOG.error("worker %s ended by itself with code %s", worker.pid, worker.exitcode)
        if time.monotonic() - born_at < _SETTLED_SECONDS:
            self._failed = True
            self.stop()
        else:
            self._start()

    def _announce_once(self) -> None:
        server = self._config.server
        if self._announced or self._stopped_at is not None:
            return
        with suppress(OSError), socket.create_connection((server.host, server.port), timeout=1):
            self._announced = True
            announce(self._config)

    def _kill_late(self) -> None:
        if self._stopped_at is None or time.monotonic() - self._stopped_at < STOP_SECONDS:
            return
        for worker, _ in self._workers.values():
            LOG.error("worker %s did not stop in time", worker.pid)
            worker.kill()


def _work(config: Config, environ: Mapping[str, str]) -> None:
    """One worker's life; it ends with its process."""
    gc.freeze()  # collecting what is shared would copy it
    gc.enable()
    for number in (signal.SIGINT, signal.SIGTERM):  # those of the parent are not for a child
        signal.signal(number, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    code = 0
    try:
        asyncio.run(
            main.serve(
                config,
                environ,
                on_first_start=lambda _: None,
                on_listening=lambda: LOG.info("worker %s serves", os.getpid()),
                lifeline=None if parent is None else parent.sentinel,
            )
        )
    except (main.StartError, CannotListen) as error:
        LOG.error("%s", error)  # noqa: TRY400 - its message says it all
        code = 1
    logging.shutdown()
    os._exit(code)
