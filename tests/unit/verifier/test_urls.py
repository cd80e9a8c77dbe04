"""Which URLs may be fetched: https, or plain http on loopback; nothing that reads in two ways."""

from __future__ import annotations

import pytest

from lingpai.verifier.urls import check_fetch_url, check_issuer, parse_url


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example",
        "https://id.example/tenant/one",
        "https://id.example:8443/",
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8000",
        "http://127.8.8.8",
    ],
)
def test_an_issuer_is_https_or_on_loopback(issuer: str) -> None:  # RFC 8414 section 2
    check_issuer(issuer)


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "id.example",
        "http://id.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "ftp://id.example",
        "file:///etc/passwd",
        "https://",
        "https://user@id.example",
        "https://id.example?x=1",
        "https://id.example?",
        "https://id.example#x",
        "https://id.example\\@evil.example",
        "https://id.example/ x",
        "https://id.example/\n",
        "https://id.example:99999",
        "https://id.exämple",
    ],
)
def test_any_other_issuer_is_a_mistake_of_the_caller(issuer: str) -> None:
    with pytest.raises(ValueError):
        check_issuer(issuer)


def test_an_https_issuer_cannot_point_at_plain_http_on_this_machine() -> None:
    with pytest.raises(ValueError, match="https"):
        check_fetch_url("http://127.0.0.1/keys", issuer="https://id.example")


def test_a_loopback_issuer_may_use_plain_http() -> None:
    check_fetch_url("http://127.0.0.1:1/keys", issuer="http://127.0.0.1:8000")


def test_the_keys_may_be_on_another_https_host_and_have_a_query() -> None:
    check_fetch_url("https://keys.example/v1?tenant=a", issuer="https://id.example")


def test_the_default_port_is_the_schemes() -> None:
    assert (parse_url("https://a.example").port, parse_url("http://127.0.0.1").port) == (443, 80)


def test_the_target_of_a_request_is_never_empty() -> None:  # RFC 9112 section 3.2.1
    assert parse_url("https://a.example?x=1").target == "/?x=1"
