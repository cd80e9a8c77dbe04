"""Policy: what a verifier accepts. Cannot be built without issuer, audience and typ.

A check is turned off by a named value that a reader can search for, never by leaving it out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from lingpai.jose.header import media_type
from lingpai.jose.jws import MAX_TOKEN_BYTES
from lingpai.jwt.claim_names import STANDARD, ClaimNames
from lingpai.jwt.profiles import GENERIC, Profile

MAX_LEEWAY_SECONDS = 600
MAX_AGE_SECONDS = 2**31
MAX_POLICY_BYTES = 2**31


class Waiver(Enum):
    """The values that turn a check off."""

    ANY_ISSUER = "ANY_ISSUER"
    ANY_AUDIENCE = "ANY_AUDIENCE"
    NO_TYP = "NO_TYP"
    IGNORE_STATUS = "IGNORE_STATUS"
    IGNORE_BINDING = "IGNORE_BINDING"

    def __repr__(self) -> str:
        return self.value


ANY_ISSUER: Final = Waiver.ANY_ISSUER
"""Accept tokens of any issuer: only where the key alone says who speaks."""
ANY_AUDIENCE: Final = Waiver.ANY_AUDIENCE
"""Accept tokens meant for others, or for nobody: the issuer's tokens for any API pass."""
NO_TYP: Final = Waiver.NO_TYP
"""For issuers whose tokens name no kind: `typ` must be absent, or `JWT`, which says as little."""
IGNORE_STATUS: Final = Waiver.IGNORE_STATUS
"""Accept a token that carries a `status` without asking whether it was revoked."""
IGNORE_BINDING: Final = Waiver.IGNORE_BINDING
"""Accept a token that is bound to a key (`cnf`) from whoever presents it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """What is accepted, built once and used for every token.

    `issuer`: compared exactly with `iss`. `audience`: one or several, of which the token must name
    one. `typ`: compared as a media type (RFC 7515 section 4.1.9). `profile`: which claims must and
    must not be there; the generic one asks for iss, aud and exp. `required`: further claims, by
    name, or name and exact value. `leeway_seconds`: how far clocks may differ. `max_age_seconds`:
    the oldest `iat`. `max_bytes`: the longest token. `max_status_age_seconds`: how old the view of
    the issuer's status list may be where there is one, and `on_stale` what to do past that.
    `claim_names`: where an issuer keeps scopes and roles that keeps them elsewhere than RFC 9068.

    Raises TypeError if issuer, audience or typ is left out; ValueError for a value that could not
    accept any token or would accept too many.
    """

    issuer: str | Waiver
    audience: str | Collection[str] | Waiver
    typ: str | Waiver
    profile: Profile = GENERIC
    required: Collection[str | tuple[str, str]] = ()
    leeway_seconds: int = 0
    max_age_seconds: int | None = None
    max_bytes: int = MAX_TOKEN_BYTES
    status: Waiver | None = None
    max_status_age_seconds: float = 300
    on_stale: Literal["refuse", "accept"] = "refuse"
    binding: Waiver | None = None
    claim_names: ClaimNames = STANDARD
    # Derived once, so that verify compares and does not compute.
    audiences: frozenset[str] = field(init=False, repr=False)
    typs: frozenset[str | None] = field(init=False, repr=False)
    names: tuple[str, ...] = field(init=False, repr=False)
    values: tuple[tuple[str, str], ...] = field(init=False, repr=False)
    is_special: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.issuer is not ANY_ISSUER:
            _check_text("issuer", self.issuer)
        if self.status not in (None, IGNORE_STATUS):
            raise ValueError("status is IGNORE_STATUS or left out")
        if self.binding not in (None, IGNORE_BINDING):
            raise ValueError("binding is IGNORE_BINDING or left out")
        if self.on_stale not in ("refuse", "accept"):
            raise ValueError('on_stale is "refuse" or "accept"')
        check_status_age(self.max_status_age_seconds)
        _check_count("leeway_seconds", self.leeway_seconds, 0, MAX_LEEWAY_SECONDS)
        if self.max_age_seconds is not None:
            _check_count("max_age_seconds", self.max_age_seconds, 0, MAX_AGE_SECONDS)
        _check_count("max_bytes", self.max_bytes, 1, MAX_POLICY_BYTES)
        if not isinstance(self.profile, Profile):
            raise ValueError("profile is one of lingpai.jwt.profiles, or a Profile")
        _check_required(self.required)
        object.__setattr__(self, "audiences", _read_audiences(self.audience))
        object.__setattr__(self, "typs", _read_typs(self.typ))
        object.__setattr__(self, "values", tuple(r for r in self.required if isinstance(r, tuple)))
        object.__setattr__(self, "names", self._required_names())
        special = bool(self.names or self.values or self.profile.forbidden)
        object.__setattr__(self, "is_special", special)

    def _required_names(self) -> tuple[str, ...]:
        """Those that no other check asks for by itself."""
        waived = {"exp"} if self.profile.expires else set()
        if self.audience is ANY_AUDIENCE or self.audiences:
            waived.add("aud")
        if self.issuer is not ANY_ISSUER:
            waived.add("iss")
        asked = [name for name in self.profile.required if name not in waived]
        asked += [name for name in self.required if isinstance(name, str)]
        return tuple(dict.fromkeys(asked))


def check_status_age(seconds: object) -> None:
    """Raise ValueError for what is no number of seconds to bound the age of a status by."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError("max_status_age_seconds is not a number")
    if not 0 < seconds <= MAX_AGE_SECONDS:
        raise ValueError("max_status_age_seconds is a positive number of seconds")


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a string that is not empty, or the value that waives it")


def _check_count(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is an integer from {least} to {most}")


def _check_required(required: Collection[object]) -> None:
    if isinstance(required, (str, bytes)):
        raise ValueError("required is several names, so one stands in a list as well")
    for one in required:
        pair = one if isinstance(one, tuple) else (one, "")
        if len(pair) != 2 or not pair[0] or not all(isinstance(text, str) for text in pair):
            raise ValueError("required holds names, and pairs of a name and its exact value")


def _read_audiences(audience: str | Collection[str] | Waiver) -> frozenset[str]:
    if audience is ANY_AUDIENCE:
        return frozenset()
    if isinstance(audience, Waiver):
        raise ValueError("audience is text, several texts, or ANY_AUDIENCE")
    several = (audience,) if isinstance(audience, str) else tuple(audience or ())
    if not several:
        raise ValueError("audience names none; ANY_AUDIENCE waives the check")
    for one in several:
        _check_text("audience", one)
    return frozenset(several)


def _read_typs(typ: str | Waiver) -> frozenset[str | None]:
    if typ is NO_TYP:
        return frozenset({None, "jwt"})
    if isinstance(typ, Waiver):
        raise ValueError("typ is text or NO_TYP")
    _check_text("typ", typ)
    return frozenset({media_type(typ)})
