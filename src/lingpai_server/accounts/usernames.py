"""Usernames in their one canonical form. Knows Unicode; refuses to know which names are taken."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

MAX_USERNAME_CHARS = 128
_MAX_RAW_CHARS = 4 * MAX_USERNAME_CHARS  # nothing longer is worth normalising
_SPACE = " "
# what nobody sees (control, format, line and paragraph separators), what has no fixed meaning
# (private, unassigned), what is no character (surrogate), and spaces that pass for another one
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


class UsernameProblem(StrEnum):
    """Why a text cannot be a username."""

    EMPTY = "username_empty"
    TOO_LONG = "username_too_long"
    FORBIDDEN_CHARACTER = "username_forbidden_character"


def canonical_username(text: str) -> str | UsernameProblem:
    """Trimmed, casefolded and in NFC, so that one name has one account however it is typed.

    The form is that of a caseless canonical match (the Unicode Standard, D145), and it is stable:
    the canonical form of a canonical form is itself.
    """
    if len(text) > _MAX_RAW_CHARS:
        return UsernameProblem.TOO_LONG
    folded = unicodedata.normalize("NFD", text.strip()).casefold()
    name = unicodedata.normalize("NFC", folded)
    if not name:
        return UsernameProblem.EMPTY
    if len(name) > MAX_USERNAME_CHARS:
        return UsernameProblem.TOO_LONG
    if any(map(_is_forbidden, name)):
        return UsernameProblem.FORBIDDEN_CHARACTER
    return name


def _is_forbidden(char: str) -> bool:
    return char != _SPACE and unicodedata.category(char) in _REFUSED_CATEGORIES
