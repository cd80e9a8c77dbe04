"""Server-sent events, however the bytes are cut (the HTML standard, section 9.2.6)."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingpai.verifier.event_stream import Event, EventReader

STREAM = b": hello\n\nevent: status\nid: e.1\ndata: one\ndata: two\n\ndata:three\r\n\r\nid: 9\n\n"
EVENTS = [Event("status", "one\ntwo", "e.1"), Event("message", "three", "")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=9))
def test_events_are_the_same_wherever_the_chunks_end(cuts: list[int]) -> None:
    reader, edges = EventReader(), sorted({0, *cuts, len(STREAM)})
    chunks = [STREAM[a:b] for a, b in pairwise(edges)]
    assert [event for chunk in chunks for event in reader.feed(chunk)] == EVENTS


def test_an_event_that_has_not_ended_is_not_given_out() -> None:
    assert list(EventReader().feed(b"data: one\n")) == []


@pytest.mark.parametrize("chunk", [b"x" * 200, b"data: x\n" * 50], ids=["line", "lines"])
def test_an_event_without_end_is_refused(chunk: bytes) -> None:
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        list(EventReader(max_bytes=100).feed(chunk))


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        list(EventReader().feed(b"data: \xff\n\n"))


def test_many_small_chunks_cost_no_more_than_their_bytes() -> None:
    reader, piece = EventReader(), b"x" * 100
    started = time.process_time()
    assert not list(reader.feed(b"data: "))
    for _ in range(40_000):
        assert not list(reader.feed(piece))
    (event,) = reader.feed(b"\n\n")
    assert len(event.data) == 4_000_000
    assert time.process_time() - started < 5  # as a sum of squares it would be minutes
