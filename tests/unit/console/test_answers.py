"""Whatever goes wrong, the browser gets a page."""

from __future__ import annotations

import asyncio
import logging

import pytest

from lingpai_server.console.answers import (
    Endpoint,
    answer_refusal,
    guarded,
    see_other,
    with_query,
)
from lingpai_server.console.languages import Language
from lingpai_server.console.rendering import Renderer
from lingpai_server.core.ports import StoreUnavailable
from lingpai_server.http.answers import Answer
from lingpai_server.http.exchange import Exchange, ReadingLimits
from lingpai_server.protocol.errors import ErrorCode, refuse

RENDERER = Renderer("https://id.example")


def ask(endpoint: Endpoint, language: str = "en") -> Answer:
    async def receive() -> None:
        raise AssertionError("nothing is read")

    scope = {"headers": [(b"accept-language", language.encode())], "query_string": b""}
    exchange = Exchange(scope, receive, ReadingLimits(1024))

    async def run() -> Answer:
        return await guarded(RENDERER, endpoint)(exchange)

    return asyncio.run(run())


async def no_store(_exchange: Exchange) -> Answer:
    raise StoreUnavailable("the disk is full")


async def broken(_exchange: Exchange) -> Answer:
    raise RuntimeError("a secret of ours")


async def unreadable(exchange: Exchange) -> Answer:
    await exchange.read_form()
    raise AssertionError("there is no form")


def test_store_that_cannot_answer_is_a_page(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(no_store)
    assert answer.status == 503
    assert ("retry-after", "1") in answer.headers
    assert b"The server is busy" in answer.body
    assert "the disk is full" in caplog.text
    assert b"disk" not in answer.body


def test_fault_is_a_page_with_a_number_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(broken, "zh-CN")
    assert answer.status == 500
    assert "这里出了点问题".encode() in answer.body
    assert b"secret of ours" not in answer.body
    incident = caplog.records[-1].getMessage().removeprefix("incident ")
    assert incident.encode() in answer.body


def test_request_that_cannot_be_read_is_a_page() -> None:
    answer = ask(unreadable)
    assert answer.status == 415
    assert b"invalid_request" in answer.body


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        (ErrorCode.INVALID_REQUEST, 400, "This request cannot be answered"),
        (ErrorCode.INVALID_CLIENT, 400, "This request cannot be answered"),
        (ErrorCode.ACCESS_DENIED, 403, "did not come from our own page"),
        (ErrorCode.TEMPORARILY_UNAVAILABLE, 503, "The server is busy"),
    ],
)
def test_refusal_is_told_to_people(code: ErrorCode, status: int, text: str) -> None:
    refusal = refuse(code, reason="the private reason", description="For the developer.")
    answer = answer_refusal(RENDERER, refusal, Language.ENGLISH)
    page = answer.body.decode("utf-8")
    assert answer.status == status
    assert text in page
    assert "For the developer." in page
    assert "the private reason" not in page


def test_redirect_is_303() -> None:
    """RFC 9700 section 4.12: with 307 the browser would send the password along."""
    assert see_other("/signin").status == 303


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://app.example/cb", "https://app.example/cb?code=a+b&state=%26"),
        ("https://app.example/cb?x=1", "https://app.example/cb?x=1&code=a+b&state=%26"),
        ("com.example.app:/cb", "com.example.app:/cb?code=a+b&state=%26"),
    ],
)
def test_parameters_stand_behind_those_that_are_there(uri: str, expected: str) -> None:
    """RFC 6749 section 3.1.2."""
    assert with_query(uri, {"code": "a b", "state": "&"}) == expected
