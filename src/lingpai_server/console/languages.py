"""Which language a page speaks: what the user chose, the client asks for, the browser prefers.

Refuses to know any text. RFC 4647 section 3.4 (lookup), reduced to two languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Language(StrEnum):
    """The languages of the catalogue; the value is the BCP 47 tag, for the attribute `lang`."""

    ENGLISH = "en"
    CHINESE = "zh-CN"

    @property
    def other(self) -> Language:
        """The one that a page offers beside its own."""
        return Language.CHINESE if self is Language.ENGLISH else Language.ENGLISH


_BY_PRIMARY_SUBTAG = {"en": Language.ENGLISH, "zh": Language.CHINESE}
_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII | re.IGNORECASE)


def choose_language(
    chosen: str | None = None,
    ui_locales: Iterable[str] = (),
    accept_language: Iterable[str] = (),
) -> Language:
    """The first that is spoken here: `chosen` by hand, then `ui_locales` (OpenID Connect Core
    section 3.1.2.1), then the items of Accept-Language (RFC 9110 section 12.5.4), then English."""
    tags = (*((chosen,) if chosen else ()), *ui_locales, *_by_quality(accept_language))
    return next(filter(None, map(_match, tags)), Language.ENGLISH)


def _match(tag: str) -> Language | None:
    """Any Chinese is better read in this one than English is."""
    return _BY_PRIMARY_SUBTAG.get(tag.partition("-")[0].strip().lower())


def _by_quality(items: Iterable[str]) -> Iterator[str]:
    """The tags, best first, of equals the earlier; what cannot be read is left out."""
    weighed: list[tuple[float, str]] = []
    for item in items:
        tag, _, parameter = (part.strip() for part in item.partition(";"))
        found = _QUALITY.fullmatch(parameter) if parameter else None
        if parameter and found is None:
            continue
        quality = float(found.group(1)) if found else 1.0
        if quality > 0:
            weighed.append((quality, tag))
    return (tag for _, tag in sorted(weighed, key=lambda pair: -pair[0]))
