"""sign: claims to a compact JWT, nested in a JWE where asked. Pure; checks what it would regret.

A token that is too big, that shows a secret or that no strict verifier would take is not issued.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from lingpai.errors import BudgetExceeded, IssueError
from lingpai.jose import strict_json
from lingpai.jose.jws import SigningKey, encode_header, sign_encoded
from lingpai.jose.keys import Key
from lingpai.jwt.lint import check_payload, read_payload
from lingpai.jwt.policy import NO_TYP, Waiver
from lingpai.jwt.profiles import Profile


class Budget(msgspec.Struct, frozen=True):
    """How large a token may be, in bytes before base64url: proxies refuse requests over 8 kB."""

    header_bytes: int = 1024
    payload_bytes: int = 4096


DEFAULT_BUDGET = Budget()


def sign(
    claims: Mapping[str, Any],
    key: SigningKey,
    *,
    typ: str | Waiver,
    headers: Mapping[str, Any] | None = None,
    profile: Profile | None = None,
    budget: Budget = DEFAULT_BUDGET,
    allow_names: Collection[str] = (),
    encrypt_to: Key | None = None,
    enc: str = "A256GCM",
) -> str:
    """A compact JWT with these claims.

    `typ` says what kind of token it is (NO_TYP leaves it out). `profile` asks for the claims of
    that kind. With `encrypt_to` the signed token is encrypted to that key (RFC 7519 section 5.2),
    `enc` being the content encryption. Raises IssueError and its kinds, InvalidKey for a key that
    does not sign, TypeError for a value that JSON does not have and for what is no claims or key.
    """
    _check_arguments(claims, key)
    check_issuable(claims, profile)
    payload = _encode(claims)
    if encrypt_to is None:
        check_payload(claims, payload, allow_names)
    else:
        read_payload(payload)
    header = _header(key, typ, headers)
    _check_budget(header, payload, budget)
    signed = sign_encoded(header, payload, key)
    if encrypt_to is None:
        return signed
    from lingpai.jose.jwe import encrypt_compact  # loaded by those alone who encrypt

    outer = {"cty": "JWT"} if isinstance(typ, Waiver) else {"cty": "JWT", "typ": typ}
    return encrypt_compact(signed.encode("ascii"), encrypt_to, enc=enc, header=outer)


def _check_arguments(claims: object, key: object) -> None:
    if not isinstance(key, Key) or not isinstance(claims, (dict, Mapping)):
        raise TypeError("sign takes a mapping of claims and a Key")


def check_issuable(claims: Mapping[str, Any], profile: Profile | None = None) -> None:
    """Raises IssueError for a registered claim of the wrong type, or what the profile misses."""
    get = claims.get
    if not type(get("exp", 0)) is type(get("iat", 0)) is type(get("nbf", 0)) is int:
        _check_times(claims)
    if not type(get("iss", "")) is type(get("sub", "")) is type(get("jti", "")) is str:
        raise IssueError("iss, sub and jti are strings")
    aud = get("aud", "")
    if type(aud) is not str and not (
        isinstance(aud, (list, tuple)) and all(type(one) is str for one in aud)
    ):
        raise IssueError("aud is a string or a list of strings")
    if profile is not None:
        _check_profile(claims, profile)


def _check_times(claims: Mapping[str, Any]) -> None:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if type(value) is not int and not (type(value) is float and math.isfinite(value)):
            raise IssueError(f"{name} is a number of seconds since the epoch")


def _check_profile(claims: Mapping[str, Any], profile: Profile) -> None:
    missing = [name for name in profile.required if claims.get(name) is None]
    if missing:
        raise IssueError(f"a token of the profile {profile.name!r} needs {', '.join(missing)}")
    present = [name for name in profile.forbidden if name in claims]
    if present:
        raise IssueError(f"a token of the profile {profile.name!r} may not have {present[0]}")


def _encode(claims: Mapping[str, Any]) -> bytes:
    try:
        return strict_json.encode(claims if type(claims) is dict else dict(claims))
    except ValueError as error:
        raise IssueError(f"the claims are not JSON: {error}") from None


def _header(key: SigningKey, typ: str | Waiver, headers: Mapping[str, Any] | None) -> bytes:
    """The encoded header; without extra members it is the same for every token of a kind."""
    if not headers and type(typ) is str:
        prepared = key.prepared.get(typ)
        if prepared is not None:
            return prepared
    if isinstance(typ, Waiver) and typ is not NO_TYP:
        raise TypeError("typ is text or NO_TYP")
    if typ == "":
        raise IssueError("typ is empty; NO_TYP leaves it out")
    named = {} if isinstance(typ, Waiver) else {"typ": typ}
    try:
        encoded = encode_header(key, {**named, **(headers or {})})
    except ValueError as error:
        raise IssueError(str(error)) from None
    if not headers and isinstance(typ, str):
        key.prepare(typ, encoded)
    return encoded


def _check_budget(header: bytes, payload: bytes, budget: Budget) -> None:
    if len(payload) > budget.payload_bytes:
        raise BudgetExceeded(
            f"the payload has {len(payload)} bytes, the budget is {budget.payload_bytes};"
            " send fewer claims, or name a larger budget"
        )
    if len(header) * 3 > budget.header_bytes * 4:
        raise BudgetExceeded(
            f"the header has {len(header) * 3 // 4} bytes, the budget is {budget.header_bytes}"
        )
