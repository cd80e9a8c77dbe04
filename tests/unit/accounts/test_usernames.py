"""Usernames: one canonical form each, and nothing that an eye cannot tell apart."""

from __future__ import annotations

import pytest

from lingpai_server.accounts.usernames import UsernameProblem, canonical_username


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("alice", "alice"),
        ("  Alice\t", "alice"),
        ("ALICE@Example.COM", "alice@example.com"),
        ("Zoe\u0308", "zo\u00eb"),  # NFD becomes NFC
        ("Straße", "strasse"),  # casefolded, not merely lowered
        ("张伟", "张伟"),
        ("mary ann", "mary ann"),
    ],
)
def test_a_name_has_one_canonical_form(typed: str, canonical: str) -> None:
    assert canonical_username(typed) == canonical


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_name_is_refused(text: str) -> None:
    assert canonical_username(text) is UsernameProblem.EMPTY


def test_128_characters_are_allowed_and_129_are_not() -> None:
    assert canonical_username("a" * 128) == "a" * 128
    assert canonical_username("a" * 129) is UsernameProblem.TOO_LONG


def test_length_counts_after_casefolding() -> None:
    assert canonical_username("ß" * 65) is UsernameProblem.TOO_LONG


def test_an_absurd_length_is_refused_before_any_work() -> None:
    assert canonical_username("a" * 10_000_000) is UsernameProblem.TOO_LONG


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x1b", "\x7f", "\u200b", "\u200d", "\u202e", "\ufeff", "\ue000", "\ud800", "\u0378"],
    ids=["NUL", "ESC", "DEL", "ZWSP", "ZWJ", "RLO", "BOM", "private", "surrogate", "unassigned"],
)
def test_a_character_that_nobody_sees_is_refused(char: str) -> None:
    assert canonical_username(f"al{char}ice") is UsernameProblem.FORBIDDEN_CHARACTER


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\u3000"])
def test_a_space_that_passes_for_another_is_refused(space: str) -> None:
    assert canonical_username(f"mary{space}ann") is UsernameProblem.FORBIDDEN_CHARACTER
