"""One function a bench: measure, print, record, draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench import cache, growth, imports, plots, provider, revocation, server, statuses, tokens
from bench.measure import Effort
from bench.peers import PEERS
from bench.record import (
    Figure,
    Run,
    Target,
    describe_machine,
    find_versions,
    now_text,
    write_run,
)
from bench.table import print_list, print_machine, print_matrix, print_targets


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure and where to leave it."""

    effort: Effort
    quick: bool
    results: Path


def run_tokens(console: Console, options: Options) -> Run:
    """Every library, every algorithm, every operation."""
    with _progress(console, "tokens", options.effort.rounds) as on_round:
        measured = tokens.measure(options.effort, on_round)
    figures = tokens.make_figures(measured)
    run = _make_run("tokens", options, figures, tokens.check_targets(measured))
    print_machine(console, run)
    for operation in tokens.OPERATIONS:
        rows = [f for f in figures if f.figure.rpartition(" ")[0] == operation]
        shown = [f for f in rows if f.value is not None] if operation == tokens.AGAIN else rows
        print_matrix(console, f"{operation}, {tokens.UNIT} (and times Lingpai's)", shown)
    return _finish(console, options, run, plots.draw_tokens)


def run_import(console: Console, options: Options) -> Run:
    """What `import lingpai` adds."""
    with _progress(console, "import", options.effort.rounds) as on_round:
        measured = imports.measure(options.effort, on_round)
    figures = imports.make_figures(measured)
    run = _make_run("import", options, figures, imports.check_targets(measured))
    print_list(console, f"import, CPU time on top of {imports.BASE}", figures)
    return _finish(console, options, run)


def run_cache(console: Console, options: Options) -> Run:
    """The cache's memory, and how verify's cost grows."""
    filled = cache.measure(quick=options.quick)
    with _progress(console, "growth", options.effort.rounds) as on_round:
        grown = growth.measure(options.effort, quick=options.quick, on_round=on_round)
    memory, costs = cache.make_figures(filled), growth.make_figures(grown)
    targets = [*cache.check_targets(filled), *growth.check_targets(grown)]
    run = _make_run("cache", options, [*memory, *costs], targets)
    print_list(console, "The verified-token cache at its bound", memory)
    for what, title in (("size", "token size in characters"), ("keys", "number of keys")):
        rows = [f for f in costs if f.figure.startswith(f"verify, {what}")]
        print_matrix(console, f"verify by {title}, {growth.UNIT} (and times the first row)", rows)
    return _finish(console, options, run, plots.draw_growth)


def run_server(console: Console, options: Options) -> Run:
    """The issuer as a process."""
    plan = server.QUICK if options.quick else server.FULL
    with _progress(console, "server", server.count_rounds(plan)) as on_round:
        served = server.measure(plan, on_round)
    figures = server.make_figures(served)
    targets = server.check_targets(served)
    run = _make_run("server", options, figures, targets, rounds=plan.repeats)
    print_list(console, "The issuer, one worker, default settings, on loopback", figures)
    return _finish(console, options, run)


def run_provider(console: Console, options: Options) -> Run:
    """The issuer beside another one."""
    plan = provider.QUICK if options.quick else provider.FULL
    with _progress(console, "provider", plan.repeats) as on_round:
        measured = provider.measure(plan, on_round)
    figures = provider.make_figures(measured)
    targets = provider.check_targets(measured)
    run = _make_run("provider", options, figures, targets, rounds=plan.repeats)
    run.versions.update(provider.find_versions())
    run.machine["generator"] = f"at most {provider.find_busiest(measured):.0%} of a core"
    print_machine(console, run)
    print_matrix(console, "Issuers, one worker each, a second (and times Lingpai's)", figures)
    print_list(console, "Latencies", [figure for figure in figures if figure.value is not None])
    return _finish(console, options, run, plots.draw_provider)


def run_statuses(console: Console, options: Options) -> Run:
    """What a status costs a verifier."""
    with _progress(console, "statuses", options.effort.rounds) as on_round:
        measured = statuses.measure(options.effort, quick=options.quick, on_round=on_round)
    figures = statuses.make_figures(measured)
    run = _make_run("statuses", options, figures, statuses.check_targets(measured))
    print_list(console, "What a status costs a verifier", figures)
    return _finish(console, options, run)


def run_revocation(console: Console, options: Options) -> Run:
    """How soon a change is true everywhere."""
    plan = revocation.QUICK if options.quick else revocation.FULL
    with _progress(console, "revocation", revocation.count_rounds(plan)) as on_round:
        measured = revocation.measure(plan, on_round)
    figures = revocation.make_figures(measured)
    targets = revocation.check_targets(measured)
    run = _make_run("revocation", options, figures, targets, rounds=plan.grants)
    print_machine(console, run)
    print_list(console, "How soon a change is true everywhere", figures)
    return _finish(console, options, run, plots.draw_revocation)


def _make_run(
    name: str,
    options: Options,
    figures: Sequence[Figure],
    targets: Sequence[Target] = (),
    *,
    rounds: int | None = None,
) -> Run:
    return Run(
        bench=name,
        finished=now_text(),
        rounds=options.effort.rounds if rounds is None else rounds,
        quick=options.quick,
        machine=describe_machine(),
        versions=find_versions([peer.distribution for peer in PEERS]),
        figures=list(figures),
        targets=list(targets),
    )


def _finish(
    console: Console,
    options: Options,
    run: Run,
    draw: Callable[[Run, Path], list[Path]] | None = None,
) -> Run:
    print_targets(console, run.targets)
    written = [write_run(run, options.results)]
    if draw is not None:
        written += draw(run, options.results)
    console.print(f"[dim]wrote {', '.join(path.name for path in written)}[/dim]\n")
    return run


@contextmanager
def _progress(console: Console, name: str, rounds: int) -> Iterator[Callable[[int], None]]:
    """A bar where there is a terminal, silence where there is none."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=rounds)
        yield lambda done: progress.update(task, completed=done)
