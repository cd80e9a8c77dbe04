"""Server-sent events, read from chunks (the HTML standard, section 9.2). Knows no socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Event", "EventReader"]

MAX_EVENT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its kind (`message` if it was not named), its data and its id, "" without one."""

    kind: str
    data: str
    id: str


class EventReader:
    """Collects chunks and gives out the events that they complete.

    Raises ValueError for what is not UTF-8, and for an event larger than `max_bytes`.
    """

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []  # of a line whose end has not come
        self._lines: list[bytes] = []
        self._size = 0  # of both

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that end in this chunk. Lines end in LF, or in CR and LF."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            line = b"".join(self._pieces).removesuffix(b"\r")
            self._pieces.clear()
            if line:
                self._lines.append(line)
            else:
                lines, self._lines, self._size = self._lines, [], 0
                event = _parse(lines)
                if event is not None:
                    yield event
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        """Pieces are joined once, at the line's end, so that small chunks cost no more."""
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
        if self._size > self._max_bytes:
            raise ValueError(f"an event is larger than {self._max_bytes} bytes")


def _parse(lines: list[bytes]) -> Event | None:
    """None without data, as for a comment."""
    kind, event_id, data = "message", "", []
    for line in lines:
        name, _, value = line.decode("utf-8").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            event_id = value
    return Event(kind, "\n".join(data), event_id) if data else None
