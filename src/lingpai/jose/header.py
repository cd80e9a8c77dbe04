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
B64 = frozenset({"b64"})  # the one extension that is understood, where it is (RFC 7797)

# RFC 7515 section 4.1.11: a name that the base specifications define may not stand in `crit`.
_REGISTERED = frozenset(
    {
        *("alg", "enc", "zip", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty"),
        *("crit", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "iss", "sub", "aud"),
    }
)
_TEXT_MEMBERS = ("alg", "kid", "typ", "cty", "enc", "zip")
_PARTY_MEMBERS = frozenset({"apu", "apv"})  # base64url (RFC 7518 sections 4.6.1.2 and 4.6.1.3)
# What a caller may not write: each is set where it is honoured, and nowhere else.
_NOT_FOR_CALLERS = frozenset({"crit", "b64", "zip", "epk", "iv", "tag", "p2s"})


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a JWS. `typ`, `cty`: media types, lower case, without `application/`."""

    alg: str
    kid: str | None
    typ: str | None
    cty: str | None
    members: Mapping[str, Any] = field(repr=False)
    b64: bool = True


@dataclass(frozen=True, slots=True)
class JweHeader:
    """The header of a JWE, for one recipient. `typ` and `cty` as in `Header`."""

    alg: str
    enc: str
    kid: str | None
    typ: str | None
    cty: str | None
    members: Mapping[str, Any] = field(repr=False)
    compressed: bool = False


def media_type(value: str) -> str:
    """RFC 7515 section 4.1.9: `application/` is implied where there is no other slash."""
    lowered = value.lower()
    prefix = "application/"
    rest = lowered[len(prefix) :]
    return rest if lowered.startswith(prefix) and "/" not in rest else lowered


# --- reading ------------------------------------------------------------------------------------


def decode_members(encoded: bytes) -> dict[str, Any]:
    """base64url of strict JSON to the members. Raises InvalidHeader."""
    if len(encoded) > MAX_HEADER_CHARACTERS:
        raise InvalidHeader("the header is too long")
    try:
        return strict_json.decode_object(base64url.decode_bytes(encoded))
    except ValueError:
        raise InvalidHeader("the header is not base64url of one strict JSON object") from None


def parse_header(encoded: bytes, *, extensions: frozenset[str] = frozenset()) -> Header:
    """The header of a compact JWS. Raises InvalidHeader, or UnsupportedCritical.

    `extensions` are the `crit` names that the caller will honour.
    """
    return read_header(decode_members(encoded), extensions=extensions)


def read_header(
    protected: Mapping[str, Any],
    *unprotected: Mapping[str, Any],
    extensions: frozenset[str] = frozenset(),
) -> Header:
    """The header of a JWS from its parts. Raises InvalidHeader, or UnsupportedCritical."""
    members = join(protected, *unprotected)
    alg = _check_members(protected, members, extensions)
    return Header(
        alg=alg,
        kid=members.get("kid"),
        typ=_media_type(members, "typ"),
        cty=_media_type(members, "cty"),
        members=members,
        b64=_read_b64(protected, members),
    )


def read_jwe_header(protected: Mapping[str, Any], *unprotected: Mapping[str, Any]) -> JweHeader:
    """The header of a JWE from its parts. Raises InvalidHeader, or UnsupportedCritical."""
    members = join(protected, *unprotected)
    alg = _check_members(protected, members, frozenset())
    if not members.get("enc"):
        raise InvalidHeader("the header has no enc")
    if "zip" in members and protected.get("zip") != "DEF":  # RFC 7516 section 4.1.3
        raise InvalidHeader("zip is not DEF in the protected header")
    return JweHeader(
        alg=alg,
        enc=members["enc"],
        kid=members.get("kid"),
        typ=_media_type(members, "typ"),
        cty=_media_type(members, "cty"),
        members=members,
        compressed="zip" in members,
    )


def join(protected: Mapping[str, Any], *unprotected: Mapping[str, Any]) -> Mapping[str, Any]:
    """RFC 7515 section 7.2.1, RFC 7516 section 7.2.1: the parts are disjoint."""
    members = protected
    for part in unprotected:
        if not members.keys().isdisjoint(part):
            raise InvalidHeader("a member stands in two parts of the header")
        members = {**members, **part}
    return members


def _check_members(
    protected: Mapping[str, Any], members: Mapping[str, Any], extensions: frozenset[str]
) -> str:
    for name in _TEXT_MEMBERS:
        if name in members and not isinstance(members[name], str):
            raise InvalidHeader(f"the header member {name!r} is not a string")
    alg: str = members.get("alg", "")
    if not alg:
        raise InvalidHeader("the header has no alg")
    _check_crit(protected, members, extensions)
    return alg


def _check_crit(
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


def _media_type(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return None if value is None else media_type(value)


def _read_b64(protected: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    """RFC 7797 section 3: `b64` counts only where `crit` lists it."""
    if "b64" not in members:
        return True
    if "b64" not in protected.get("crit", ()) or not isinstance(members["b64"], bool):
        raise UnsupportedCritical("b64 is a protected boolean that crit must list")
    return bool(members["b64"])


# --- writing ------------------------------------------------------------------------------------


def check_own_members(header: Mapping[str, Any]) -> None:
    """Raises ValueError for a member of the wrong type, or one that is not the caller's to set."""
    for name in (*_TEXT_MEMBERS, *_PARTY_MEMBERS):
        if name in header and not isinstance(header[name], str):
            raise ValueError(f"the header member {name!r} is a string")
    for name in _PARTY_MEMBERS & header.keys():
        base64url.decode(header[name])
    if not _NOT_FOR_CALLERS.isdisjoint(header):
        names = ", ".join(sorted(_NOT_FOR_CALLERS & set(header)))
        raise ValueError(f"not for the caller to set in a header: {names}")


def write_members(alg: str, kid: str | None, header: Mapping[str, Any]) -> dict[str, Any]:
    """The header for a key: its `alg`, its `kid` unless `header` has one, and what `header` adds.

    Raises ValueError for another `alg` and for what `check_own_members` refuses.
    """
    check_own_members(header)
    members: dict[str, Any] = {"alg": alg}
    if kid is not None:
        members["kid"] = kid
    members.update(header)
    if members["alg"] != alg:
        raise ValueError(f"the key is for {alg} and nothing else")
    return members


def encode_members(members: Mapping[str, Any]) -> bytes:
    """base64url of compact JSON. Raises ValueError or TypeError for what JSON does not have."""
    return base64url.encode_bytes(strict_json.encode(members))
