"""How the walk sees a change arrive: services asked without a pause while an operator commands.

The moment of the change is that of its event in the audit log, which is dated a moment before both
are committed; services and issuer are on one machine, so one clock tells both. Shows no token.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lingpai_server.demo.scenes import Answer, Command, WalkFailed
from lingpai_server.demo.stage import Stage

DEADLINE_SECONDS = 30.0
PAUSE_SECONDS = 0.001  # between two calls


@dataclass(frozen=True, slots=True)
class Probe:
    """A path of a service, and the token that it is asked with."""

    service: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first answer of a service after the change: how long it took, and what it was."""

    service: str
    milliseconds: float
    answer: Answer


def watch_change(
    stage: Stage, probes: list[Probe], act: Callable[[], Command]
) -> tuple[Command, list[Arrival]]:
    """Ask every service with its token until it refuses, while `act` makes the change. What the
    command printed, and when the change had arrived. Raises WalkFailed."""
    arrivals: dict[str, tuple[float, Answer]] = {}
    watchers = [
        threading.Thread(target=_ask_until_refused, args=(stage, probe, arrivals), daemon=True)
        for probe in probes
    ]
    for watcher in watchers:
        watcher.start()
    command = act()
    for watcher in watchers:
        watcher.join(DEADLINE_SECONDS)
    changed = _time_of_last_event(stage)
    return command, [_arrive(probe.service, arrivals, changed) for probe in probes]


def _ask_until_refused(
    stage: Stage, probe: Probe, arrivals: dict[str, tuple[float, Answer]]
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    headers: Mapping[str, str] = {"authorization": f"Bearer {probe.token}"}
    while time.monotonic() < deadline:
        answer = stage.ask("GET", probe.url, headers=headers)
        if answer.status != 200:
            arrivals[probe.service] = (time.time(), answer)
            return
        time.sleep(PAUSE_SECONDS)


def _arrive(service: str, arrivals: Mapping[str, tuple[float, Answer]], changed: float) -> Arrival:
    if service not in arrivals:
        raise WalkFailed(f"the change never reached {service}")
    at, answer = arrivals[service]
    return Arrival(service, max(0.0, (at - changed) * 1000), answer)


def _time_of_last_event(stage: Stage) -> float:
    events = json.loads(stage.run("event", "list", "--limit", "10000", "--json").output)
    return datetime.fromisoformat(events[-1]["time"]).timestamp()
