"""Whose address counts: the rightmost one that no trusted proxy vouches for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingpai_server.http.address import client_address, parse_networks

PROXIES = parse_networks(["10.0.0.0/8", "2001:db8:ffff::/48"])


def seen(peer: str | None, *lines: str) -> str | None:
    return client_address(peer, lines, PROXIES)


def test_stranger_is_believed_nothing() -> None:
    assert seen("198.51.100.1", "203.0.113.9") == "198.51.100.1"


def test_trusted_proxy_reports_its_peer() -> None:
    assert seen("10.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_what_the_client_wrote_itself_is_not_believed() -> None:
    assert seen("10.0.0.1", "1.1.1.1, 203.0.113.9") == "203.0.113.9"


def test_chain_of_trusted_proxies_is_followed_to_its_start() -> None:
    assert seen("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.3, 10.0.0.2") == "203.0.113.9"


def test_lines_are_one_list_in_their_order() -> None:  # RFC 9110 section 5.3
    assert seen("10.0.0.1", "1.1.1.1", "203.0.113.9", "10.0.0.2") == "203.0.113.9"


def test_only_trusted_addresses_end_at_the_leftmost() -> None:
    assert seen("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3"


@pytest.mark.parametrize(
    "nonsense", ["", "unknown", "203.0.113", "example.com", "1.2.3.4.5", "::g"]
)
def test_nonsense_ends_the_walk_at_what_was_seen_last(nonsense: str) -> None:
    assert seen("10.0.0.1", f"203.0.113.9, {nonsense}, 10.0.0.2") == "10.0.0.2"


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9 ", "203.0.113.9"),
    ],
)
def test_entry_may_carry_a_port_or_brackets(entry: str, address: str) -> None:
    assert seen("10.0.0.1", entry) == address


def test_mapped_peer_is_the_ipv4_address_that_it_is() -> None:
    assert seen("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"


def test_scope_of_a_link_local_peer_is_no_part_of_it() -> None:
    assert seen("fe80::1%eth0") == "fe80::1"


@pytest.mark.parametrize("peer", [None, "", "socket"])
def test_no_address_is_none(peer: str | None) -> None:
    assert seen(peer, "203.0.113.9") is None


def test_endless_chain_is_read_from_its_end_alone() -> None:
    line = ", ".join(["1.1.1.1", *["10.0.0.2"] * 1000])
    assert seen("10.0.0.1", line) == "10.0.0.2"


@given(st.lists(st.text(max_size=50), max_size=5))
def test_no_header_raises(lines: list[str]) -> None:
    assert seen("10.0.0.1", *lines) is not None


@given(st.lists(st.ip_addresses().map(str), max_size=5))
def test_no_header_of_a_stranger_moves_the_address(lines: list[str]) -> None:
    assert seen("198.51.100.1", *lines) == "198.51.100.1"
