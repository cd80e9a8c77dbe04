"""Where the demo plays: an issuer and two services, each a process, in a temporary folder.

Whatever happens, the processes are stopped and the folder is removed. Knows no step of the walk.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any
from urllib.parse import urlencode

import urllib3

from lingpai_server.demo.scenes import Answer, Command, WalkFailed

READY_SECONDS = 30.0
STOP_SECONDS = 8.0
_LOOK_SECONDS = 0.01
_LINGPAI = (sys.executable, "-m", "lingpai_server.cli.app")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns the signals that end a program into KeyboardInterrupt, but not in the middle of what
    must be finished: a process that was just started, or the clearing up."""

    def __init__(self) -> None:
        self._held = 0
        self._came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        if not self._held:
            raise KeyboardInterrupt

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signals here for as long as the block runs."""
        before = {number: signal.signal(number, self) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let a signal wait until the block is done."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._came and not self._held:
            raise KeyboardInterrupt


class Stage:
    """The running services, and the means to ask them."""

    def __init__(self, folder: Path, interrupts: Interrupts) -> None:
        self.folder = folder
        self.data = folder / "data"
        ports = _free_ports(3)
        self.issuer, self.orders, self.notes = (f"http://127.0.0.1:{port}" for port in ports)
        self._interrupts = interrupts
        self._http = urllib3.PoolManager(retries=False, timeout=30)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._files: list[IO[bytes]] = []

    # --- processes ----------------------------------------------------------------------------

    def start_issuer(self) -> float:
        """Start it and wait until it is ready; the seconds that took."""
        port = self.issuer.rpartition(":")[2]
        command = (*_LINGPAI, "serve", "--port", port, "--data", str(self.data))
        return self._start("issuer", command, "lingpai is ready")

    def start_services(self) -> float:
        """Start both and wait until they listen; the seconds that took."""
        started = time.perf_counter()
        for name, url in (("orders", self.orders), ("notes", self.notes)):
            module, port = f"lingpai_server.demo.{name}", url.rpartition(":")[2]
            command = (sys.executable, "-m", module, "--issuer", self.issuer, "--port", port)
            self._launch(name, command)
        for name in ("orders", "notes"):
            self._await_ready(name, f"{name} listens")
        return time.perf_counter() - started

    def stop(self, name: str) -> None:
        """Ask one process to stop, and wait; insist if it does not."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop all processes, the services first; nothing interrupts it."""
        for process in self._processes.values():
            process.terminate()
        for name in reversed(list(self._processes)):
            self.stop(name)
        for file in self._files:
            file.close()
        self._http.clear()

    def _start(self, name: str, command: Sequence[str], ready: str) -> float:
        started = time.perf_counter()
        self._launch(name, command)
        self._await_ready(name, ready)
        return time.perf_counter() - started

    def _launch(self, name: str, command: Sequence[str]) -> None:
        out, log = ((self.folder / f"{name}.{kind}").open("wb") for kind in ("out", "log"))
        self._files += (out, log)
        with self._interrupts.held():
            self._processes[name] = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                cwd=self.folder,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for us: we stop them in order
            )

    def _await_ready(self, name: str, words: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        output = self.folder / f"{name}.out"
        while words not in output.read_text(encoding="utf-8"):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise WalkFailed(f"{name} did not start: {self.read_log(name)[-2000:]}")
            time.sleep(_LOOK_SECONDS)

    # --- asking -------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json_body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. Raises WalkFailed if nobody answers."""
        body, kind = _encode(json_body, form)
        sent = {**({} if kind is None else {"content-type": kind}), **(headers or {})}
        started = time.perf_counter()
        try:
            response = self._http.request(method, url, body=body, headers=sent, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise WalkFailed(f"{method} {url}: {error}") from error
        seconds = time.perf_counter() - started
        received = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, received, _read_json(response.data), seconds)

    def run(self, *arguments: str, stdin: str = "") -> Command:
        """One `lingpai` command on the issuer's folder. Raises WalkFailed if it fails."""
        started = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own command
            [*_LINGPAI, *arguments, "--data", str(self.data)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_SECONDS,
            cwd=self.folder,
            env=_environment(),
        )
        seconds = time.perf_counter() - started
        line = f"lingpai {' '.join(arguments)}"
        if done.returncode != 0:
            raise WalkFailed(f"{line}: {done.stderr.strip()}")
        return Command(line, done.stdout.strip(), seconds)

    def issuer_requests(self) -> int:
        """How many requests the issuer has answered, by its own access log."""
        return self.read_log("issuer").count("lingpai.access")

    def read_log(self, name: str) -> str:
        """What a process wrote to its log so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")


@contextmanager
def open_stage(interrupts: Interrupts) -> Iterator[Stage]:
    """An empty stage, cleared at the end of the block whatever happened on it."""
    with ExitStack() as stack:
        with interrupts.held():
            folder = Path(tempfile.mkdtemp(prefix="lingpai-demo-"))
            stage = Stage(folder, interrupts)
            stack.callback(_clear, stage, interrupts)
        yield stage


def _clear(stage: Stage, interrupts: Interrupts) -> None:
    with interrupts.held():
        stage.close()
        shutil.rmtree(stage.folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Ours without settings for another Lingpai; the issuer logs each request, to be counted."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LINGPAI_")}
    return kept | {"LINGPAI_SERVER__ACCESS_LOG": "true", "PYTHONUTF8": "1", "NO_COLOR": "1"}


def _free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on, each another one."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _encode(
    json_body: Mapping[str, Any] | None, form: Mapping[str, str] | None
) -> tuple[bytes | None, str | None]:
    """The body and its content type."""
    if json_body is not None:
        return json.dumps(json_body).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode("ascii"), "application/x-www-form-urlencoded"
    return None, None


def _read_json(body: bytes) -> dict[str, object]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
