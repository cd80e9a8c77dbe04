"""New passwords: NIST SP 800-63B-4 section 3.1.1.2, each rule with its boundary and its reason."""

from __future__ import annotations

import pytest

from lingpai_server.accounts.passwords import (
    PasswordPolicy,
    PasswordProblem,
    decide_new_password,
    normal_password,
)
from lingpai_server.core.secret import Secret

GOOD = "violet tram 7 kettle"


def _decide(text: str, username: str = "alice", policy: PasswordPolicy | None = None) -> object:
    return decide_new_password(text, username=username, policy=policy or PasswordPolicy())


def test_a_good_password_is_taken_as_it_is() -> None:
    assert _decide(GOOD) == Secret(GOOD)


def test_fifteen_characters_are_enough_and_fourteen_are_not() -> None:
    assert _decide("q8vT zR2p Lm4wX") == Secret("q8vT zR2p Lm4wX")
    assert _decide("q8vT zR2p Lm4w") is PasswordProblem.TOO_SHORT


def test_eight_characters_can_be_configured_and_seven_cannot() -> None:
    assert _decide("q8vTzR2p", policy=PasswordPolicy(min_length=8)) == Secret("q8vTzR2p")
    with pytest.raises(ValueError):
        PasswordPolicy(min_length=7)


def test_a_policy_has_to_allow_64_characters() -> None:
    with pytest.raises(ValueError):
        PasswordPolicy(max_length=63)


def test_a_policy_cannot_ask_for_more_than_it_allows() -> None:
    with pytest.raises(ValueError):
        PasswordPolicy(min_length=100, max_length=99)


def test_1024_characters_are_allowed_and_1025_are_not() -> None:
    long = "".join(chr(0x4E00 + n) for n in range(1025))
    assert _decide(long[:1024]) == Secret(long[:1024])
    assert _decide(long) is PasswordProblem.TOO_LONG


def test_each_code_point_counts_as_one_character() -> None:
    assert _decide("紫色电车七号水壶在山上唱着歌呢") == Secret("紫色电车七号水壶在山上唱着歌呢")


def test_a_decomposed_password_is_the_composed_one() -> None:
    composed, decomposed = "caf\u00e9 tram kettle 7", "cafe\u0301 tram kettle 7"
    assert _decide(decomposed) == _decide(composed) == Secret(composed)


def test_spaces_at_the_ends_are_part_of_the_password() -> None:
    assert _decide(f" {GOOD} ") == Secret(f" {GOOD} ")


def test_there_are_no_rules_of_composition() -> None:
    assert _decide("violettramkettlemoon") == Secret("violettramkettlemoon")


@pytest.mark.parametrize(
    "text", ["a" * 15, "1212121212121212", "abcabcabcabcabc", "Ha! Ha! Ha! Ha! "]
)
def test_one_short_pattern_is_refused(text: str) -> None:
    assert _decide(text) is PasswordProblem.ONE_PATTERN


@pytest.mark.parametrize(
    "text",
    [
        "123456789012345",
        "abcdefghijklmnop",
        "QWERTYUIOPasdfgh",
        "987654321qwerty",
        "abc123xyz789cba",
    ],
)
def test_runs_from_end_to_end_are_refused(text: str) -> None:
    assert _decide(text) is PasswordProblem.A_RUN


def test_a_run_inside_a_password_is_allowed() -> None:
    assert _decide("violet 1234 kettle") == Secret("violet 1234 kettle")


@pytest.mark.parametrize("text", ["alexander.the.great", "Alexander.The.GREAT"])
def test_the_username_is_refused(text: str) -> None:
    assert _decide(text, username="alexander.the.great") is PasswordProblem.THE_USERNAME


def test_the_username_again_and_again_is_refused() -> None:
    assert _decide("aliceAliceALICE") is PasswordProblem.THE_USERNAME


@pytest.mark.parametrize(
    "text", ["Lingpai-Lingpai-2026", "lingpailingpailing", "令牌令牌令牌令牌-令牌令牌令牌1"]
)
def test_the_name_of_the_product_is_refused(text: str) -> None:
    assert _decide(text) is PasswordProblem.THE_PRODUCT


def test_the_blocklist_is_compared_whole_and_caseless() -> None:
    policy = PasswordPolicy(blocklist=frozenset({"correct horse battery"}))
    assert _decide("Correct Horse Battery", policy=policy) is PasswordProblem.BLOCKED
    longer = "correct horse battery staple"
    assert _decide(longer, policy=policy) == Secret(longer)


def test_a_lone_surrogate_is_no_text() -> None:
    assert _decide(GOOD + "\ud800") is PasswordProblem.NOT_TEXT


def test_at_login_any_text_is_a_candidate_in_the_same_form() -> None:
    assert normal_password("e\u0301") == Secret("\u00e9")
    assert normal_password("x") == Secret("x")


def test_a_refusal_quotes_nothing_of_the_password() -> None:
    assert all("alice" not in problem.value for problem in PasswordProblem)
