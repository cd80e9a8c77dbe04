"""Stats as text for Prometheus (text format 0.0.4). Serves nothing and counts nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from lingpai.verifier.stats import Stats, StatusStats

__all__ = ["CONTENT_TYPE", "render_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Label: TypeAlias = tuple[str, str]
Samples: TypeAlias = Iterable[tuple[tuple[Label, ...], float]]  # further labels, and the value


class Metric(NamedTuple):
    """One metric; its samples for one verifier."""

    name: str
    kind: str
    help: str
    read: Callable[[Stats], Samples]


def render_metrics(stats: Mapping[str, Stats]) -> str:
    """The metrics of one or several verifiers, by the name that each has in the label `verifier`.

    `render_metrics({"orders": verifier.stats()})` is what an endpoint for Prometheus answers, with
    the media type `CONTENT_TYPE`.
    """
    return "".join(line + "\n" for metric in METRICS for line in _lines(metric, stats))


def _lines(metric: Metric, stats: Mapping[str, Stats]) -> Iterator[str]:
    name = f"lingpai_verifier_{metric.name}"
    lines = [
        f"{name}{_labels((('verifier', verifier), *further))} {_number(value)}"
        for verifier, one in stats.items()
        for further, value in metric.read(one)
    ]
    if lines:
        yield f"# HELP {name} {metric.help}"
        yield f"# TYPE {name} {metric.kind}"
        yield from lines


def _labels(labels: Iterable[Label]) -> str:
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(value)


def _one(value: float) -> Samples:
    return (((), value),)


def _of_status(read: Callable[[StatusStats], float]) -> Callable[[Stats], Samples]:
    """Nothing where no statuses are kept."""
    return lambda stats: () if stats.status is None else _one(read(stats.status))


METRICS = (
    Metric("verified_total", "counter", "Tokens that passed.", lambda s: _one(s.verified)),
    Metric(
        "cache_hits_total",
        "counter",
        "Tokens that passed and had been verified before.",
        lambda s: _one(s.cache_hits),
    ),
    Metric(
        "refused_total",
        "counter",
        "Tokens that were refused, by reason.",
        lambda s: (((("code", code),), count) for code, count in sorted(s.refused.items())),
    ),
    Metric("cached_tokens", "gauge", "Verified tokens in memory.", lambda s: _one(s.cached_tokens)),
    Metric("cached_bytes", "gauge", "Memory that they take.", lambda s: _one(s.cached_bytes)),
    Metric("watches", "gauge", "Tokens that connections watch.", lambda s: _one(s.watches)),
    Metric(
        "key_refreshes_total",
        "counter",
        "Attempts to fetch the issuer's keys, by how they ended.",
        lambda s: (
            ((("outcome", "succeeded"),), s.fetches.succeeded),
            ((("outcome", "failed"),), s.fetches.failed),
        ),
    ),
    Metric(
        "status_age_seconds",
        "gauge",
        "How old the view of the issuer's revocations is.",
        _of_status(lambda s: s.age_seconds),
    ),
    Metric(
        "status_streaming",
        "gauge",
        "1 while the issuer's stream vouches for that view.",
        _of_status(lambda s: int(s.is_streaming)),
    ),
    Metric("status_lists", "gauge", "Status lists held.", _of_status(lambda s: s.lists)),
    Metric(
        "status_connections_total",
        "counter",
        "Connections to the stream that were answered.",
        _of_status(lambda s: s.counts.connections),
    ),
    Metric(
        "status_batches_total",
        "counter",
        "Batches and heartbeats that the stream brought.",
        _of_status(lambda s: s.counts.batches),
    ),
    Metric(
        "status_list_fetches_total",
        "counter",
        "Status lists that were fetched.",
        _of_status(lambda s: s.counts.lists),
    ),
    Metric(
        "status_failures_total",
        "counter",
        "Ends of the stream and fetches of lists that failed.",
        _of_status(lambda s: s.counts.failed),
    ),
)
