"""What an import adds to a program that has `cryptography` already. One fresh process a sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

from bench.measure import Effort, ratio, summarise
from bench.record import Figure, Target, make_figure

UNIT = "ms"
LIMIT_MS = 60
BASE: Final = "cryptography.hazmat.primitives.asymmetric.ec"
MODULES = {
    "Lingpai": "lingpai",
    "PyJWT": "jwt",
    "joserfc": "joserfc.jwt",
    "python-jose": "jose.jwt",
    "jwcrypto": "jwcrypto.jwt",
    "Authlib": "authlib.jose",
    "oxyjwt": "oxyjwt",
}
FIGURE = "import"

# CPU time, and without the caller's folder and environment, so that each starts alike.
_PROGRAM = """
import {base}
from time import process_time
started = process_time()
import {module}
print((process_time() - started) * 1000)
"""


def measure(
    effort: Effort, on_round: Callable[[int], None] = lambda _: None
) -> dict[str, list[float]]:
    """Milliseconds by library, one a round; a library that is not installed is left out."""
    found: dict[str, list[float]] = {
        peer: [] for peer, module in MODULES.items() if _import(module) is not None
    }
    for number in range(effort.rounds):
        for peer, values in found.items():
            took = _import(MODULES[peer])
            if took is not None:
                values.append(took)
        on_round(number + 1)
    return found


def make_figures(measured: dict[str, list[float]]) -> list[Figure]:
    """One figure a library."""
    ours = measured["Lingpai"]
    return [
        make_figure(FIGURE, peer, UNIT, summarise(values), ratio(values, ours))
        for peer, values in measured.items()
    ]


def check_targets(measured: dict[str, list[float]]) -> list[Target]:
    """The library's promise to programs that start often."""
    took = summarise(measured["Lingpai"]).median
    aim = f"under {LIMIT_MS} ms on top of {BASE}"
    value = float(f"{took:.3g}")
    return [Target(name="import lingpai", value=value, unit=UNIT, aim=aim, met=took < LIMIT_MS)]


def _import(module: str) -> float | None:
    program = _PROGRAM.format(base=BASE, module=module)
    command = [sys.executable, "-I", "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return float(done.stdout) if done.returncode == 0 else None
