"""What a run leaves behind: figures with unit, peer and ratio, the machine and the versions.

Nothing that names a person, a host or a path goes in.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from bench.measure import Spread

RESULTS = Path(__file__).parent / "results"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value. `ratio` is the peer's value over Lingpai's; quartiles beside both.

    `value` is None where the peer cannot do it, and `note` says why.
    """

    figure: str
    peer: str
    unit: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    note: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What the project set itself to reach, and what came out. `aim` is words for people."""

    name: str
    value: float
    unit: str
    aim: str
    met: bool


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one benchmark."""

    bench: str
    finished: str
    rounds: int
    quick: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    figures: list[Figure]
    targets: list[Target] = []


def make_figure(
    figure: str, peer: str, unit: str, value: Spread, ratio: Spread | None = None, note: str = ""
) -> Figure:
    """A figure from measured spreads."""
    return Figure(
        figure=figure,
        peer=peer,
        unit=unit,
        value=_short(value.median),
        low=_short(value.low),
        high=_short(value.high),
        ratio=_short(ratio.median) if ratio else None,
        ratio_low=_short(ratio.low) if ratio else None,
        ratio_high=_short(ratio.high) if ratio else None,
        note=note,
    )


def describe_machine() -> dict[str, Any]:
    """Processor, system and interpreter, as far as they matter for a timing."""
    from cryptography.hazmat.backends.openssl.backend import backend

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "openssl": backend.openssl_version_text(),
    }


def find_versions(distributions: Sequence[str]) -> dict[str, str]:
    """The installed version of each; those that are not installed are left out."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def now_text() -> str:
    """The moment in UTC, to the second (RFC 3339)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_run(run: Run, folder: Path) -> Path:
    """Write the run as JSON, one file a run. Returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = run.finished.replace(":", "").replace("-", "")
    path = folder / f"{run.bench}-{stamp}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
    return path


def _short(value: float) -> float:
    """Four significant digits: no measurement here has more."""
    return float(f"{value:.4g}")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
