"""The words of every page, by language and key. Escapes what it fills in; knows no page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from markupsafe import Markup, escape

from lingpai_server.console.catalogue_en import ENGLISH
from lingpai_server.console.catalogue_zh import CHINESE
from lingpai_server.console.languages import Language

CATALOGUE: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}
)
_SECONDS_A_MINUTE = 60


def say(language: Language, key: str, **values: str) -> Markup:
    """The text, with `values` filled in. Each value is isolated: a name that is written from right
    to left, or that tries to turn the line around, stays within its own bounds.

    Raises KeyError for a key that no catalogue has.
    """
    parts = {name: Markup("<bdi>{}</bdi>").format(value) for name, value in values.items()}
    return escape(CATALOGUE[language][key]).format(**parts)


def say_plainly(language: Language, key: str, **values: str) -> str:
    """The same without markup, for where there can be none, as in a title."""
    return CATALOGUE[language][key].format(**values)


def say_wait(language: Language, seconds: int) -> str:
    """How long to wait, in words; rounded up."""
    if seconds < 2 * _SECONDS_A_MINUTE:
        key, n = ("wait.second" if seconds <= 1 else "wait.seconds"), seconds
    else:
        minutes = -(-seconds // _SECONDS_A_MINUTE)
        key, n = "wait.minutes", minutes
    return say_plainly(language, key, n=str(n))
