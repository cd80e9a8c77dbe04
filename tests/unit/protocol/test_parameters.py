"""Form bodies: RFC 6749 section 3.2 and appendix B. What has two readings is refused."""

from __future__ import annotations

import pytest

from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.parameters import parse_parameters


def _refused(body: bytes) -> Refusal:
    refusal = parse_parameters(body)
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"a=x%3Dy%26z", {"a": "x=y&z"}),
        (b"a=x=y", {"a": "x=y"}),
        (b"a%20b=%E4%BB%A4%e7%89%8c", {"a b": "令牌"}),
        ("a=令牌".encode(), {"a": "令牌"}),
        (b"&a=1&&", {"a": "1"}),
        (b"a=%25zz", {"a": "%zz"}),
    ],
)
def test_a_form_reads_as_its_parameters(body: bytes, parameters: dict[str, str]) -> None:
    assert parse_parameters(body) == parameters


@pytest.mark.parametrize("body", [b"scope=", b"scope", b"scope=&"])
def test_a_parameter_without_a_value_is_omitted(body: bytes) -> None:  # RFC 6749 section 3.2
    assert parse_parameters(body) == {}


@pytest.mark.parametrize(
    "body", [b"a=1&a=1", b"a=1&a=2", b"a=&a=1", b"a=1&%61=2", b"unknown=1&unknown=2"]
)
def test_a_repeated_parameter_is_refused(body: bytes) -> None:  # RFC 6749 section 3.2
    refusal = _refused(body)
    assert (refusal.code, refusal.reason) == (ErrorCode.INVALID_REQUEST, "parameter_repeated")


def test_a_repeated_resource_is_a_wrong_target() -> None:  # RFC 8707 section 2
    assert _refused(b"resource=urn:a&resource=urn:b").code is ErrorCode.INVALID_TARGET


@pytest.mark.parametrize(
    "body",
    [b"a=%", b"a=%4", b"a=%zz", b"a=%4x", b"a=%+1", b"a=% 1", b"%=1", b"a=%\xc3\xa9"],
)
def test_a_broken_escape_is_refused(body: bytes) -> None:
    assert _refused(body).reason == "form_not_utf8"


@pytest.mark.parametrize(
    "body",
    [b"a=%ff", b"a=\xff", b"%ff=1", b"a=%c0%80", b"a=%ed%a0%80", b"a=%e4%bb", b"a=%f5%80%80%80"],
    ids=["ff", "raw ff", "name", "overlong NUL", "surrogate", "cut short", "beyond Unicode"],
)
def test_bytes_that_are_not_utf8_are_refused(body: bytes) -> None:
    assert _refused(body).reason == "form_not_utf8"


@pytest.mark.parametrize("body", [b"a=%00", b"a=x\x00y", b"%00=1"])
def test_nul_is_refused(body: bytes) -> None:
    assert _refused(body).code is ErrorCode.INVALID_REQUEST


def test_64_parameters_are_allowed_and_65_are_not() -> None:
    body = b"&".join(b"p%d=1" % n for n in range(65))
    assert _refused(body).reason == "too_many_parameters"
    assert isinstance(parse_parameters(body.rpartition(b"&")[0]), dict)


def test_a_refusal_quotes_nothing_of_the_form() -> None:
    refusal = _refused(b"client_secret=hunter2&client_secret=hunter2")
    assert "hunter2" not in repr(refusal)
