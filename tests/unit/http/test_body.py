"""A body as an endpoint reads it, where it does not come as announced."""

from __future__ import annotations

import asyncio

import pytest

from lingpai_server.http.answers import Refused
from lingpai_server.http.exchange import Exchange, ReadingLimits
from lingpai_server.http.hardening import Message

FORM = (b"content-type", b"application/x-www-form-urlencoded")


async def come_late() -> Message:
    raise TimeoutError


async def go_away() -> Message:
    return {"type": "http.disconnect"}


@pytest.mark.parametrize(("receive", "status"), [(come_late, 408), (go_away, 400)])
def test_body_that_does_not_come_is_refused(receive: object, status: int) -> None:
    exchange = Exchange({"headers": [FORM]}, receive, ReadingLimits(1024))  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        asyncio.run(exchange.read_form())
    assert refused.value.answer.status == status
