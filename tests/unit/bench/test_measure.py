"""What the benchmark says of what it measured."""

from __future__ import annotations

from bench.measure import Effort, Task, difference, ratio, run_rounds, summarise

TINY = Effort(rounds=4, sample_seconds=0.00001)


def test_a_ratio_is_taken_round_by_round() -> None:
    # the second round was slow for both: the ratio does not see it
    assert ratio([2.0, 20.0, 2.0], [1.0, 10.0, 1.0]).median == 2.0


def test_a_difference_is_taken_round_by_round() -> None:
    assert difference([5.0, 55.0, 5.0], [1.0, 51.0, 1.0]).median == 4.0


def test_a_spread_is_median_and_quartiles() -> None:
    spread = summarise([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (spread.low, spread.median, spread.high) == (2.0, 3.0, 4.0)


def test_one_value_is_its_own_spread() -> None:
    assert summarise([3.0]) == summarise([3.0, 3.0])


def test_each_task_has_one_sample_a_round() -> None:
    tasks = [Task("g", name, lambda _: None, None) for name in ("a", "b", "c")]
    samples = run_rounds(tasks, TINY)
    assert {len(values) for values in samples.values()} == {TINY.rounds}


def test_nobody_always_runs_first() -> None:
    order: list[str] = []

    def note(name: str) -> None:
        if not order or order[-1] != name:
            order.append(name)

    tasks = [Task("g", name, note, name) for name in ("a", "b", "c")]
    rounds: list[int] = []

    def on_round(number: int) -> None:
        order.append("|")
        rounds.append(number)

    run_rounds(tasks, TINY, on_round)
    firsts = [part[0] for part in "".join(order).split("|")[1:] if part]
    assert rounds == [1, 2, 3, 4]
    assert len(set(firsts)) > 1
