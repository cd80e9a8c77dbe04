"""Where an issuer keeps scopes, roles, permissions and the client in its claims. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

Path: TypeAlias = tuple[str, ...]


class ClaimNames(msgspec.Struct, frozen=True):
    """Each is the paths of the claims that hold it: `("realm_access", "roles")` is a member of a
    member. What several paths hold is taken together; of clients, the first that is there.

    Scopes are one text with spaces (RFC 6749 section 3.3), or an array for who says so.
    """

    scopes: tuple[Path, ...] = (("scope",),)
    roles: tuple[Path, ...] = (("roles",),)
    permissions: tuple[Path, ...] = (("permissions",),)
    client_id: tuple[Path, ...] = (("client_id",), ("azp",))
    scopes_in_array: bool = False


STANDARD = ClaimNames()  # RFC 9068 section 2.2


def read_names(claims: Mapping[str, Any], paths: tuple[Path, ...]) -> frozenset[str]:
    """All names at these paths; what is no array of texts there grants nothing."""
    found: frozenset[str] = frozenset()
    for path in paths:
        value = _at(claims, path)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            found |= frozenset(value)
    return found


def read_scopes(claims: Mapping[str, Any], names: ClaimNames) -> frozenset[str]:
    """All scopes of a token."""
    if names.scopes_in_array:
        return read_names(claims, names.scopes)
    texts = (_at(claims, path) for path in names.scopes)
    return frozenset(word for text in texts if isinstance(text, str) for word in text.split())


def read_first(claims: Mapping[str, Any], paths: tuple[Path, ...]) -> str | None:
    """The first text at these paths that is not empty."""
    for path in paths:
        value = _at(claims, path)
        if isinstance(value, str) and value:
            return value
    return None


def _at(claims: Mapping[str, Any], path: Path) -> object:
    value: object = claims
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None  # as JSON decodes
    return value
