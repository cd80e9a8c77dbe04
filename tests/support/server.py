"""A real `lingpai serve` in a process of its own, on a free loopback port, and its command line.

Started with `serving`, which waits until it is ready and stops it in the end, by its process id.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.005

# tests want to see what is done with passwords, not how long that takes
FAST_PASSWORDS = {
    "LINGPAI_PASSWORDS__MEMORY_KIB": "8192",
    "LINGPAI_PASSWORDS__ITERATIONS": "1",
}
_COMMAND = (sys.executable, "-m", "lingpai_server.cli.app")


@dataclass
class Server:
    """A running server. `url` is its issuer; `output` is all it wrote to standard output."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    stdout: Path
    stderr: Path
    ready_seconds: float

    @property
    def output(self) -> str:
        """Standard output so far."""
        return self.stdout.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """Standard error so far."""
        return self.stderr.read_text(encoding="utf-8")

    def worker_pids(self) -> list[int]:
        """The processes that the server itself has started."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def kill(self) -> None:
        """SIGKILL to all of its processes: nobody gets to finish anything."""
        workers = self.worker_pids()
        self.process.kill()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=STOP_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send one signal; the exit code, and the seconds until it ended."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=STOP_SECONDS)
        return code, time.monotonic() - started


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(
    folder: Path,
    *,
    port: int | None = None,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = FAST_PASSWORDS,
) -> Server:
    """Start a server on `folder`/data and wait until it says that it is ready."""
    number = free_port() if port is None else port
    folder.mkdir(parents=True, exist_ok=True)
    stdout, stderr = folder / f"stdout-{number}", folder / f"stderr-{number}"
    data = folder / "data"
    started = time.monotonic()
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            [*_COMMAND, "serve", "--port", str(number), "--data", str(data), *arguments],
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            env=_environment(environ),
            cwd=folder,
        )
    server = Server(process, f"http://127.0.0.1:{number}", data, stdout, stderr, 0.0)
    _await_ready(server, deadline=started + READY_SECONDS)
    server.ready_seconds = time.monotonic() - started
    return server


@contextmanager
def serving(
    folder: Path,
    *,
    port: int | None = None,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = FAST_PASSWORDS,
) -> Iterator[Server]:
    """The same, stopped at the end of the block."""
    server = start(folder, port=port, arguments=arguments, environ=environ)
    try:
        yield server
    finally:
        try:
            server.stop()
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
            raise


def command(
    *arguments: str, data: Path | None, stdin: str = "", environ: Mapping[str, str] = FAST_PASSWORDS
) -> subprocess.CompletedProcess[str]:
    """Run one `lingpai` command to its end."""
    where = () if data is None else ("--data", str(data))
    return subprocess.run(
        [*_COMMAND, *arguments, *where],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=_environment(environ),
        cwd=None if data is None or not data.parent.is_dir() else data.parent,
    )


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without settings that the developer's shell may hold."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LINGPAI_")}
    return kept | {"NO_COLOR": "1", "PYTHONUTF8": "1"} | dict(more)


def _await_ready(server: Server, *, deadline: float) -> None:
    while "lingpai is ready" not in server.output:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended: {server.log}")
        if time.monotonic() > deadline:
            server.process.kill()
            server.process.wait()
            raise AssertionError(f"the server was not ready in time: {server.log}")
        time.sleep(_LOOK_SECONDS)
