"""Interleaved rounds: what is compared runs close together in time, many times. Knows no tokens.

A sample is CPU time of this process, so that a busy machine disturbs it less; a ratio is taken
within each round and its median is reported, so that what slows one side slows the other too.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import process_time_ns
from typing import Any

MIN_ROUNDS = 30
_WARM_UP_CALLS = 3


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to time: `call(argument)`, compared with the others of its group."""

    group: str
    peer: str
    call: Callable[[Any], object]
    argument: Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of what was measured."""

    median: float
    low: float
    high: float


Samples = dict[tuple[str, str], list[float]]
"""Microseconds a call, one for each round, by group and peer."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: rounds, and CPU seconds of one sample."""

    rounds: int
    sample_seconds: float


FULL = Effort(rounds=31, sample_seconds=0.010)
QUICK = Effort(rounds=3, sample_seconds=0.0005)


def run_rounds(
    tasks: Sequence[Task], effort: Effort, on_round: Callable[[int], None] = lambda _: None
) -> Samples:
    """Microseconds a call for each task and round. Each round runs every group in a new order."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.group, []).append(task)
    loops = {id(task): _find_loops(task, effort.sample_seconds) for task in tasks}
    samples: Samples = {(task.group, task.peer): [] for task in tasks}
    for number in range(effort.rounds):
        gc.collect()
        for group in groups.values():
            for task in _reorder(group, number):
                samples[task.group, task.peer].append(_sample(task, loops[id(task)]))
        on_round(number + 1)
    return samples


def summarise(values: Sequence[float]) -> Spread:
    """Median and quartiles; of a single value, three times the same."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratio(of: Sequence[float], to: Sequence[float]) -> Spread:
    """How many times as large, round by round."""
    return summarise([a / b for a, b in zip(of, to, strict=True)])


def difference(of: Sequence[float], to: Sequence[float]) -> Spread:
    """How much more, round by round."""
    return summarise([a - b for a, b in zip(of, to, strict=True)])


def _reorder(group: list[Task], number: int) -> list[Task]:
    """Nobody always runs first, nor always after the same one."""
    shift = number % len(group)
    rotated = group[shift:] + group[:shift]
    return rotated[::-1] if number // len(group) % 2 else rotated


def _find_loops(task: Task, seconds: float) -> int:
    for _ in range(_WARM_UP_CALLS):
        task.call(task.argument)
    loops = 1
    while (took := _sample(task, loops) * loops / 1e6) < seconds / 2:
        loops *= 2
    return max(1, round(loops * seconds / took))


def _sample(task: Task, loops: int) -> float:
    call, argument = task.call, task.argument
    gc.disable()
    try:
        started = process_time_ns()
        for _ in repeat(None, loops):
            call(argument)
        return max(1, process_time_ns() - started) / loops / 1000
    finally:
        gc.enable()
