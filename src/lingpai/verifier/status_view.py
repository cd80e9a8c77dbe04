"""StatusView: what one issuer is known to have revoked, and how old that knowledge is.

State and rules only: no clock, no thread, no network. Times are seconds of one steady clock, given
by the caller. One thread writes at a time; readers take no lock, since whatever they look at is
replaced whole or changed a byte at a time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from lingpai.jwt.policy import MAX_LEEWAY_SECONDS
from lingpai.jwt.status_list import Status, StatusListToken, StatusReference
from lingpai.jwt.status_stream import Batch
from lingpai.jwt.token import VerifiedToken

__all__ = ["HeldList", "StatusView"]

MAX_LISTS = 4096
MAX_RECENT_CHANGES = 200_000  # kept for lists that are fetched while the stream goes on
MIN_DENIED = 1024
_WIDTH = 2  # bits of a status; lists of other widths are held too, and the stream changes none


@dataclass(slots=True)
class HeldList:
    """One list. `seq` is the last change of its `epoch` that is in it, None for an issuer that
    counts none.

    `as_of` is when it was true, unless it follows the stream: then the stream's time holds for it.
    """

    data: bytearray
    bits: int
    seq: int | None
    as_of: float
    due_at: float
    epoch: object = None
    follows: bool = False

    @property
    def size(self) -> int:
        """How many statuses it holds."""
        return len(self.data) * 8 // self.bits

    def lookup(self, index: int) -> int | None:
        """The status at `index`; None outside the list."""
        place = index * self.bits
        byte = place >> 3
        if byte >= len(self.data):
            return None
        return self.data[byte] >> (place & 7) & (1 << self.bits) - 1

    def change(self, index: int, status: int) -> bool:
        """Set one status; whether anything changed."""
        before = self.lookup(index)
        if self.bits != _WIDTH or before is None or before == status:
            return False
        byte, shift = index >> 2, (index & 3) * _WIDTH
        self.data[byte] = self.data[byte] & ~(3 << shift) | status << shift
        return True


class Judged(Protocol):
    """A token that was found good: `token_cache.Entry`."""

    token: VerifiedToken
    reference: StatusReference | None
    held: HeldList | None
    version: object


@dataclass(slots=True)
class StatusView:
    """The lists in use, what is denied beside them, and the place in the stream.

    `stream_as_of` is the moment, on the steady clock, that the stream vouches for; minus infinity
    when it vouches for nothing. `version` is a new object after whatever may make a token that was
    good a bad one: what was checked at it need not be checked again.
    """

    lists: dict[str, HeldList] = field(default_factory=dict)
    denied: dict[str, int] = field(default_factory=dict)
    revoked_kids: frozenset[str] = frozenset()
    missing: dict[str, float] = field(default_factory=dict)  # the issuer has none such, until when
    epoch: str | None = None
    seq: int = 0
    stream_as_of: float = float("-inf")
    version: object = field(default_factory=object)
    _offset: float = 0.0  # steady clock minus issuer's clock, never too small
    _recent: deque[tuple[int, Batch]] = field(default_factory=deque)
    _recent_changes: int = 0
    _denied_bound: int = MIN_DENIED
    _complete_since: int = 0  # every change after this number is in `_recent`

    # --- for readers --------------------------------------------------------------------------

    def as_of(self, held: HeldList) -> float:
        """When what a list says was last known to be true."""
        return max(held.as_of, self.stream_as_of) if held.follows else held.as_of

    def is_missing(self, uri: str, now: float) -> bool:
        """Whether the issuer said a moment ago that it has no such list."""
        until = self.missing.get(uri)
        return until is not None and now < until

    def age(self, now: float) -> float:
        """Of the oldest list in use, of the stream where none is; infinity if nothing is known."""
        held = list(self.lists.values())  # one step, whatever another thread adds
        return now - min(map(self.as_of, held), default=self.stream_as_of)

    @property
    def event_id(self) -> str | None:
        """Where to resume the stream; None at the beginning."""
        return None if self.epoch is None else f"{self.epoch}.{self.seq}"

    def moment_of(self, issuer_seconds: float) -> float | None:
        """A time of the issuer's clock on the steady one, never too late; None without a stream."""
        return None if self.epoch is None else issuer_seconds + self._offset

    def recheck(self, entry: Judged) -> bool:
        """Whether a token that was good is good at this version, which is noted if so.

        The version is read first: a change that comes between makes the next call look again.
        """
        version, reference = self.version, entry.reference
        if self.denied and entry.token.token_id in self.denied:
            return False
        if reference is not None:
            held = self.lists.get(reference.uri)
            if held is None or held.lookup(reference.index) != Status.VALID:
                return False
            entry.held = held
        entry.version = version
        return True

    # --- the stream ---------------------------------------------------------------------------

    def begin(self, snapshot: Batch, *, asked_at: float, now: float) -> bool:
        """Take the first batch of a connection; whether all lists have to be fetched anew.

        The snapshot answers a question of ours, so its issuer saw its records after `asked_at`:
        that ties the two clocks together, whatever either of them shows.
        """
        self._offset = asked_at - snapshot.as_of
        self.denied = dict(snapshot.denied)
        self.revoked_kids |= frozenset(snapshot.kids)
        resumed = snapshot.epoch == self.epoch and snapshot.after <= self.seq and not snapshot.gap
        if resumed:
            self._apply(snapshot)
        else:
            self._start_over(snapshot)
        self._vouch(snapshot.as_of, now)
        self.version = object()
        return not resumed

    def advance(self, batch: Batch, *, now: float) -> bool:
        """Take a further batch; False if it does not go on from where this view is."""
        if batch.epoch != self.epoch or batch.gap or batch.after > self.seq:
            return False
        if batch.denied:
            self._deny(batch)
        if batch.kids:
            self.revoked_kids |= frozenset(batch.kids)
        self._apply(batch)
        self._vouch(batch.as_of, now)
        if batch.changes or batch.denied or batch.kids:
            self.version = object()
        return True

    def _deny(self, batch: Batch) -> None:
        """Those that have expired are forgotten each time that there are twice as many."""
        denied = {**self.denied, **dict(batch.denied)}
        if len(denied) > self._denied_bound:
            ended = batch.as_of - MAX_LEEWAY_SECONDS
            denied = {token_id: exp for token_id, exp in denied.items() if exp > ended}
            self._denied_bound = max(MIN_DENIED, 2 * len(denied))
        self.denied = denied

    def _vouch(self, as_of: float, now: float) -> None:
        self.stream_as_of = max(self.stream_as_of, min(now, as_of + self._offset))

    def _start_over(self, snapshot: Batch) -> None:
        if self.epoch not in (None, snapshot.epoch):
            self.lists = {}  # another epoch has other lists
        for held in self.lists.values():
            held.follows = held.epoch == snapshot.epoch and (held.seq or 0) >= snapshot.seq
            if not held.follows:
                held.due_at = float("-inf")
        self.epoch, self.seq = snapshot.epoch, snapshot.seq
        self.stream_as_of = float("-inf")
        self._recent.clear()
        self._recent_changes = 0
        self._complete_since = snapshot.seq

    def _apply(self, batch: Batch) -> None:
        if batch.seq > self.seq:
            for uri, pairs in batch.changes.items():
                held = self.lists.get(uri)
                if held is not None and (held.seq is None or held.seq < batch.seq):
                    self._change(held, pairs)
            self.seq = batch.seq
            self._remember(batch)

    def _change(self, held: HeldList, pairs: tuple[tuple[int, int], ...]) -> None:
        for index, status in pairs:
            held.change(index, status)

    def _remember(self, batch: Batch) -> None:
        count = sum(map(len, batch.changes.values()))
        if count == 0:
            return
        self._recent.append((count, batch))
        self._recent_changes += count
        while self._recent_changes > MAX_RECENT_CHANGES:
            dropped, oldest = self._recent.popleft()
            self._recent_changes -= dropped
            self._complete_since = oldest.seq

    # --- lists --------------------------------------------------------------------------------

    def take(self, token: StatusListToken, *, as_of: float, due_at: float) -> bool:
        """Hold a list that was fetched, brought up to where the stream is.

        False where it is older than what the stream still remembers: it is held as of its own
        time, and another fetch has to bring a newer one.
        """
        seq = token.claims.get("seq")
        before = self.lists.get(token.uri)
        if before is not None and before.follows and type(seq) is int and seq < self.seq:
            before.due_at = due_at  # a copy from a cache on the way: ours is newer
            return True
        held = HeldList(
            data=bytearray(token.statuses.data),
            bits=token.statuses.bits,
            seq=seq if type(seq) is int else None,
            as_of=as_of,
            due_at=due_at,
            epoch=token.claims.get("epoch"),
        )
        held.follows = self._bring_up(token.uri, held)
        if before is None and len(self.lists) >= MAX_LISTS:
            self._drop_one()
        self.lists[token.uri] = held
        self.version = object()
        return held.follows or self.epoch is None or held.seq is None

    def _bring_up(self, uri: str, held: HeldList) -> bool:
        """Apply what the stream told after the list was made; whether nothing is missing."""
        if held.seq is None or self.epoch is None or held.epoch != self.epoch:
            return False
        if held.seq < self._complete_since:
            return False
        for _, batch in self._recent:
            if batch.seq > held.seq:
                self._change(held, batch.changes.get(uri, ()))
        return True

    def note_missing(self, uri: str, until: float) -> None:
        """The issuer has no such list: one of an epoch that is over, or a name that somebody made
        up. A list that is held stays, for as long as its age allows."""
        if uri not in self.lists:
            while len(self.missing) >= MAX_LISTS:
                del self.missing[next(iter(self.missing))]
            self.missing[uri] = until

    def _drop_one(self) -> None:
        oldest = min(self.lists, key=lambda uri: self.lists[uri].as_of)
        del self.lists[oldest]  # `version` is new in a moment
