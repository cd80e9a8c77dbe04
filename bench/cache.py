"""The verified-token cache at its bound: how much memory it takes, in a process of its own.

`python -m bench.cache BYTES` is that process; it prints one JSON object.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.material import AUDIENCE, ISSUER, TYP, make_claims
from bench.measure import Spread
from bench.record import Figure, Target, make_figure
from lingpai import Key, Policy, SecretKey, sign, verify
from lingpai.verifier.token_cache import DEFAULT_MAX_BYTES, TokenCache

MIB = 1024 * 1024
_OVERFILL = 2.5  # how many times its bound goes through the cache, so that old entries leave


class Filled(msgspec.Struct, frozen=True):
    """A cache that has held all it may. `growth_bytes` is what the process grew by."""

    bound_bytes: int
    estimate_bytes: int
    growth_bytes: int
    tokens: int
    seen: int


def measure(*, quick: bool) -> Filled:
    """Fill a cache of the default bound (of a sixteenth of it in a smoke run)."""
    bound = DEFAULT_MAX_BYTES // 16 if quick else DEFAULT_MAX_BYTES
    done = subprocess.run(
        [sys.executable, "-m", "bench.cache", str(bound)],
        capture_output=True,
        check=True,
        timeout=300,
        cwd=Path(__file__).parent.parent,
    )
    return msgspec.json.decode(done.stdout, type=Filled)


def make_figures(filled: Filled) -> list[Figure]:
    """In MiB and tokens."""
    mib = f"of {filled.bound_bytes / MIB:g} MiB"
    return [
        _figure("tokens held at the bound", "tokens", filled.tokens, f"of {filled.seen} seen"),
        _figure("memory by the cache's own estimate", "MiB", filled.estimate_bytes / MIB, mib),
        _figure("memory the process grew by", "MiB", filled.growth_bytes / MIB, mib),
        _figure("memory a token", "B", filled.growth_bytes / filled.tokens),
    ]


def check_targets(filled: Filled) -> list[Target]:
    """The bound is a promise about memory, so the process is what counts."""
    share = filled.growth_bytes / filled.bound_bytes
    aim = "at most 1.1 of the bound that was set"
    return [
        Target(
            name="memory of the cache", value=round(share, 2), unit="×", aim=aim, met=share <= 1.1
        )
    ]


def _figure(name: str, unit: str, value: float, note: str = "") -> Figure:
    return make_figure(name, "Lingpai", unit, Spread(value, value, value), note=note)


def fill(bound_bytes: int) -> Filled:
    """Verify tokens, each another one, until the cache has forgotten more than it holds."""
    key = Key.generate("HS256")
    assert isinstance(key, SecretKey)
    policy = Policy(issuer=ISSUER, audience=AUDIENCE, typ=TYP)
    warm_up = TokenCache(bound_bytes)
    for raw in _tokens(key, 100):
        verify(raw, key, policy, cache=warm_up)
    cost = warm_up.size_bytes / 100
    warm_up.clear()
    cache, before, most = TokenCache(bound_bytes), read_rss_bytes(), (0, 0)
    seen = int(bound_bytes / cost * _OVERFILL)
    growth = 0
    for number, raw in enumerate(_tokens(key, seen)):
        verify(raw, key, policy, cache=cache)
        most = max(most, (cache.size_bytes, number))
        if not number % 256:
            growth = max(growth, read_rss_bytes() - before)
    return Filled(bound_bytes, most[0], growth, round(most[0] / cost), seen)


def _tokens(key: SecretKey, count: int) -> Iterator[str]:
    now = int(time.time())
    for number in range(count):
        yield sign({**make_claims(now), "jti": f"{number:022}"}, key, typ=TYP)


def read_rss_bytes(pid: int | str = "self") -> int:
    """Resident memory of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(fill(int(sys.argv[1]))))
