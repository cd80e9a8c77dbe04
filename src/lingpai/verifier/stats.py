"""Stats: what a verifier has done, as numbers. Counts nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lingpai.verifier.key_holder import FetchCounts
from lingpai.verifier.status_keeper import StatusKeeper
from lingpai.verifier.status_timing import StatusCounts

__all__ = ["Stats", "StatusStats", "read_status"]


@dataclass(frozen=True, slots=True)
class StatusStats:
    """What is known of the issuer's revocations. `age_seconds` is that of the oldest list in use,
    of the stream where none is; infinity where nothing is known."""

    age_seconds: float
    is_streaming: bool
    lists: int
    counts: StatusCounts
    last_failure: str | None


@dataclass(frozen=True, slots=True)
class Stats:
    """What a verifier has done since it was made. Under threads a few may be missing.

    `verified` counts all tokens that passed, `cache_hits` those of them that were known;
    `refused` counts refusals by their stable code. `status` is None where no statuses are kept;
    `watches` are tokens that are watched now.
    """

    verified: int
    cache_hits: int
    refused: dict[str, int]
    cached_tokens: int
    cached_bytes: int
    fetches: FetchCounts
    last_fetch_failure: str | None
    status: StatusStats | None = None
    watches: int = 0


def read_status(keeper: StatusKeeper) -> StatusStats:
    """The numbers of this moment."""
    return StatusStats(
        age_seconds=keeper.view.age(keeper.clock()),
        is_streaming=keeper.is_streaming,
        lists=len(keeper.view.lists),
        counts=replace(keeper.counts),
        last_failure=keeper.last_failure,
    )
