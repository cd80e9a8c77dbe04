"""StatusBoard: every status list as it is now, and what has changed lately. No I/O, no clock.

Whoever follows it is told of what changes in batches; whoever comes back is told what was missed,
as long as that is remembered, and to fetch the lists otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lingpai.jwt.status_list import StatusList
from lingpai.jwt.status_stream import Batch
from lingpai_server.core.slots import LIST_SIZE, StatusChange, StatusChanges
from lingpai_server.protocol.status_uri import status_list_uri

BITS = 2
MAX_BATCH_CHANGES = 20_000  # in one event; more than that, and the lists are fetched
_LIST_BYTES = LIST_SIZE * BITS // 8
_EMPTY = bytes(_LIST_BYTES)
_PER_BYTE = 8 // BITS


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stopped following."""

    epoch: str
    seq: int


def read_place(event_id: str | None) -> Place | None:
    """The place in an event's id, as `batch_id` writes it; None for anything else."""
    epoch, dot, seq = (event_id or "").rpartition(".")
    if not dot or not (seq.isascii() and seq.isdigit()) or len(seq) > 18:
        return None
    return Place(epoch, int(seq))


def batch_id(batch: Batch) -> str:
    """The id of the event that carries a batch."""
    return f"{batch.epoch}.{batch.seq}"


@dataclass(slots=True)
class StatusBoard:
    """The lists of one issuer. Empty, and of no epoch, until it has taken what the store holds."""

    issuer: str
    epoch: str = ""
    seq: int = 0
    lists: int = 1
    denied: Mapping[str, int] = field(default_factory=dict)
    kids: tuple[str, ...] = ()
    _data: dict[int, bytearray] = field(default_factory=dict)
    _recent: deque[tuple[int, tuple[StatusChange, ...]]] = field(default_factory=deque)
    _recent_changes: int = 0
    _complete_since: int = 0

    def take(self, found: StatusChanges, *, as_of: float) -> Batch | None:
        """Hold what the store says now, as of that time by this clock; the batch that tells of it
        to whoever follows, None if there is nothing to tell.

        A batch with a `gap` cannot be applied: it makes its readers come back for a snapshot.
        """
        if found.epoch != self.epoch or found.seq < self.seq:
            return self._begin(found, as_of)
        self.lists = found.lists
        if found.seq == self.seq:
            return None
        denied = tuple(pair for pair in found.denied if pair[0] not in self.denied)
        kids = tuple(kid for kid in found.kids if kid not in self.kids)
        after, self.seq = self.seq, found.seq
        self.denied, self.kids = dict(found.denied), found.kids
        self._change(found.changes)
        self._remember(found.changes)
        if len(found.changes) > MAX_BATCH_CHANGES:
            return Batch(self.epoch, self.seq, self.seq, as_of, gap=True)
        changes = self._by_uri(found.changes)
        return Batch(self.epoch, after, self.seq, as_of, changes, denied, kids)

    def beat(self, *, as_of: float) -> Batch:
        """Nothing has changed, as of that time."""
        return Batch(self.epoch, self.seq, self.seq, as_of)

    def snapshot(self, since: Place | None, *, nonce: str, as_of: float) -> Batch:
        """The first batch of a connection: what was missed, or that it cannot be told."""
        missed = None if since is None else self._missed(since)
        return Batch(
            self.epoch,
            after=self.seq if since is None or missed is None else since.seq,
            seq=self.seq,
            as_of=as_of,
            changes={} if missed is None else self._by_uri(missed),
            denied=tuple(self.denied.items()),
            kids=self.kids,
            is_snapshot=True,
            gap=missed is None,
            nonce=nonce,
        )

    def is_behind(self, place: Place) -> bool:
        """Whether somebody has seen more of this epoch than there is here: the store was restored
        from a backup, and nobody has begun another epoch."""
        return place.epoch == self.epoch and place.seq > self.seq

    def find_list(self, list_id: str) -> int | None:
        """The number of a list that there is; None for any other name."""
        epoch, _, number = list_id.rpartition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdigit()) or len(number) > 9:
            return None
        list_no = int(number)
        is_spelt = number == str(list_no) and 1 <= list_no <= self.lists
        return list_no if is_spelt else None

    def uri(self, list_no: int) -> str:
        """Where a list is published."""
        return status_list_uri(self.issuer, f"{self.epoch}-{list_no}")

    def read_list(self, list_no: int) -> StatusList:
        """A list as it is now."""
        return StatusList(BITS, bytes(self._data.get(list_no, _EMPTY)))

    # --- how --------------------------------------------------------------------------------

    def _begin(self, found: StatusChanges, as_of: float) -> Batch:
        self.epoch, self.seq, self.lists = found.epoch, found.seq, found.lists
        self.denied, self.kids = dict(found.denied), found.kids
        self._data.clear()
        self._recent.clear()
        self._recent_changes, self._complete_since = 0, found.seq
        self._change(found.changes)
        return Batch(self.epoch, self.seq, self.seq, as_of, gap=True)

    def _change(self, changes: Iterable[StatusChange]) -> None:
        for change in changes:
            data = self._data.setdefault(change.list_no, bytearray(_LIST_BYTES))
            byte, place = divmod(change.index, _PER_BYTE)
            shift = place * BITS
            data[byte] = data[byte] & ~(3 << shift) | change.status << shift

    def _remember(self, changes: tuple[StatusChange, ...]) -> None:
        self._recent.append((self.seq, changes))
        self._recent_changes += len(changes) + 1  # one with none takes its place, too
        while self._recent_changes > MAX_BATCH_CHANGES:
            seq, dropped = self._recent.popleft()
            self._recent_changes -= len(dropped) + 1
            self._complete_since = seq

    def _missed(self, since: Place) -> list[StatusChange] | None:
        """In the order in which they came; None if they are not all remembered."""
        if since.epoch != self.epoch or not self._complete_since <= since.seq <= self.seq:
            return None
        return [change for seq, changes in self._recent if seq > since.seq for change in changes]

    def _by_uri(self, changes: Iterable[StatusChange]) -> dict[str, tuple[tuple[int, int], ...]]:
        pairs: dict[int, dict[int, int]] = {}
        for change in changes:
            pairs.setdefault(change.list_no, {})[change.index] = int(change.status)
        return {self.uri(list_no): tuple(found.items()) for list_no, found in pairs.items()}
