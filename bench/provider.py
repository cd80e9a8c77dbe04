"""The issuer beside npm's oidc-provider: client credentials, the code flow, introspection.

One process each, the same algorithm, rounds in turn. oidc-provider keeps everything in memory;
Lingpai answers once its commit is on the disk. Loopback only.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.load import HOST, Load, Order
from bench.measure import ratio, summarise
from bench.record import Figure, Target, make_figure
from bench.server import (
    ISSUER,
    ROOT,
    Plan,
    find_processes,
    free_port,
    generate,
    run_command,
    serving,
)
from lingpai import Key, PrivateKey

PEER: Final = "oidc-provider"
ALGORITHM: Final = "ES256"
AIM = 2.5
CREDENTIALS, OPAQUE, JWT, CODES = (
    "client credentials, JWT",
    "introspection, opaque token",
    "introspection, JWT",
    "code flow",
)
FULL = Plan(starts=0, repeats=7, seconds=3.0, warm_up_seconds=0.5)
QUICK = Plan(starts=0, repeats=1, seconds=0.5, warm_up_seconds=0.1)
CONNECTIONS = {CREDENTIALS: 16, OPAQUE: 16, JWT: 16, CODES: 8}
_SCENARIOS = {
    CREDENTIALS: "client_credentials",
    OPAQUE: "introspection",
    JWT: "introspection",
    CODES: "code",
}
_RESOURCE, _OPAQUE_RESOURCE = "https://bench.example/jwt", "https://bench.example/opaque"
_SCOPE = "openid orders:read"
_CALLBACK = "http://127.0.0.1:1/callback"  # nobody listens there, and nobody goes there
_CLIENT, _APP, _USER = "bench-service", "bench-app", "bench-user"
_MEMBER = "bench/peers/oidc_provider.mjs"


@dataclass(frozen=True, slots=True)
class Side:
    """One server that is ready: what each connection of a figure begins with."""

    name: str
    port: int
    pids: list[int]
    seeds: Mapping[str, Callable[[], dict[str, str]]]


@dataclass(slots=True)
class Measured:
    """The loads of each figure and server, one a round; `missing` says why there is no peer."""

    loads: dict[str, dict[str, list[Load]]] = field(default_factory=dict)
    missing: str = ""


def measure(plan: Plan, on_round: Callable[[int], None] = lambda _: None) -> Measured:
    """Both at once, each asked in its turn. Raises RuntimeError if one does not start."""
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="lingpai-bench-") as name, ExitStack() as stack:
        sides = [stack.enter_context(_lingpai(Path(name)))]
        if shutil.which("node") and (ROOT / "tests/node_modules" / PEER).exists():
            sides.append(stack.enter_context(_oidc_provider()))
        else:
            measured.missing = "not installed: npm install in tests/"
        for number in range(plan.repeats):
            for figure, count in CONNECTIONS.items():
                turn = sides if number % 2 == 0 else sides[::-1]
                for side in (side for side in turn if figure in side.seeds):
                    seeds = [side.seeds[figure]() for _ in range(count)]
                    scenario = _SCENARIOS[figure]
                    order = Order(
                        scenario, side.port, seeds, plan.seconds, plan.warm_up_seconds, side.pids
                    )
                    loads = measured.loads.setdefault(figure, {})
                    loads.setdefault(side.name, []).append(generate(order))
            on_round(number + 1)
    return measured


def make_figures(measured: Measured) -> list[Figure]:
    """Rates, with the latencies beside them."""
    figures = []
    for figure, by_side in measured.loads.items():
        ours = [load.rate for load in by_side[ISSUER]]
        for side, loads in by_side.items():
            rates = [load.rate for load in loads]
            times = None if side == ISSUER else ratio(rates, ours)
            spread = summarise(rates)
            note = _note(figure, loads)
            figures.append(make_figure(figure, side, "a second", spread, times, note))
        if PEER not in by_side:
            lacks = measured.missing or "does not introspect JWTs"
            figures.append(Figure(figure=figure, peer=PEER, unit="a second", note=lacks))
    return figures


def check_targets(measured: Measured) -> list[Target]:
    """How much more Lingpai issues."""
    by_side = measured.loads[CREDENTIALS]
    if PEER not in by_side:
        return []
    ours, theirs = ([load.rate for load in by_side[side]] for side in (ISSUER, PEER))
    times = ratio(ours, theirs).median
    return [
        Target(
            name=f"{CREDENTIALS}, beside {PEER}",
            value=round(times, 2),
            unit="×",
            aim=f"at least {AIM:g} times as many a second",
            met=times >= AIM,
        )
    ]


def find_busiest(measured: Measured) -> float:
    """The largest share of one core that the generator took in any load: near 1, it was it that was
    measured."""
    loads = (load for sides in measured.loads.values() for side in sides.values() for load in side)
    return max(load.generator_seconds / load.seconds for load in loads)


def _note(figure: str, loads: list[Load]) -> str:
    halves, most, nearly = (
        summarise([load.median_ms for load in loads]).median,
        summarise([load.p95_ms for load in loads]).median,
        summarise([load.p99_ms for load in loads]).median,
    )
    cost = summarise([load.processor_ms for load in loads]).median
    failed = sum(load.failed for load in loads)
    return (
        f"{CONNECTIONS[figure]} connections; p50 {halves:.1f}, p95 {most:.1f}, p99 {nearly:.1f} ms;"
        f" {cost:.2f} ms of processor each; {failed} failed"
    )


# --- Lingpai ------------------------------------------------------------------------------------


@contextmanager
def _lingpai(folder: Path) -> Iterator[Side]:
    data, password = folder / "data", secrets.token_urlsafe(18)
    for resource, shape in ((_RESOURCE, "jwt"), (_OPAQUE_RESOURCE, "opaque")):
        described = ("--algorithm", ALGORITHM, "--format", shape, "--scope", "orders:read")
        run_command(data, "api", "create", resource, *described)
    apis = ("--api", _RESOURCE, "--api", _OPAQUE_RESOURCE)
    looks = ("--introspects", _RESOURCE, "--introspects", _OPAQUE_RESOURCE)
    made = run_command(
        *(data, "client", "create", _CLIENT, "--confidential", *apis, *looks, "--json"),
        *("--scope", "orders:read"),
    )
    run_command(
        *(data, "client", "create", _APP, "--first-party", "--api", _RESOURCE),
        *("--redirect-uri", _CALLBACK, "--id-token-alg", ALGORITHM),
        *(option for scope in _SCOPE.split() for option in ("--scope", scope)),
    )
    run_command(data, "user", "create", _USER, "--password-stdin", stdin=password)
    client = {"client_id": _CLIENT, "client_secret": json.loads(made)["client_secret"]}
    with serving(data) as running:
        login = {"username": _USER, "password": password}
        pids = find_processes(running.pid)
        yield _side(
            *(ISSUER, running.port, pids, client, "/introspect", "/authorize", login),
            (OPAQUE, JWT),
        )


def _side(
    name: str,
    port: int,
    pids: list[int],
    client: dict[str, str],
    introspection: str,
    authorization: str,
    login: Mapping[str, str],
    introspects: tuple[str, ...],
) -> Side:
    asked = {OPAQUE: _OPAQUE_RESOURCE, JWT: _RESOURCE}

    def look_into(figure: str) -> Callable[[], dict[str, str]]:
        token = _get_token(port, {**client, "resource": asked[figure]})
        return lambda: {**client, "path": introspection, "token": token}

    def visit() -> dict[str, str]:
        wanted = {
            "client_id": _APP,
            "redirect_uri": _CALLBACK,
            "resource": _RESOURCE,
            "scope": _SCOPE,
        }
        cookie = Visitor(port).sign_in(authorization, wanted, login)
        return {**wanted, "path": authorization, "cookie": cookie}

    return Side(
        name,
        port,
        pids,
        {
            CREDENTIALS: lambda: {**client, "resource": _RESOURCE},
            **{figure: look_into(figure) for figure in introspects},
            CODES: visit,
        },
    )


def _get_token(port: int, wanted: dict[str, str]) -> str:
    form = {"grant_type": "client_credentials", **wanted}
    told = Visitor(port).ask("POST", "/token", form, as_client=True)
    token: str = json.loads(told.body)["access_token"]
    return token


# --- oidc-provider ------------------------------------------------------------------------------


@contextmanager
def _oidc_provider() -> Iterator[Side]:
    port, key = free_port(), Key.generate(ALGORITHM)
    assert isinstance(key, PrivateKey)
    client = {"client_id": _CLIENT, "client_secret": secrets.token_urlsafe(32)}
    settings = {
        "port": port,
        "algorithm": ALGORITHM,
        "jwk": key.to_jwk(private=True),
        "client": {"id": _CLIENT, "secret": client["client_secret"]},
        "app": {"id": _APP, "redirect_uri": _CALLBACK},
    }
    process = subprocess.Popen(
        ["node", str(ROOT / _MEMBER), json.dumps(settings)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**_node_environment()},
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("oidc-provider did not start")
        pids = find_processes(process.pid)
        yield _side(PEER, port, pids, client, "/token/introspection", "/auth", {}, (OPAQUE,))
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def _node_environment() -> dict[str, str]:
    return {"PATH": str(Path(shutil.which("node") or "node").parent), "NODE_ENV": "production"}


# --- a browser, as far as a login needs one -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """One answer."""

    location: str | None
    body: bytes


class Visitor:
    """Keeps cookies, follows redirects on one origin, fills in one login form."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}

    @property
    def cookie(self) -> str:
        """The `Cookie` header."""
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def sign_in(self, path: str, wanted: Mapping[str, str], login: Mapping[str, str]) -> str:
        """Go from an authorization request to its callback; the cookies of who got there."""
        challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}
        asked = {**wanted, **challenge, "response_type": "code", "code_challenge_method": "S256"}
        told = self.ask("GET", f"{path}?{urlencode(asked)}")
        for _ in range(8):
            if told.location is None:
                told = self._fill_in(told.body.decode(), login)
            elif told.location.startswith(_CALLBACK):
                if "code" in parse_qs(urlsplit(told.location).query):
                    return self.cookie
                raise RuntimeError(told.location)
            else:
                target = urlsplit(told.location)
                told = self.ask("GET", target._replace(scheme="", netloc="").geturl())
        raise RuntimeError("the login led nowhere")

    def ask(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        as_client: bool = False,
    ) -> Told:
        """One request. Raises RuntimeError for a refusal."""
        headers = {"Cookie": self.cookie} if self._cookies else {}
        body = None
        if form is not None:
            sent = dict(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            if not as_client:
                headers["Origin"] = f"http://{HOST}:{self._port}"
            else:
                headers["Authorization"] = _basic(sent.pop("client_id"), sent.pop("client_secret"))
            body = urlencode(sent)
        connection = http.client.HTTPConnection(HOST, self._port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {urlsplit(path).path}: {answer.status}: {text[:400]!r}")
        for line in answer.headers.get_all("set-cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return Told(answer.headers["location"], text)

    def _fill_in(self, page: str, login: Mapping[str, str]) -> Told:
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
        found = re.search(r'<form[^>]*action="([^"]+)"', page)
        if found is None:
            raise RuntimeError("a page without a form")
        return self.ask("POST", found[1], {**hidden, **login})


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def find_versions() -> dict[str, str]:
    """The peer's, and that of what runs it, as they say themselves."""
    package, node = ROOT / "tests/node_modules" / PEER / "package.json", shutil.which("node")
    if node is None or not package.exists():
        return {}
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return {PEER: json.loads(package.read_text())["version"], "node": told.stdout.strip()[1:]}
