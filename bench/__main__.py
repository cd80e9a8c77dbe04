"""`python -m bench [bench …] [--quick] [--results DIR]`: run, show, record."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from bench import runs
from bench.measure import FULL, QUICK
from bench.record import RESULTS, Run
from bench.table import make_console

Bench = Callable[[Console, runs.Options], Run]

BENCHES: dict[str, Bench] = {
    "tokens": runs.run_tokens,
    "import": runs.run_import,
    "cache": runs.run_cache,
    "server": runs.run_server,
    "provider": runs.run_provider,
    "statuses": runs.run_statuses,
    "revocation": runs.run_revocation,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches that are named, or all. Returns 0; a target missed is shown, not fatal."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("benches", nargs="*", metavar="bench", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="a smoke run: the figures mean little")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where JSON and SVG go")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.benches) - set(BENCHES)
    if unknown:
        parser.error(f"no bench named {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    console = make_console()
    options = runs.Options(QUICK if chosen.quick else FULL, chosen.quick, chosen.results)
    for name in chosen.benches or BENCHES:
        BENCHES[name](console, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
