"""The load generator reads answers as they come in pieces, and says what was no answer."""

from __future__ import annotations

import os

import pytest
from bench.load import Failed, read_answer, read_processor_seconds

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
WITH_LENGTH = OK + b"Content-Length: 4\r\n\r\nbody"
IN_CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [WITH_LENGTH, IN_CHUNKS], ids=["length", "chunks"])
def test_an_answer_is_whole_with_its_last_byte_and_not_before(answer: bytes) -> None:
    assert all(read_answer(answer[:size]) is None for size in range(len(answer)))
    assert read_answer(answer) == b"body"


@pytest.mark.parametrize("status", [b"302 Found", b"303 See Other"])
def test_of_a_redirect_counts_where_it_leads(status: bytes) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\nLocation: /a?b=c\r\ncontent-length: 0\r\n\r\n"
    assert read_answer(answer) == b"/a?b=c"


@pytest.mark.parametrize("status", [b"400 Bad Request", b"302 Found", b"500 Oh"])
def test_what_is_neither_200_nor_leads_anywhere_has_failed(status: bytes) -> None:
    with pytest.raises(Failed):
        read_answer(b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\n\r\nno")


def test_processor_time_of_a_process_is_what_it_says_itself() -> None:
    told = os.times()
    assert read_processor_seconds([os.getpid()]) == pytest.approx(told.user + told.system, abs=0.2)
