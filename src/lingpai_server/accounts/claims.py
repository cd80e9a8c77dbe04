"""What is known of a person: the standard claims (OpenID Connect Core section 5.1), one table.

Refuses to know who is told them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

MAX_TEXT_CHARS = 1024
ADDRESS_MEMBERS = (
    *("formatted", "street_address", "locality", "region", "postal_code", "country"),
)


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT_CHARS and "\x00" not in value


def _address(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(name in ADDRESS_MEMBERS and _text(part) for name, part in value.items())


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


_TEXTS = (
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username"),
    *("profile", "picture", "website", "email", "gender", "birthdate", "zoneinfo", "locale"),
    "phone_number",
)
CLAIMS: Mapping[str, tuple[Callable[[object], bool], str]] = MappingProxyType(
    {
        **dict.fromkeys(_TEXTS, (_text, f"a text of 1 to {MAX_TEXT_CHARS} characters")),
        "email_verified": (_is_flag, "true or false"),
        "phone_number_verified": (_is_flag, "true or false"),
        "address": (_address, f"an object of texts: {', '.join(ADDRESS_MEMBERS)}"),
        "updated_at": (_is_time, "seconds since the epoch"),
    }
)


def why_not_claim(name: str, value: Any) -> str | None:
    """What is wrong with one claim of a person, in a sentence without its end; None if nothing."""
    if name not in CLAIMS:
        return f"{name!r} is no standard claim; there are {', '.join(sorted(CLAIMS))}"
    fits, described = CLAIMS[name]
    return None if fits(value) else f"{name} is {described}"
