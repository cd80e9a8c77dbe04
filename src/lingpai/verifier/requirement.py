"""What an operation asks of a token beyond being good. Pure; knows no request and no response."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lingpai.errors import InsufficientPermission, InsufficientScope

__all__ = ["NO_REQUIREMENT", "Requirement"]


class Granted(Protocol):
    """The part of a `VerifiedToken` that is looked at here."""

    @property
    def scopes(self) -> frozenset[str]:
        """What the client was allowed to ask for."""

    @property
    def permissions(self) -> frozenset[str]:
        """What the subject may do at this API."""

    @property
    def roles(self) -> frozenset[str]:
        """What the subject is at this API."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Scopes, permissions and roles, all of which a token must carry."""

    scopes: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> Requirement:
        """From any collections of names. Raises TypeError for a bare string, ValueError if empty.

        A bare string is a collection of its characters, which nobody means.
        """
        return cls(_names(scopes), _names(permissions), _names(roles))

    def check(self, token: Granted) -> None:
        """Raise InsufficientScope (RFC 6750 section 3.1) or InsufficientPermission."""
        _check(self.scopes - token.scopes, InsufficientScope, "scope")
        _check(self.permissions - token.permissions, InsufficientPermission, "permission")
        _check(self.roles - token.roles, InsufficientPermission, "role")


NO_REQUIREMENT = Requirement()


def _names(values: Iterable[str]) -> frozenset[str]:
    if isinstance(values, (str, bytes)):
        raise TypeError("a collection of names is asked for, not one string")
    names = frozenset(values)
    for name in names:
        if type(name) is not str:
            raise TypeError("a name is a string")
        if not name or name != name.strip():
            raise ValueError(f"{name!r} is no name")
    return names


def _check(
    missing: frozenset[str],
    refusal: type[InsufficientScope | InsufficientPermission],
    kind: str,
) -> None:
    if missing:
        names = ", ".join(sorted(missing))
        raise refusal(f"the token lacks the {kind}{'s' if len(missing) > 1 else ''} {names}")
