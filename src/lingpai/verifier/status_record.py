"""StatusRecord: what an issuer signed, as far as it takes to know its statuses again after a start.

Lists and batches stay as they came, so that a later process checks their signatures and times as it
would those from the network. State and rules only: no clock, no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lingpai.jose.header import parse_header
from lingpai.jwt.status_list import StatusListToken
from lingpai.jwt.status_stream import Batch

__all__ = ["StatusRecord"]

MAX_BATCH_BYTES = 1024 * 1024  # since one snapshot; some 2,500 changes
MAX_SNAPSHOT_SECONDS = 3600.0  # the key that signed it may be gone one day
ASK_SECONDS = 60.0  # between two wishes for one list


@dataclass(slots=True)
class _Told:
    """One batch as it came."""

    raw: str
    batch: Batch
    kid: str | None

    @property
    def is_heartbeat(self) -> bool:
        """Whether it says nothing but how late it is."""
        batch = self.batch
        return not (batch.is_snapshot or batch.changes or batch.denied or batch.kids)


@dataclass(slots=True)
class _Fetched:
    """One list as it came."""

    raw: str
    token: StatusListToken
    kid: str | None
    asked_at: float = -math.inf

    @property
    def seq(self) -> int | None:
        """The last change that is in it, for an issuer that counts them."""
        seq = self.token.claims.get("seq")
        return seq if type(seq) is int else None


class StatusRecord:
    """The last snapshot that every list follows, all that came after it, and the lists."""

    def __init__(self) -> None:
        self._told: list[_Told] = []
        self._lists: dict[str, _Fetched] = {}
        self._revoked: frozenset[str] = frozenset()  # keys; what they signed is worth nothing

    def begin(self, raw: str, snapshot: Batch, *, anew: bool) -> None:
        """A connection's first batch; `anew` where it does not go on from what was told before."""
        if anew:
            self._told.clear()
        self._told.append(_Told(raw, snapshot, _read_kid(raw)))
        self._revoked |= frozenset(snapshot.kids)
        self._trim()

    def add(self, raw: str, batch: Batch) -> None:
        """A further batch. Of heartbeats in a row the last one is enough."""
        told = _Told(raw, batch, _read_kid(raw))
        self._revoked |= frozenset(batch.kids)
        if told.is_heartbeat and self._told and self._told[-1].is_heartbeat:
            self._told[-1] = told
        else:
            self._told.append(told)
        if self._size(self._told) > 4 * MAX_BATCH_BYTES:  # a list that cannot be had any more
            for uri in self._old_lists():
                del self._lists[uri]
            self._trim()

    def keep(self, raw: str, token: StatusListToken) -> None:
        """A list that was fetched, unless a newer one is here."""
        fetched, before = _Fetched(raw, token, _read_kid(raw)), self._lists.get(token.uri)
        if before is not None:
            fetched.asked_at = before.asked_at
            same = before.token.claims.get("epoch") == token.claims.get("epoch")
            if same and (before.seq or 0) > (fetched.seq or 0):
                return
        self._lists[token.uri] = fetched
        self._trim()

    def keep_only(self, uris: Iterable[str]) -> None:
        """Forget the lists that are not among these."""
        used = frozenset(uris)
        self._lists = {uri: each for uri, each in self._lists.items() if uri in used}
        self._trim()

    def lines(self) -> list[str]:
        """What to write down: batches in their order, then the lists, each after its URI."""
        lists = [f"{uri} {each.raw}" for uri, each in self._lists.items()]
        return [*(told.raw for told in self._told), *lists]

    def wants_snapshot(self) -> bool:
        """Whether it is time to hear all from the beginning, so that what is old can be dropped."""
        last = self._last_snapshot()
        if last is None:
            return False
        return self._is_past_it(self._told[last:])

    def wanted_lists(self, now: float) -> list[str]:
        """Lists to fetch anew: those past half of their time, those of a revoked key, and those
        that hold old batches here. `now` is in seconds since the epoch."""
        old = self._old_lists() if self._is_past_it(self._told) else []
        wanted = [
            uri
            for uri, each in self._lists.items()
            if now - each.asked_at >= ASK_SECONDS
            and (uri in old or each.kid in self._revoked or now > _half_time(each.token))
        ]
        for uri in wanted:
            self._lists[uri].asked_at = now
        return wanted

    def _is_past_it(self, told: list[_Told]) -> bool:
        """Whether these are too many, too old, or signed with a key that was revoked since."""
        if not told:
            return False
        seconds = told[-1].batch.as_of - told[0].batch.as_of
        return (
            self._size(told) > MAX_BATCH_BYTES
            or seconds > MAX_SNAPSHOT_SECONDS
            or any(each.kid in self._revoked for each in told)
        )

    def _old_lists(self) -> list[str]:
        """Those from before the last snapshot."""
        last = self._last_snapshot()
        if last is None:
            return []
        snapshot = self._told[last].batch
        return [uri for uri, each in self._lists.items() if self._needs(each) < snapshot.seq]

    def _needs(self, each: _Fetched) -> float:
        """The change from which on it needs batches; infinity where it follows no stream."""
        epoch = self._told[-1].batch.epoch if self._told else None
        if each.seq is None or each.token.claims.get("epoch") != epoch:
            return math.inf
        return each.seq

    def _last_snapshot(self) -> int | None:
        at = (i for i in reversed(range(len(self._told))) if self._told[i].batch.is_snapshot)
        return next(at, None)

    def _trim(self) -> None:
        """Begin with the last snapshot that no list is older than."""
        needed = min(map(self._needs, self._lists.values()), default=math.inf)
        for i in reversed(range(len(self._told))):
            batch = self._told[i].batch
            if batch.is_snapshot and batch.seq <= needed:
                del self._told[:i]
                return

    @staticmethod
    def _size(told: list[_Told]) -> int:
        return sum(len(each.raw) for each in told)


def _half_time(token: StatusListToken) -> float:
    return (token.issued_at + token.expires_at) / 2


def _read_kid(raw: str) -> str | None:
    """The name of the key that signed; of a token that was verified."""
    return parse_header(raw.partition(".")[0].encode("ascii")).kid
