"""The status lists of a FakeIssuer: what a test has revoked, and a stream that tells of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

from lingpai.jose.keys import PrivateKey
from lingpai.jwt.status_list import Status, StatusList, sign_status_list
from lingpai.jwt.status_stream import Batch, sign_batch
from lingpai.verifier.flows import Get

__all__ = ["FakeStatuses"]

LIST_SIZE = 1024
BEAT_SECONDS = 0.05  # a test has no second to spare


class FakeStatuses:
    """One list, one number for each change, and everybody who listens. Thread-safe.

    `is_silent` stops heartbeats and changes from being told, as a cut line would.
    """

    def __init__(self, issuer: str, clock: Callable[[], float], key: Callable[[], PrivateKey]):
        self.issuer = issuer
        self.uri = f"{issuer.rstrip('/')}/status-lists/1"
        self.stream_uri = f"{issuer.rstrip('/')}/status-lists/stream"
        self.epoch = "epoch-1"
        self.ttl_seconds = 300
        self.is_silent = False
        self._clock, self._key = clock, key
        self._list = StatusList.zeros(LIST_SIZE, bits=2)
        self._next_index = 0
        self._changes: list[tuple[int, int]] = []  # the change of number n is at n - 1
        self._denied: dict[str, int] = {}
        self._kids: set[str] = set()
        self._changed = threading.Condition()

    def take_slot(self) -> dict[str, dict[str, object]]:
        """A `status` claim with a slot of its own."""
        with self._changed:
            index, self._next_index = self._next_index, self._next_index + 1
        return {"status_list": {"idx": index, "uri": self.uri}}

    def set(self, index: int, status: Status) -> None:
        """Change one status, and tell those who listen."""
        with self._changed:
            self._list = self._list.changed({index: status})
            self._changes.append((index, int(status)))
            self._changed.notify_all()

    def deny(self, token_id: str, expires_at: int) -> None:
        """Revoke one token by its `jti`."""
        with self._changed:
            self._denied[token_id] = expires_at
            self._changed.notify_all()

    def revoke_key(self, kid: str) -> None:
        """Revoke whatever a key has signed."""
        with self._changed:
            self._kids.add(kid)
            self._changed.notify_all()

    def render(self) -> bytes:
        """The list as a token (Token Status List section 5.1)."""
        now = int(self._clock())
        with self._changed:
            statuses, seq = self._list, len(self._changes)
        raw = sign_status_list(
            statuses,
            self._key(),
            uri=self.uri,
            issuer=self.issuer,
            now=now,
            expires_at=now + 3600,
            ttl_seconds=self.ttl_seconds,
            claims={"seq": seq, "epoch": self.epoch},
        )
        return raw.encode("ascii")

    def listen(
        self, request: Get, last_event_id: str | None, silence_seconds: float, cut: threading.Event
    ) -> Iterator[bytes]:
        """What one connection hears, until it is cut or hears nothing for too long."""
        nonce = parse_qs(urlsplit(request.url).query)["nonce"][0]
        seq, gap = self._resume(last_event_id)
        now_at = len(self._changes)  # before it is told: what comes meanwhile is told next
        yield self._event(seq, nonce=nonce, gap=gap)
        seq, told_at = now_at, time.monotonic()
        while not cut.is_set():
            with self._changed:
                self._changed.wait(BEAT_SECONDS)
            if not self.is_silent:
                now_at = len(self._changes)
                yield self._event(seq)
                seq, told_at = now_at, time.monotonic()
            elif time.monotonic() - told_at > silence_seconds:
                return

    def _resume(self, last_event_id: str | None) -> tuple[int, bool]:
        """From which number to go on, and whether that leaves a gap."""
        epoch, _, seq = (last_event_id or "").rpartition(".")
        if epoch == self.epoch and seq.isdigit() and int(seq) <= len(self._changes):
            return int(seq), False
        return len(self._changes), True

    def _event(self, after: int, *, nonce: str | None = None, gap: bool = False) -> bytes:
        with self._changed:
            pairs = tuple(self._changes[after:])
            batch = Batch(
                epoch=self.epoch,
                after=after,
                seq=after + len(pairs),
                as_of=self._clock(),
                changes={self.uri: pairs} if pairs else {},
                denied=tuple(self._denied.items()),
                kids=tuple(sorted(self._kids)),
                is_snapshot=nonce is not None,
                gap=gap,
                nonce=nonce,
            )
        raw = sign_batch(batch, self._key(), issuer=self.issuer)
        return f"event: status\nid: {batch.epoch}.{batch.seq}\ndata: {raw}\n\n".encode("ascii")
