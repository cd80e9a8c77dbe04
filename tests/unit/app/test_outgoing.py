"""Whom the server may call: https, public addresses, and what an operator allowed by name."""

from __future__ import annotations

import ipaddress

import pytest

from lingpai_server.app.outgoing import (
    FetchRefused,
    OutgoingPolicy,
    check_addresses,
    check_url,
    is_public,
    may_call,
)

STRICT = OutgoingPolicy()
AT_HOME = OutgoingPolicy(loopback=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - to be refused
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_address_that_is_not_public_is_not_called(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert not may_call(ipaddress.ip_address(address), STRICT)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"])
def test_public_address_is_called(address: str) -> None:
    assert may_call(ipaddress.ip_address(address), STRICT)


def test_allowed_network_is_called_and_no_other() -> None:
    policy = OutgoingPolicy(allowed_networks=(ipaddress.ip_network("10.1.0.0/16"),))
    assert may_call(ipaddress.ip_address("10.1.2.3"), policy)
    assert not may_call(ipaddress.ip_address("10.2.2.3"), policy)
    assert not may_call(ipaddress.ip_address("::ffff:10.1.2.3"), policy)


def test_own_machine_is_called_only_where_that_was_allowed() -> None:
    assert may_call(ipaddress.ip_address("127.0.0.1"), AT_HOME)
    assert may_call(ipaddress.ip_address("::1"), AT_HOME)
    assert not may_call(ipaddress.ip_address("10.0.0.1"), AT_HOME)


@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/jwks",
        "http://127.0.0.1/jwks",
        "ftp://client.example/jwks",
        "file:///etc/passwd",
        "https://user@client.example/jwks",
        "https://user:word@client.example/jwks",
        "https://client.example/jwks#part",
        "https://client.example:0/jwks",
        "https://client.example:99999/jwks",
        "https://client.example:/jwks",
        "https://cliënt.example/jwks",
        "https://client.example/a b",
        "https://client.example\\@internal/",
        "https://[fe80::1%25lo]/jwks",
        "https:///jwks",
        "//client.example/jwks",
        "client.example",
        "",
        "https://client.example/" + "a" * 2048,
    ],
)
def test_url_that_may_not_be_fetched_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        check_url(url, STRICT)


def test_plain_http_is_for_ones_own_machine() -> None:
    assert check_url("http://localhost:8000/x", AT_HOME).port == 8000
    with pytest.raises(FetchRefused):
        check_url("http://client.example/x", AT_HOME)


def test_plain_http_to_a_name_that_is_not_loopback_after_all_is_refused() -> None:
    url = check_url("http://localhost/x", AT_HOME)
    with pytest.raises(FetchRefused):
        check_addresses(["93.184.216.34"], url, AT_HOME)


def test_one_bad_address_refuses_them_all() -> None:
    url = check_url("https://client.example/x", STRICT)
    assert len(check_addresses(["93.184.216.34", "93.184.216.34"], url, STRICT)) == 1
    with pytest.raises(FetchRefused):
        check_addresses(["93.184.216.34", "127.0.0.1"], url, STRICT)
