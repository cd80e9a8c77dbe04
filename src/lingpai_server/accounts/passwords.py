"""Which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1.2). Hashes nothing.

Length is counted in Unicode code points. There are no rules of composition, and no old password
expires; a refused one is refused with its reason.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lingpai_server.core.secret import Secret

LEAST_MIN_LENGTH = 8  # NIST allows it where a second factor follows
LEAST_MAX_LENGTH = 64  # NIST asks that at least this many be allowed
_PRODUCT_WORDS = ("lingpai", "令牌")
_LONGEST_PERIOD = 4
# runs that a hand makes without thinking; each is also read backwards
_RUNS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST_STEP = 3


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Lengths in code points, and passwords that nobody may choose (compared whole, caseless).

    Raises ValueError for lengths that NIST does not allow.
    """

    min_length: int = 15
    max_length: int = 1024
    blocklist: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.min_length < LEAST_MIN_LENGTH:
            raise ValueError(f"min_length must be at least {LEAST_MIN_LENGTH}")
        if self.max_length < max(LEAST_MAX_LENGTH, self.min_length):
            raise ValueError(f"max_length must be at least {LEAST_MAX_LENGTH}, and min_length")


class PasswordProblem(StrEnum):
    """Why a password was refused, in words for the person who chose it."""

    NOT_TEXT = "The password contains something that is not a character."
    TOO_SHORT = "The password is too short."
    TOO_LONG = "The password is too long."
    ONE_PATTERN = "The password repeats one short pattern."
    A_RUN = "The password is made of runs of neighbouring keys, letters or digits."
    THE_USERNAME = "The password is the username."
    THE_PRODUCT = "The password is little more than the name of this product."
    BLOCKED = "The password is on the list of passwords that are guessed first."


def normal_password(text: str) -> Secret[str] | PasswordProblem:
    """The form that is hashed and compared: NFC, nothing cut off, nothing trimmed."""
    if any(unicodedata.category(char) == "Cs" for char in text):
        return PasswordProblem.NOT_TEXT
    return Secret(unicodedata.normalize("NFC", text))


def decide_new_password(
    text: str, *, username: str, policy: PasswordPolicy
) -> Secret[str] | PasswordProblem:
    """The password to hash, or the first reason against it."""
    password = normal_password(text)
    if isinstance(password, PasswordProblem):
        return password
    choice = _Choice(password.reveal(), _fold(password.reveal()), _fold(username), policy)
    for problem, applies in _RULES:
        if applies(choice):
            return problem
    return password


@dataclass(frozen=True, slots=True, repr=False)
class _Choice:
    password: str
    folded: str
    username: str
    policy: PasswordPolicy


def _is_too_short(choice: _Choice) -> bool:
    return len(choice.password) < choice.policy.min_length


def _is_too_long(choice: _Choice) -> bool:
    return len(choice.password) > choice.policy.max_length


def _is_one_pattern(choice: _Choice) -> bool:
    return any(_repeats(choice.folded, choice.folded[:n]) for n in range(1, _LONGEST_PERIOD + 1))


def _is_made_of_runs(choice: _Choice) -> bool:
    """Whether runs of at least three cover it from end to end, as in abc123qwerty4321."""
    rest = choice.folded
    while rest:
        step = max(_run_length(rest, run) for run in _BOTH_WAYS)
        if step < min(_SHORTEST_STEP, len(rest)):
            return False
        rest = rest[step:]
    return True


def _is_the_username(choice: _Choice) -> bool:
    return choice.username != "" and _repeats(choice.folded, choice.username)


def _is_the_product(choice: _Choice) -> bool:
    letters = "".join(filter(str.isalpha, choice.folded))
    named = any(_repeats(letters, word) for word in _PRODUCT_WORDS)
    return named and 2 * len(letters) > len(choice.folded)


def _is_blocked(choice: _Choice) -> bool:
    return choice.folded in choice.policy.blocklist or choice.password in choice.policy.blocklist


_BOTH_WAYS = tuple(way for run in _RUNS for way in (run, run[::-1]))
_RULES: tuple[tuple[PasswordProblem, Callable[[_Choice], bool]], ...] = (
    (PasswordProblem.TOO_SHORT, _is_too_short),
    (PasswordProblem.TOO_LONG, _is_too_long),
    (PasswordProblem.ONE_PATTERN, _is_one_pattern),
    (PasswordProblem.A_RUN, _is_made_of_runs),
    (PasswordProblem.THE_USERNAME, _is_the_username),
    (PasswordProblem.THE_PRODUCT, _is_the_product),
    (PasswordProblem.BLOCKED, _is_blocked),
)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _repeats(text: str, pattern: str) -> bool:
    """Whether `text` is `pattern` again and again, the last time perhaps cut short."""
    times = len(text) // len(pattern) + 1 if pattern else 0
    return text != "" and (pattern * times)[: len(text)] == text and len(text) >= len(pattern)


def _run_length(text: str, run: str) -> int:
    """How many first characters of `text` lie beside each other, in order, in `run`."""
    start = run.find(text[0])
    if start < 0:
        return 0
    length = 0
    for typed, neighbour in zip(text, run[start:], strict=False):
        if typed != neighbour:
            break
        length += 1
    return length
