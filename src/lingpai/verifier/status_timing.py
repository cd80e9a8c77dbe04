"""How often a StatusKeeper acts, and what it counts. Data only."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StatusCounts", "StatusTiming"]


@dataclass(frozen=True, slots=True)
class StatusTiming:
    """How long and how often, in seconds."""

    silence: float = 5.0  # a stream that says nothing for so long is given up; it beats each second
    retry_first: float = 0.1  # before the stream is opened again; doubles with each failure
    retry_max: float = 5.0
    list_default: float = 60.0  # where a list gives no ttl
    list_min: float = 5.0
    list_max: float = 3600.0
    list_retry: float = 1.0  # before a list that could not be had is asked for again
    missing: float = 60.0  # for so long the issuer is believed that it has no such list
    save: float = 15.0  # between two times that what is known is written to disk


@dataclass(slots=True)
class StatusCounts:
    """What a keeper did: connections opened, batches taken, lists fetched, failures of any."""

    connections: int = 0
    batches: int = 0
    lists: int = 0
    failed: int = 0
