"""The ClientKeys port over keys that the test hands out. Fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai.jose.key_set import KeySet
from lingpai_server.core.records import Client


@dataclass
class GivenKeys:
    """`at_first` are the keys known without asking, `anew` those found when asked afresh."""

    at_first: KeySet | None = None
    anew: KeySet | None = None

    async def keys_of(self, client: Client, *, fresh: bool = False) -> KeySet | None:
        """The same for every client."""
        del client
        return self.anew if fresh else self.at_first
