"""Stats: what a verifier has done, as numbers. Counts nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai.verifier.key_holder import FetchCounts

__all__ = ["Stats"]


@dataclass(frozen=True, slots=True)
class Stats:
    """What a verifier has done since it was made. Under threads a few may be missing.

    `verified` counts all tokens that passed, `cache_hits` those of them that were known;
    `refused` counts refusals by their stable code.
    """

    verified: int
    cache_hits: int
    refused: dict[str, int]
    cached_tokens: int
    cached_bytes: int
    fetches: FetchCounts
    last_fetch_failure: str | None
