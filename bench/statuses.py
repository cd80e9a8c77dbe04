"""What a status costs a verifier: time on the road of most requests, memory for ten million users.

Time is that of a token that was seen before, with and without a status, side by side. Memory is
that of all the lists which so many grants need, a hundredth of them revoked.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

from bench.measure import Effort, Samples, Task, difference, run_rounds, summarise
from bench.record import Figure, Target, make_figure
from bench.tokens import OURS
from lingpai.jwt.status_list import Status, StatusList, StatusListToken
from lingpai.testing import FakeIssuer
from lingpai.verifier.status_view import StatusView
from lingpai_server.core.slots import LIST_SIZE

GROUP = "verify again"
PLAIN, CHECKED, FULL_CHECK = "no status", "status checked", "status, scope and permission checked"
GRANTS, REVOKED, FILL = 10_000_000, 0.01, 0.75
STATUS_LIMIT_US, AGAIN_LIMIT_US, MEMORY_LIMIT_MB = 0.2, 0.8, 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Microseconds a call, one a round; bytes of `lists` lists."""

    samples: Samples
    memory_bytes: int
    lists: int


def measure(
    effort: Effort, *, quick: bool, on_round: Callable[[int], None] = lambda _: None
) -> Measured:
    """Both."""
    lists = round((GRANTS / 100 if quick else GRANTS) / FILL / LIST_SIZE) + 1
    with FakeIssuer() as plain, FakeIssuer(with_statuses=True) as checked:
        samples = run_rounds(_tasks(plain, checked), effort, on_round)
    return Measured(samples, _hold(lists), lists)


def make_figures(measured: Measured) -> list[Figure]:
    """The calls, the difference, the memory."""
    samples = measured.samples
    calls = [
        make_figure(f"{GROUP}, {name}", OURS, "µs", summarise(samples[GROUP, name]))
        for name in (PLAIN, CHECKED, FULL_CHECK)
    ]
    held = measured.memory_bytes / 1e6
    note = f"{measured.lists} lists of {LIST_SIZE:,}, {REVOKED:.0%} revoked"
    return [
        *calls,
        make_figure("the status check", OURS, "µs", difference(*_pair(samples))),
        make_figure("the lists of ten million grants", OURS, "MB", summarise([held]), note=note),
    ]


def check_targets(measured: Measured) -> list[Target]:
    """What the road of most requests may cost."""
    cost = difference(*_pair(measured.samples)).median
    again = summarise(measured.samples[GROUP, CHECKED]).median
    held = measured.memory_bytes / 1e6
    return [
        _target("the status check", cost, "µs", STATUS_LIMIT_US),
        _target(f"{GROUP}, {CHECKED}", again, "µs", AGAIN_LIMIT_US),
        _target("the lists of ten million grants", held, "MB", MEMORY_LIMIT_MB),
    ]


def _pair(samples: Samples) -> tuple[list[float], list[float]]:
    return samples[GROUP, CHECKED], samples[GROUP, PLAIN]


def _target(name: str, value: float, unit: str, limit: float) -> Target:
    return Target(
        name=name,
        value=round(value, 3),
        unit=unit,
        aim=f"under {limit:g} {unit}",
        met=value < limit,
    )


def _tasks(plain: FakeIssuer, checked: FakeIssuer) -> list[Task]:
    without, checking = plain.verifier(), checked.verifier()
    scopes, permissions = frozenset({"orders:read"}), frozenset({"orders:refund"})
    tokens = [issuer.token(scopes=scopes, permissions=permissions) for issuer in (plain, checked)]
    without.verify(tokens[0])
    checking.verify(tokens[1])

    def require(raw: str) -> object:
        return checking.verify(raw, scopes=scopes, permissions=permissions)

    return [
        Task(GROUP, PLAIN, without.verify, tokens[0]),
        Task(GROUP, CHECKED, checking.verify, tokens[1]),
        Task(GROUP, FULL_CHECK, require, tokens[1]),
    ]


def _hold(count: int) -> int:
    """Bytes that a view needs more with so many lists in it."""
    dice = random.Random(1)  # noqa: S311 - which slots are revoked is no secret
    tracemalloc.start()
    view = StatusView()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(count):
        revoked = dice.sample(range(LIST_SIZE), round(LIST_SIZE * REVOKED))
        uri = f"https://id.example/status-lists/0123456789abcdef-{number}"
        statuses = StatusList.zeros(LIST_SIZE, bits=2).changed(
            dict.fromkeys(revoked, Status.INVALID)
        )
        token = StatusListToken(uri, statuses, 0.0, 3600.0, 60.0, {})
        view.take(token, as_of=0.0, due_at=60.0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return after - before
