"""VerifiedToken: the proof, as a type, that a token passed every check of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from lingpai.jose.header import Header
from lingpai.jwt.claim_names import STANDARD, ClaimNames, read_first, read_names, read_scopes


class VerifiedToken(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """What a verified token says. Only `verify` makes one; it is shared, so nothing changes it.

    A claim of the wrong type reads as absent: a scope that is not text grants nothing.
    """

    header: Header
    _claims: dict[str, Any]
    expires_at: float
    """`exp` in seconds since the epoch; infinity for the kinds of token that have none."""
    valid_from: float
    """The earliest time, less the policy's leeway, at which the token is good."""
    claim_names: ClaimNames = STANDARD
    """Where its issuer keeps what the properties below read."""

    @property
    def claims(self) -> Mapping[str, Any]:
        """All claims, read-only."""
        return MappingProxyType(self._claims)

    @property
    def subject(self) -> str | None:
        """`sub`."""
        return self._text("sub")

    @property
    def issuer(self) -> str | None:
        """`iss`."""
        return self._text("iss")

    @property
    def audience(self) -> tuple[str, ...]:
        """`aud`, always as a tuple."""
        aud = self._claims.get("aud")
        several = [aud] if isinstance(aud, str) else aud
        if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
            return ()
        return tuple(several)

    @property
    def client_id(self) -> str | None:
        """`client_id` (RFC 9068), else `azp` (OpenID Connect Core section 2)."""
        return read_first(self._claims, self.claim_names.client_id)

    @property
    def token_id(self) -> str | None:
        """`jti`."""
        return self._text("jti")

    @property
    def session_id(self) -> str | None:
        """`sid`."""
        return self._text("sid")

    @property
    def issued_at(self) -> int | float | None:
        """`iat` in seconds since the epoch."""
        return self._claims.get("iat")

    @property
    def auth_time(self) -> int | float | None:
        """When the user logged in, in seconds since the epoch."""
        value = self._claims.get("auth_time")
        return value if type(value) in (int, float) else None

    @property
    def scopes(self) -> frozenset[str]:
        """`scope`, split at spaces (RFC 6749 section 3.3)."""
        return read_scopes(self._claims, self.claim_names)

    @property
    def roles(self) -> frozenset[str]:
        """`roles`, those of this audience."""
        return read_names(self._claims, self.claim_names.roles)

    @property
    def permissions(self) -> frozenset[str]:
        """`permissions`, those of this audience."""
        return read_names(self._claims, self.claim_names.permissions)

    def _text(self, name: str) -> str | None:
        value = self._claims.get(name)
        return value if isinstance(value, str) else None

    def __repr__(self) -> str:
        return f"VerifiedToken(sub={self.subject!r}, iss={self.issuer!r}, jti={self.token_id!r})"
