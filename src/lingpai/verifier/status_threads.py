"""The two threads of a StatusKeeper: one reads the stream, one fetches lists. They decide nothing.

Each holds its keeper weakly while it waits, so that one that nobody closed takes them along.
"""

from __future__ import annotations

import logging
import math
import threading
import weakref
from dataclasses import dataclass
from typing import Protocol

from lingpai.errors import TokenError
from lingpai.verifier.event_stream import EventReader
from lingpai.verifier.flows import FetchFailed, Get
from lingpai.verifier.transport import Transport

__all__ = ["Connection", "Lists", "Streamed", "fetch_lists", "read_streams"]

log = logging.getLogger("lingpai.verifier")


@dataclass(slots=True)
class Connection:
    """One connection to the stream: what it was asked with, and what has come of it.

    `silence_seconds` is how long it may say nothing good.
    """

    uri: str
    nonce: str
    resume: str | None
    silence_seconds: float
    asked_at: float
    last_good: float
    reader: EventReader
    heard: bool = False


class Streamed(Protocol):
    """Whoever wants to hear the stream."""

    def begin_connection(self) -> Connection | None:
        """The next connection to make; None after `close`."""

    def take_chunk(self, chunk: bytes, connection: Connection) -> None:
        """Bytes that came. Raises TokenError, FetchFailed or ValueError to end the connection."""

    def end_connection(self, connection: Connection, error: Exception) -> float:
        """It ended; in how many seconds to make the next."""


class Lists(Protocol):
    """Whoever wants lists fetched."""

    def due_lists(self) -> list[str] | None:
        """The lists to fetch now; None after `close`."""

    def fetch_list(self, uri: str, transport: Transport) -> None:
        """Fetch one, and tell those who wait. Raises nothing."""

    def nap_seconds(self) -> float:
        """How long to wait for somebody to ask; infinity for ever."""


def read_streams(ref: weakref.ref[Streamed], transport: Transport, stop: threading.Event) -> None:
    """One connection after the other until `stop` is set."""
    while (keeper := ref()) is not None and not stop.is_set():
        connection = keeper.begin_connection()
        del keeper
        if connection is None:
            return
        error: Exception = FetchFailed("the stream ended")
        try:
            _read_stream(ref, transport, connection)
        except (FetchFailed, TokenError, ValueError) as failure:
            error = failure
        except Exception as failure:  # a thread that died would let the view grow old for good
            log.exception("an unforeseen error while following the status stream")
            error = failure
        keeper = ref()
        if keeper is None:
            return
        wait = keeper.end_connection(connection, error)
        del keeper
        stop.wait(wait)


def _read_stream(ref: weakref.ref[Streamed], transport: Transport, connection: Connection) -> None:
    request = Get(connection.uri, accept="text/event-stream")
    stream = transport.stream(
        request,
        last_event_id=connection.resume,
        silence_seconds=connection.silence_seconds,
    )
    with stream as chunks:
        for chunk in chunks:
            keeper = ref()
            if keeper is None:
                return
            keeper.take_chunk(chunk, connection)
            del keeper


def fetch_lists(
    ref: weakref.ref[Lists], transport: Transport, stop: threading.Event, wake: threading.Event
) -> None:
    """Fetch what is due, then wait to be woken, until `stop` is set."""
    while (keeper := ref()) is not None and not stop.is_set():
        wake.clear()  # before the look, so that no wish falls between
        due = keeper.due_lists()
        if due is None:
            return
        for uri in due:
            keeper.fetch_list(uri, transport)
        nap = keeper.nap_seconds()
        del keeper
        wake.wait(None if nap == math.inf else nap)
