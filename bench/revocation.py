"""From an administrator's click to the refusal at the last verifier; from a grant to its use.

The click is a request to the issuer, so its commit is part of the time. Each verifier follows the
issuer's stream by itself, as it would in a service of its own; they share processes where there are
more than twenty, since a machine with two cores has no room for as many services.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import msgspec

from bench.load import HOST
from bench.measure import summarise
from bench.record import Figure, Target, make_figure
from bench.server import ISSUER, ROOT, free_port, run_command, serving
from bench.verifiers import ARMED, ROUND_SECONDS, Crowd
from lingpai.client import Refresh, TokenSource
from lingpai.client.credentials import ClientCredential
from lingpai.client.httpx2_auth import TokenAuth
from lingpai_server.core.effects import AssignRole, RemoveRole
from lingpai_server.main import DATABASE_FILE_NAME
from lingpai_server.storage.sqlite import SqliteStore

AUDIENCE = "https://orders.demo.example"
CLIENT, USER, ROLE, PERMISSION = "demo-app", "bench-user", "manager", "orders:refund"
PROCESSES = 20
CLICK_LIMIT_MS, CLICK_CROWD = 25.0, 200
GRANT_LIMIT_MS = 150.0
SLOWEST = ", 99 %"
CLICK, GRANT = "click to refusal at the last verifier", "grant to the first accepted request"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rounds with each crowd, and rounds of grants."""

    crowds: dict[int, int]
    grants: int


CROWDS = {1: 100, 20: 100, 200: 100, 1000: 20}  # rounds, by how many verifiers there are
FULL = Plan(crowds=CROWDS, grants=100)
QUICK = Plan(crowds={1: 3, 20: 3}, grants=3)


@dataclass(slots=True)
class Measured:
    """Milliseconds, one a round."""

    clicks: dict[int, list[float]] = field(default_factory=dict)
    grants: list[float] = field(default_factory=list)


def measure(plan: Plan, on_round: Callable[[int], None] = lambda _: None) -> Measured:
    """Every crowd in turn, then the grants."""
    measured = Measured()
    done = 0
    with tempfile.TemporaryDirectory(prefix="lingpai-bench-") as name, ExitStack() as stack:
        data = Path(name) / "data"
        password = secrets.token_urlsafe(18)
        run_command(data, "user", "create", USER, "--password-stdin", stdin=password)
        run_command(data, "role", "put", ROLE, "--api", AUDIENCE, "--permission", PERMISSION)
        running = stack.enter_context(serving(data))
        issuer = _Issuer(running.port, password)
        for count, rounds in plan.crowds.items():
            with _crowd(issuer.url, count) as crowd:
                for _ in range(rounds):
                    measured.clicks.setdefault(count, []).append(_click(issuer, crowd))
                    on_round(done := done + 1)
        for taken in _grant(issuer, data, plan.grants):
            measured.grants.append(taken)
            on_round(done := done + 1)
    return measured


def count_rounds(plan: Plan) -> int:
    """How often `on_round` is called."""
    return sum(plan.crowds.values()) + plan.grants


# --- the click ------------------------------------------------------------------------------------


class _Issuer:
    """Asks the server over one connection that is kept."""

    def __init__(self, port: int, password: str) -> None:
        self.url = f"http://{HOST}:{port}"
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)
        self._login = {"username": USER, "password": password, "client_id": CLIENT}

    def log_in(self) -> tuple[str, str]:
        """An access token and a refresh token, of a new session."""
        members = self._post("/login", json.dumps({**self._login, "resource": AUDIENCE}), "json")
        return members["access_token"], members["refresh_token"]

    def revoke(self, refresh_token: str) -> None:
        """End the session."""
        self._post("/revoke", urlencode({"token": refresh_token, "client_id": CLIENT}))

    def _post(self, path: str, body: str, kind: str = "x-www-form-urlencoded") -> dict[str, str]:
        self._connection.request("POST", path, body, {"content-type": f"application/{kind}"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered with {answer.status}: {content[:200]!r}")
        members: dict[str, str] = json.loads(content) if content else {}
        return members


@contextmanager
def _crowd(issuer: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Verifiers in at most PROCESSES processes, ended with the block."""
    started: list[subprocess.Popen[str]] = []
    processes = min(count, PROCESSES)
    try:
        for _ in range(processes):
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.verifiers"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
            started.append(process)
            _tell(
                process, msgspec.json.encode(Crowd(issuer, AUDIENCE, count // processes)).decode()
            )
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()


def _click(issuer: _Issuer, crowd: list[subprocess.Popen[str]]) -> float:
    access, refresh = issuer.log_in()
    for process in crowd:
        _tell(process, access)
    for process in crowd:
        if _hear(process) != ARMED:
            raise RuntimeError("a verifier did not accept the token")
    clicked = time.monotonic()
    issuer.revoke(refresh)
    last = max(max(msgspec.json.decode(_hear(process), type=list[float])) for process in crowd)
    return (last - clicked) * 1000


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError("a process of verifiers has ended")
    return line


# --- the grant ------------------------------------------------------------------------------------


def _grant(issuer: _Issuer, data: Path, rounds: int) -> Iterator[float]:
    """A role is given; how long until a request that needs it passes. Nobody logs in anew: the
    service says that the token is stale, and the client refreshes it and asks again."""
    _, refresh = issuer.log_in()
    source = TokenSource(issuer=issuer.url, client=ClientCredential(CLIENT), grant=Refresh(refresh))
    with (
        _orders(issuer.url) as orders,
        httpx2.Client(base_url=orders, auth=TokenAuth(source), timeout=30) as http,
        asyncio.Runner() as runner,
    ):
        store = SqliteStore.open(data / DATABASE_FILE_NAME)
        try:
            user = runner.run(store.load_user(USER))
            if user is None:
                raise RuntimeError("the user is gone")
            granting = [AssignRole("user", user.user_id, AUDIENCE, ROLE)]
            taking = [RemoveRole("user", user.user_id, AUDIENCE, ROLE)]
            _await_answer(http, 403)
            for _ in range(rounds):
                granted = time.monotonic()
                runner.run(store.apply(granting))
                _await_answer(http, 200)
                yield (time.monotonic() - granted) * 1000
                runner.run(store.apply(taking))
                _await_answer(http, 403)
        finally:
            runner.run(store.close())


@contextmanager
def _orders(issuer: str) -> Iterator[str]:
    """The Orders service of the demo in a process of its own."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "lingpai_server.demo.orders"),
            *("--issuer", issuer, "--port", str(port)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        if not any("listens" in line for line in process.stdout):
            raise RuntimeError("the service did not start")
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _await_answer(http: httpx2.Client, status: int) -> None:
    """Ask for a refund again and again until it is answered like that."""
    deadline = time.monotonic() + ROUND_SECONDS
    while http.post("/orders/refund", json={"order_id": "1001"}).status_code != status:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no request was answered with {status}")


# --- figures --------------------------------------------------------------------------------------


def make_figures(measured: Measured) -> list[Figure]:
    """Of each crowd, and of the grants."""
    named = {name_crowd(count): taken for count, taken in measured.clicks.items()}
    return [
        figure
        for name, taken in {**named, GRANT: measured.grants}.items()
        for figure in _figures(name, taken)
    ]


def name_crowd(count: int) -> str:
    """What the figure of a crowd is called."""
    return f"{CLICK}, {count:,} verifier{'' if count == 1 else 's'}"


def check_targets(measured: Measured) -> list[Target]:
    """How soon a change is true everywhere."""
    wanted = {GRANT: (measured.grants, GRANT_LIMIT_MS)}
    if CLICK_CROWD in measured.clicks:
        wanted[name_crowd(CLICK_CROWD)] = (measured.clicks[CLICK_CROWD], CLICK_LIMIT_MS)
    return [
        Target(
            name=f"{name}{SLOWEST}",
            value=round(slowest(taken), 1),
            unit="ms",
            aim=f"under {limit:g} ms",
            met=slowest(taken) < limit,
        )
        for name, (taken, limit) in wanted.items()
    ]


def slowest(taken: list[float]) -> float:
    """The 99th percentile; of fewer than a hundred, the greatest."""
    return sorted(taken)[max(0, -(-len(taken) * 99 // 100) - 1)]


def _figures(name: str, taken: list[float]) -> list[Figure]:
    """What is usual, and what one in a hundred waits for."""
    note = f"the slowest of {len(taken)}: {max(taken):.1f} ms"
    return [
        make_figure(name, ISSUER, "ms", summarise(taken), note=note),
        make_figure(f"{name}{SLOWEST}", ISSUER, "ms", summarise([slowest(taken)])),
    ]
