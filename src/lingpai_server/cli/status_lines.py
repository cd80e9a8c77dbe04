"""What a status stream told, as lines for people and for programs. Opens no connection."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

from lingpai.jwt.status_list import Status
from lingpai.jwt.status_stream import Batch
from lingpai_server.cli.token_view import printable
from lingpai_server.cli.words import say_span

_CLEAR = "\r\x1b[K"
_STYLES = {Status.INVALID: "red", Status.SUSPENDED: "yellow", Status.STALE: "cyan"}
_CODES = {"red": 31, "green": 32, "yellow": 33, "cyan": 36, "dim": 2}


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that the stream told. `kind` is connected, gap, status, denied, key_revoked or
    heartbeat; `at` and `as_of` are in seconds since the epoch, ours and the issuer's."""

    kind: str
    at: float
    seq: int
    as_of: float
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Teller:
    """Turns batches into what is told of them: what every batch repeats is told once."""

    denied: set[str] = field(default_factory=set)
    kids: set[str] = field(default_factory=set)
    has_begun: bool = False

    def tell(self, batch: Batch, at: float) -> Iterator[Told]:
        """What is new in a batch, or that nothing is."""
        is_first, self.has_begun = not self.has_begun, True
        anything = batch.is_snapshot
        if batch.is_snapshot:
            yield self._told("connected", batch, at, **_count(batch))
        if batch.gap:
            yield self._told("gap", batch, at)
        for told in (*self._tell_statuses(batch, at), *self._tell_denials(batch, at)):
            anything = True
            if not is_first or told.kind == "status":  # what was denied before is counted only
                yield told
        if not anything:
            yield self._told("heartbeat", batch, at)

    def _tell_statuses(self, batch: Batch, at: float) -> Iterator[Told]:
        for uri, pairs in batch.changes.items():
            for index, status in pairs:
                detail = {"list": uri, "index": index, "status": Status(status).name}
                yield self._told("status", batch, at, **detail)

    def _tell_denials(self, batch: Batch, at: float) -> Iterator[Told]:
        for token_id, expires_at in batch.denied:
            if token_id not in self.denied:
                self.denied.add(token_id)
                yield self._told("denied", batch, at, token=token_id, until=expires_at)
        for kid in batch.kids:
            if kid not in self.kids:
                self.kids.add(kid)
                yield self._told("key_revoked", batch, at, kid=kid)

    def _told(self, kind: str, batch: Batch, at: float, **detail: Any) -> Told:
        return Told(kind, at, batch.seq, batch.as_of, detail)


class LineView:
    """Prints for people: a line for each change and, on a terminal, one quiet line that beats."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._changes = 0

    def show(self, told: Told) -> None:
        """One thing that was told."""
        if told.kind == "heartbeat":
            self._beat(told)
            return
        self._changes += told.kind not in {"connected", "gap"}
        self._line(f"{_clock(told.at)}  seq {told.seq:<6} {self._describe(told)}")

    def say(self, text: str) -> None:
        """Something about the connection itself."""
        self._line(self._paint("dim", text))

    def end(self) -> None:
        """Leave the cursor at the beginning of a line."""
        self._clear()
        self._out.flush()

    def _describe(self, told: Told) -> str:
        detail = told.detail
        match told.kind:
            case "connected":
                return self._paint("green", f"connected  epoch {printable(detail['epoch'])}") + (
                    f", denied {detail['denied']}, revoked keys {detail['revoked_keys']}"
                )
            case "gap":
                return self._paint("yellow", "gap: verifiers fetch their lists anew")
            case "status":
                status, name = Status[detail["status"]], f"{detail['status']:<9}"
                place = f"{printable(detail['list'])} #{detail['index']}"
                return f"{self._paint(_STYLES.get(status, 'green'), name)}  {place}"
            case "denied":
                left = say_span(detail["until"] - told.at)
                name = printable(detail["token"])
                return f"{self._paint('red', 'DENIED   ')}  token {name}, for {left}"
            case _:
                return f"{self._paint('red', 'REVOKED  ')}  key {printable(detail['kid'])}"

    def _beat(self, told: Told) -> None:
        if self._is_terminal:
            age = max(0.0, told.at - told.as_of)
            text = f"alive at seq {told.seq}, {age:.1f} s old, {self._changes} changes so far"
            self._out.write(_CLEAR + self._paint("dim", text))
            self._out.flush()

    def _line(self, text: str) -> None:
        self._clear()
        self._out.write(text + "\n")
        self._out.flush()

    def _clear(self) -> None:
        if self._is_terminal:
            self._out.write(_CLEAR)

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self._is_terminal else text


class JsonView:
    """Prints for programs: one JSON object a line. What is said of the connection goes to the
    standard error stream."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, told: Told) -> None:
        """One thing that was told."""
        members = {"kind": told.kind, "at": told.at, "seq": told.seq, "as_of": told.as_of}
        self._out.write(json.dumps(members | told.detail) + "\n")
        self._out.flush()

    def say(self, text: str) -> None:
        """Something about the connection itself."""
        sys.stderr.write(f"lingpai: {text}\n")

    def end(self) -> None:
        """Nothing is left to do."""


def _count(batch: Batch) -> dict[str, Any]:
    return {
        "epoch": batch.epoch,
        "denied": len(batch.denied),
        "revoked_keys": len(batch.kids),
    }


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
