"""What an operation asks of a token beyond being good. Pure; knows no request and no response."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn, Protocol

from lingpai.errors import InsufficientPermission, InsufficientScope

__all__ = ["NO_REQUIREMENT", "Requirement", "as_names", "check_granted"]


# RFC 6749 section 3.3: printable ASCII but for space, quote and backslash
_SCOPE_CHARACTERS = frozenset(map(chr, range(0x21, 0x7F))) - {'"', "\\"}


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
        """From any collections of names.

        Raises TypeError for a bare string, which is a collection of its characters and never meant,
        and ValueError for what no token can carry.
        """
        for scope in (names := _names(scopes)):
            if not _SCOPE_CHARACTERS.issuperset(scope):
                raise ValueError(f"{scope!r} is no scope (RFC 6749 section 3.3)")
        return cls(names, _names(permissions), _names(roles))

    def check(self, token: Granted) -> None:
        """Raise InsufficientScope (RFC 6750 section 3.1) or InsufficientPermission."""
        check_granted(token, self.scopes, self.permissions, self.roles)


NO_REQUIREMENT = Requirement()


def check_granted(
    token: Granted, scopes: frozenset[str], permissions: frozenset[str], roles: frozenset[str]
) -> None:
    """Raise InsufficientScope or InsufficientPermission unless the token carries all of these."""
    if scopes and not scopes <= (given := token.scopes):
        _refuse(scopes - given, InsufficientScope, "scope")
    if permissions and not permissions <= (given := token.permissions):
        _refuse(permissions - given, InsufficientPermission, "permission")
    if roles and not roles <= (given := token.roles):
        _refuse(roles - given, InsufficientPermission, "role")


def as_names(values: Iterable[str]) -> frozenset[str]:
    """A set of names. Raises TypeError for a bare string, which is a collection of characters."""
    if isinstance(values, (str, bytes)):
        raise TypeError("a collection of names is asked for, not one string")
    return frozenset(values)


def _names(values: Iterable[str]) -> frozenset[str]:
    names = as_names(values)
    for name in names:
        if type(name) is not str:
            raise TypeError("a name is a string")
        if not name or name != name.strip():
            raise ValueError(f"{name!r} is no name")
    return names


def _refuse(
    missing: frozenset[str],
    refusal: type[InsufficientScope | InsufficientPermission],
    kind: str,
) -> NoReturn:
    names = ", ".join(sorted(missing))
    raise refusal(f"the token lacks the {kind}{'s' if len(missing) > 1 else ''} {names}")
