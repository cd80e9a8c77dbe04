"""Resource indicators: RFC 8707 section 2."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.samples import API, NOTES, ORDERS, PUBLIC_CLIENT

from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.resources import (
    check_resource_syntax,
    check_same_resource,
    choose_api,
    is_resource,
)


@pytest.mark.parametrize(
    "text",
    [
        "https://api.example",
        "https://api.example/",
        "https://api.example:8443/a/b?c=d",
        "http://[::1]:8000/x",
        "urn:lingpai:admin",
        "HTTPS://api.example/%E4%BB%A4",
        "a+b-c.1:x",
    ],
)
def test_an_absolute_uri_is_a_resource(text: str) -> None:
    assert is_resource(text)
    assert check_resource_syntax(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.example",
        "/relative",
        "//api.example",
        ":x",
        "https:",
        "1a:x",
        "ht tp:x",
        "hé:x",
        "https://api.example/#",
        "https://api.example/#part",
        "https://api.example/a b",
        "https://api.example/令牌",
        "https://api.example/%",
        "https://api.example/%4",
        "https://api.example/%zz",
        "https://api.example/\n",
        'https://api.example/"',
        "https://api.example/\\",
        "urn:" + "x" * 2045,
    ],
)
def test_anything_else_is_refused_as_a_target(text: str) -> None:
    refusal = check_resource_syntax(text)
    assert refusal is not None
    assert refusal.code is ErrorCode.INVALID_TARGET


def test_no_resource_is_no_error() -> None:
    assert check_resource_syntax(None) is None


def test_the_api_found_is_the_target() -> None:
    assert choose_api(PUBLIC_CLIENT, API, None) is API
    assert choose_api(PUBLIC_CLIENT, API, ORDERS) is API


def test_an_api_that_is_not_the_clients_and_one_that_is_not_there_are_refused_alike() -> None:
    other = replace(API, audience="https://other.example")
    refused = choose_api(PUBLIC_CLIENT, other, other.audience)
    assert isinstance(refused, Refusal)
    assert refused.code is ErrorCode.INVALID_TARGET
    assert refused == choose_api(PUBLIC_CLIENT, None, other.audience)


def test_an_api_other_than_the_one_asked_for_is_never_the_target() -> None:
    assert isinstance(choose_api(PUBLIC_CLIENT, API, NOTES), Refusal)


def test_a_refresh_keeps_its_audience() -> None:  # RFC 8707 section 2.2
    assert check_same_resource(None, ORDERS) is None
    assert check_same_resource(ORDERS, ORDERS) is None
    refusal = check_same_resource(NOTES, ORDERS)
    assert refusal is not None
    assert refusal.code is ErrorCode.INVALID_TARGET


def test_resources_are_compared_character_by_character() -> None:
    assert check_same_resource(ORDERS + "/", ORDERS) is not None
