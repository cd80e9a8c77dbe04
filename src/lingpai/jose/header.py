"""The JOSE header, parsed strictly once: what it says, not whether it is true.

`jwk`, `jku`, `x5u` and `x5c` are read by nobody here: a key comes from the caller, never from the
token (RFC 8725 section 3.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import InvalidHeader, UnsupportedCritical, quote
from lingpai.jose import base64url, strict_json

MAX_HEADER_CHARACTERS = 16_384

# RFC 7515 section 4.1.11: a name that the base specifications define may not stand in `crit`.
_REGISTERED = frozenset(
    {
        *("alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty"),
        *("crit", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "iss", "sub", "aud"),
    }
)
_TEXT_MEMBERS = ("kid", "typ", "cty", "enc", "zip")


@dataclass(frozen=True, slots=True)
class Header:
    """One JOSE header. `typ` and `cty` are media types, lower case, without `application/`."""

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    members: Mapping[str, Any] = field(repr=False)
    b64: bool = True


def media_type(value: str) -> str:
    """RFC 7515 section 4.1.9: `application/` is implied where there is no other slash."""
    lowered = value.lower()
    prefix = "application/"
    rest = lowered[len(prefix) :]
    return rest if lowered.startswith(prefix) and "/" not in rest else lowered


def decode_members(encoded: bytes) -> dict[str, Any]:
    """base64url of strict JSON to the members. Raises InvalidHeader."""
    if len(encoded) > MAX_HEADER_CHARACTERS:
        raise InvalidHeader("the header is too long")
    try:
        return strict_json.decode_object(base64url.decode(encoded))
    except ValueError:
        raise InvalidHeader("the header is not base64url of one strict JSON object") from None


def parse_header(
    encoded: bytes, *, extensions: frozenset[str] = frozenset(), unprotected: Any = None
) -> Header:
    """A header from its protected part and, in JSON serialisations, an unprotected part.

    `extensions` are the `crit` names that the caller will honour. Raises InvalidHeader, or
    UnsupportedCritical.
    """
    protected = decode_members(encoded) if encoded else {}
    members = join(protected, unprotected)
    alg = members.get("alg")
    if not isinstance(alg, str) or not alg:
        raise InvalidHeader("the header has no alg")
    for name in _TEXT_MEMBERS:
        if name in members and not isinstance(members[name], str):
            raise InvalidHeader(f"the header member {name!r} is not a string")
    check_crit(protected, members, extensions)
    typ, cty = members.get("typ"), members.get("cty")
    return Header(
        alg=alg,
        kid=members.get("kid"),
        typ=None if typ is None else media_type(typ),
        cty=None if cty is None else media_type(cty),
        members=members,
        b64=_read_b64(protected, members),
    )


def join(protected: dict[str, Any], unprotected: Any) -> dict[str, Any]:
    """RFC 7515 section 7.2.1: the two parts are disjoint."""
    if unprotected is None:
        return protected
    if not isinstance(unprotected, Mapping):
        raise InvalidHeader("the unprotected header is not an object")
    if not protected.keys().isdisjoint(unprotected):
        raise InvalidHeader("a member stands in the protected and the unprotected header")
    return {**protected, **unprotected}


def check_crit(
    protected: Mapping[str, Any], members: Mapping[str, Any], extensions: frozenset[str]
) -> None:
    """RFC 7515 section 4.1.11: protected, a non-empty list of distinct, known, present names."""
    if "crit" not in members:
        return
    crit = protected.get("crit")
    if not isinstance(crit, list) or not crit or not all(isinstance(n, str) for n in crit):
        raise UnsupportedCritical("crit is not a protected, non-empty array of strings")
    if len(set(crit)) != len(crit):
        raise UnsupportedCritical("crit names an extension twice")
    for name in crit:
        if name in _REGISTERED or name not in extensions:
            raise UnsupportedCritical(f"crit names {quote(name)}, which is not understood here")
        if name not in protected:
            raise UnsupportedCritical(f"crit names {quote(name)}, which the header does not have")


def _read_b64(protected: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    """RFC 7797 section 3: `b64` counts only where `crit` lists it."""
    if "b64" not in members:
        return True
    if "b64" not in protected.get("crit", ()) or not isinstance(members["b64"], bool):
        raise UnsupportedCritical("b64 is a protected boolean that crit must list")
    return bool(members["b64"])
