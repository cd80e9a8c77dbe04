"""The issuer as a process: start to ready, memory at rest, tokens a second. On loopback only."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.cache import read_rss_bytes
from bench.load import HOST, Load, Order
from bench.measure import Spread, summarise
from bench.record import Figure, Target, make_figure

ISSUER = "Lingpai"
ROOT = Path(__file__).parent.parent
# Of one user no more than four: the throttle lets five logins be under way at once.
CONNECTIONS = {"client_credentials": 16, "refresh_token": 16, "login": 4}
READY_LIMIT_SECONDS = 1.0
MEMORY_LIMIT_MB = 100
_RESOURCE = "https://notes.demo.example"
_CLIENT, _USER = "bench-job", "bench-user"
_LINGPAI = (sys.executable, "-m", "lingpai_server.cli.app")
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How often and how long."""

    starts: int
    repeats: int
    seconds: float
    warm_up_seconds: float


FULL = Plan(starts=7, repeats=5, seconds=3.0, warm_up_seconds=0.5)
QUICK = Plan(starts=1, repeats=1, seconds=1.0, warm_up_seconds=0.1)


@dataclass(slots=True)
class Served:
    """What was measured. Memory is in bytes, times in seconds."""

    first_starts: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    idle_bytes: list[float] = field(default_factory=list)
    loaded_bytes: list[float] = field(default_factory=list)
    processes: int = 0
    loads: dict[str, list[Load]] = field(default_factory=dict)


def measure(plan: Plan, on_round: Callable[[int], None] = lambda _: None) -> Served:
    """Start it some times, on a new folder and on one that exists, then load it."""
    served = Served()
    with tempfile.TemporaryDirectory(prefix="lingpai-bench-") as name:
        folder = Path(name)
        for number in range(plan.starts):
            served.first_starts.append(_time_start(folder / f"new-{number}", served))
            served.starts.append(_time_start(folder / "new-0", served))
            on_round(number + 1)
        _load(folder / "new-0", plan, served, lambda done: on_round(plan.starts + done))
    return served


def count_rounds(plan: Plan) -> int:
    """How often `on_round` is called."""
    return plan.starts + plan.repeats


def make_figures(served: Served) -> list[Figure]:
    """Starts, memory and rates."""
    figures = [
        _figure("start to ready, new data folder", "s", served.first_starts),
        _figure("start to ready", "s", served.starts),
        _figure("memory when idle", "MB", _megabytes(served.idle_bytes), _count(served)),
        _figure("memory after the load", "MB", _megabytes(served.loaded_bytes), _count(served)),
    ]
    for scenario, loads in served.loads.items():
        median, worst = (
            summarise([load.median_ms for load in loads]).median,
            summarise([load.p99_ms for load in loads]).median,
        )
        note = (
            f"{CONNECTIONS[scenario]} connections; {median:.1f} ms, 99 % under {worst:.1f} ms;"
            f" {sum(load.failed for load in loads)} failed"
        )
        figures.append(_figure(scenario, "a second", [load.rate for load in loads], note))
    return figures


def check_targets(served: Served) -> list[Target]:
    """What a first impression depends on."""
    ready = summarise(served.starts).median
    memory = summarise(_megabytes(served.idle_bytes)).median
    return [
        Target(
            name="start to ready",
            value=round(ready, 2),
            unit="s",
            aim=f"under {READY_LIMIT_SECONDS:g} s",
            met=ready < READY_LIMIT_SECONDS,
        ),
        Target(
            name="memory when idle",
            value=round(memory, 1),
            unit="MB",
            aim=f"under {MEMORY_LIMIT_MB} MB, all processes together",
            met=memory < MEMORY_LIMIT_MB,
        ),
    ]


def _figure(name: str, unit: str, values: list[float], note: str = "") -> Figure:
    spread = summarise(values) if values else Spread(0, 0, 0)
    return make_figure(name, ISSUER, unit, spread, note=note)


def _megabytes(values: list[float]) -> list[float]:
    return [value / 1e6 for value in values]


def _count(served: Served) -> str:
    return f"{served.processes} process{'' if served.processes == 1 else 'es'}"


# --- the server ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is ready."""

    pid: int
    port: int
    ready_seconds: float


@contextmanager
def serving(data: Path) -> Iterator[Running]:
    """A server on a free port, stopped in the end. Raises RuntimeError if it does not start."""
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [*_LINGPAI, "serve", "--port", str(port), "--data", str(data)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
        cwd=data.parent,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("lingpai is ready"):
                yield Running(process.pid, port, time.perf_counter() - started)
                return
        raise RuntimeError("the server did not start")
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _time_start(data: Path, served: Served) -> float:
    with serving(data) as running:
        time.sleep(_SETTLE_SECONDS)  # at rest is after what a start leaves to do
        pids = find_processes(running.pid)
        served.idle_bytes.append(sum(read_rss_bytes(pid) for pid in pids))
        served.processes = len(pids)
        return running.ready_seconds


def find_processes(pid: int) -> list[int]:
    """A process and all that descend from it (Linux)."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += find_processes(int(child))
    return found


# --- the load -----------------------------------------------------------------------------------


def _load(data: Path, plan: Plan, served: Served, on_round: Callable[[int], None]) -> None:
    password = secrets.token_urlsafe(18)
    run_command(data, "user", "create", _USER, "--password-stdin", stdin=password)
    made = run_command(
        data, "client", "create", _CLIENT, "--confidential", "--api", _RESOURCE, "--json"
    )
    secret = json.loads(made)["client_secret"]
    with serving(data) as running:
        login = {"username": _USER, "password": password}
        client = {"client_id": _CLIENT, "client_secret": secret, "resource": _RESOURCE}
        for number in range(plan.repeats):
            for scenario, count in CONNECTIONS.items():
                chosen = [_seed(scenario, running.port, client, login) for _ in range(count)]
                order = Order(scenario, running.port, chosen, plan.seconds, plan.warm_up_seconds)
                served.loads.setdefault(scenario, []).append(generate(order))
            on_round(number + 1)
        pids = find_processes(running.pid)
        served.loaded_bytes.append(sum(read_rss_bytes(pid) for pid in pids))


def _seed(
    scenario: str, port: int, client: dict[str, str], login: dict[str, str]
) -> dict[str, str]:
    """What one connection begins with."""
    if scenario == "refresh_token":
        return {"refresh_token": _log_in(port, login)}
    return client if scenario == "client_credentials" else login


def generate(order: Order) -> Load:
    """Put the load in a process of its own; what came of it."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(order),
        capture_output=True,
        check=True,
        timeout=120,
        cwd=ROOT,
    )
    return msgspec.json.decode(done.stdout, type=Load)


def _log_in(port: int, login: dict[str, str]) -> str:
    body = json.dumps({**login, "client_id": "demo-app", "resource": _RESOURCE}).encode()
    request = urllib.request.Request(
        f"http://{HOST}:{port}/login", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
        members: dict[str, Any] = json.load(answer)
    token: str = members["refresh_token"]
    return token


def run_command(data: Path, *arguments: str, stdin: str = "") -> str:
    """One `lingpai` command on that data folder; what it printed."""
    done = subprocess.run(
        [*_LINGPAI, *arguments, "--data", str(data)],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=_environment(),
        cwd=data.parent,
    )
    return done.stdout


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LINGPAI_")}


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
