"""The demo services and the examples as processes of their own, on free loopback ports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
from tests.support.server import free_port

READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class Service:
    """A running service."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = process
        self._http = httpx2.Client(timeout=10)

    def ask(
        self, method: str, path: str, token: str | None = None, **options: Any
    ) -> httpx2.Response:
        """One request, with this token."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return self._http.request(method, self.url + path, headers=headers, **options)

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        self._http.close()
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@contextmanager
def running(
    make_command: Callable[[int], Sequence[str]], *, environ: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """The service that `make_command(port)` starts, from when it answers to the block's end."""
    port = free_port()
    process = subprocess.Popen(
        make_command(port), stdout=subprocess.DEVNULL, env={**os.environ, **(environ or {})}
    )
    service = Service(f"http://127.0.0.1:{port}", process)
    try:
        _await_answer(service)
        yield service
    finally:
        if process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def demo_service(name: str, issuer: str, *arguments: str) -> Iterator[Service]:
    """One of the services in `lingpai_server.demo`."""

    def command(port: int) -> Sequence[str]:
        module = f"lingpai_server.demo.{name}"
        given = ("--issuer", issuer, "--port", str(port), *arguments)
        return (sys.executable, "-m", module, *given)

    with running(command) as service:
        yield service


def _await_answer(service: Service) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            service.ask("GET", "/")
        except httpx2.TransportError:
            assert service.process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service was not ready in time"
            time.sleep(0.01)
        else:
            return
