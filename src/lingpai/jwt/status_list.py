"""Token Status List (draft-ietf-oauth-status-list): what a list says, and the token it comes in.

Pure: it fetches nothing and reads no clock. Whoever keeps lists fresh asks here what they mean.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NoReturn

from lingpai.errors import (
    InvalidClaim,
    StatusUnchecked,
    StatusUnknown,
    TokenRevoked,
    TokenStale,
    TokenSuspended,
    quote,
)
from lingpai.jose import base64url
from lingpai.jose.jws import KeySource, SigningKey
from lingpai.jwt.issue import Budget, sign
from lingpai.jwt.policy import ANY_AUDIENCE, IGNORE_BINDING, IGNORE_STATUS, Policy, Waiver
from lingpai.jwt.profiles import STATUS_LIST
from lingpai.jwt.verify import verify

WIDTHS = (1, 2, 4, 8)  # bits for one status; a status never crosses a byte (section 4.1)
MAX_LIST_BYTES = 4 * 1024 * 1024  # 16 million statuses of 2 bits, whatever the token unpacks to
MAX_TOKEN_BYTES = 8 * 1024 * 1024
_LONGEST_TTL_SECONDS = 2**53
STATUS_LIST_TYP = "statuslist+jwt"
_PACKED_LISTS = 32


class Status(IntEnum):
    """Section 7.1. The draft leaves 3 to the application: here it asks the client to refresh."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2
    STALE = 3


@dataclass(frozen=True, slots=True)
class StatusList:
    """Statuses of `bits` bits each, packed from the least significant bit up (section 4.1)."""

    bits: int
    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.bits not in WIDTHS or not isinstance(self.data, bytes):
            raise ValueError("a status list is bytes that hold 1, 2, 4 or 8 bits a status")

    @classmethod
    def of(cls, statuses: Iterable[int], *, bits: int) -> StatusList:
        """The list of these statuses; the last byte is filled up with VALID.

        Raises ValueError for a status that does not fit into `bits`.
        """
        values = tuple(statuses)
        return cls.zeros(len(values), bits=bits).changed(dict(enumerate(values)))

    @classmethod
    def zeros(cls, count: int, *, bits: int) -> StatusList:
        """A list of at least `count` statuses, all VALID."""
        if bits not in WIDTHS or count < 0:
            raise ValueError("a status has 1, 2, 4 or 8 bits")
        return cls(bits, bytes(-(-count * bits // 8)))

    @classmethod
    def from_claim(cls, value: object, *, max_bytes: int = MAX_LIST_BYTES) -> StatusList:
        """The list in a `status_list` claim (section 4.2), unpacked to at most `max_bytes`.

        Raises InvalidClaim for a claim of another shape, and for what unpacks to more.
        """
        if not isinstance(value, Mapping):
            raise InvalidClaim("status_list is not an object")
        bits, lst = value.get("bits"), value.get("lst")
        if type(bits) is not int or bits not in WIDTHS:
            raise InvalidClaim("status_list.bits is not 1, 2, 4 or 8")
        if not isinstance(lst, str) or not isinstance(value.get("aggregation_uri", ""), str):
            raise InvalidClaim("status_list.lst and aggregation_uri are strings")
        return cls(bits, _unpack(lst, max_bytes))

    def to_claim(self) -> dict[str, Any]:
        """The `status_list` claim: `bits`, and `lst` at the highest compression (section 4.1)."""
        return {"bits": self.bits, "lst": _pack(self.data)}

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits

    def lookup(self, index: int) -> int:
        """The status at `index`. Raises StatusUnknown outside the list (section 8.3, step 6)."""
        if not 0 <= index < len(self):
            raise StatusUnknown(f"the index {quote(index)} is outside a list of {len(self)}")
        byte, place = divmod(index * self.bits, 8)
        return self.data[byte] >> place & (1 << self.bits) - 1

    def changed(self, changes: Mapping[int, int]) -> StatusList:
        """A copy with other statuses at some indices. Raises ValueError for what does not fit."""
        data, mask = bytearray(self.data), (1 << self.bits) - 1
        for index, status in changes.items():
            if not (0 <= index < len(self) and 0 <= status <= mask):
                raise ValueError(f"no place for the status {status} at {index}")
            byte, place = divmod(index * self.bits, 8)
            data[byte] = data[byte] & ~(mask << place) | status << place
        return StatusList(self.bits, bytes(data))


@dataclass(frozen=True, slots=True)
class StatusReference:
    """Where a token's status stands: the slot `index` of the list at `uri` (section 6.2)."""

    index: int
    uri: str


@dataclass(frozen=True, slots=True)
class StatusListToken:
    """A verified status list token. Times are in seconds since the epoch."""

    uri: str
    statuses: StatusList
    issued_at: float
    expires_at: float
    """Infinity where the issuer gave no `exp`."""
    ttl_seconds: float | None
    claims: Mapping[str, Any] = field(repr=False)

    def fresh_until(self, resolved_at: float) -> float:
        """When a fresh copy is due, whatever HTTP caching says (sections 8.2 and 8.3, step 4)."""
        if self.ttl_seconds is None:
            return self.expires_at
        return min(self.expires_at, resolved_at + self.ttl_seconds)


def read_reference(claims: Mapping[str, Any]) -> StatusReference | None:
    """The reference in a token's `status` claim; None without one.

    Raises InvalidClaim for a broken one, StatusUnchecked where only other mechanisms are named.
    """
    if "status" not in claims:
        return None
    status = claims["status"]
    if not isinstance(status, Mapping) or not status:
        raise InvalidClaim("status is not an object that names a mechanism")
    if "status_list" not in status:
        raise StatusUnchecked(f"status names {quote(next(iter(status)))}, which is not known here")
    reference = status["status_list"]
    if not isinstance(reference, Mapping):
        raise InvalidClaim("status.status_list is not an object")
    index, uri = reference.get("idx"), reference.get("uri")
    if type(index) is not int or index < 0:
        raise InvalidClaim("status.status_list.idx is not a non-negative integer")
    if not isinstance(uri, str) or not uri:
        raise InvalidClaim("status.status_list.uri is not a URI")
    return StatusReference(index, uri)


def check_status(statuses: StatusList, index: int) -> None:
    """Returns for VALID. Raises TokenRevoked, TokenSuspended, TokenStale or StatusUnknown."""
    status = statuses.lookup(index)
    if status != Status.VALID:
        refuse_status(status, index, len(statuses))


def refuse_status(status: int | None, index: int, size: int) -> NoReturn:
    """The refusal that a status other than VALID means; None stands for an index outside."""
    if status is None:
        raise StatusUnknown(f"the index {quote(index)} is outside a list of {size}")
    if status == Status.INVALID:
        raise TokenRevoked("the issuer revoked this token")
    if status == Status.SUSPENDED:
        raise TokenSuspended("the issuer suspended this token")
    if status == Status.STALE:
        raise TokenStale("the token no longer tells the truth; refresh it")
    raise StatusUnknown(f"the status {status} has no meaning here")


def open_status_list(
    raw: str | bytes,
    keys: KeySource,
    *,
    uri: str,
    issuer: str | Waiver,
    now: float,
    leeway_seconds: int = 0,
    max_list_bytes: int = MAX_LIST_BYTES,
) -> StatusListToken:
    """Verify a status list token that was fetched from `uri` (section 8.3, steps 3 to 5).

    `issuer` is compared with `iss`; ANY_ISSUER is for lists of issuers that leave it out, where
    the keys alone say who speaks. Raises TokenError.
    """
    policy = Policy(
        issuer=issuer,
        audience=ANY_AUDIENCE,
        typ=STATUS_LIST_TYP,
        profile=STATUS_LIST,
        leeway_seconds=leeway_seconds,
        max_bytes=MAX_TOKEN_BYTES,
        status=IGNORE_STATUS,
        binding=IGNORE_BINDING,
    )
    token = verify(raw, keys, policy, now=now)
    if token.subject != uri:
        raise InvalidClaim(f"sub is {quote(token.subject)}, the list was fetched from {quote(uri)}")
    ttl = _read_ttl(token.claims)
    statuses = StatusList.from_claim(token.claims["status_list"], max_bytes=max_list_bytes)
    issued_at = token.claims["iat"]
    return StatusListToken(uri, statuses, issued_at, token.expires_at, ttl, token.claims)


def sign_status_list(
    statuses: StatusList,
    key: SigningKey,
    *,
    uri: str,
    issuer: str,
    now: int,
    expires_at: int,
    ttl_seconds: int,
    claims: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """The status list token for `uri` (section 5.1). `claims` are further ones."""
    members = {
        **claims,
        "iss": issuer,
        "sub": uri,
        "iat": now,
        "exp": expires_at,
        "ttl": ttl_seconds,
        "status_list": statuses.to_claim(),
    }
    budget = Budget(payload_bytes=MAX_TOKEN_BYTES // 2)
    return sign(members, key, typ=STATUS_LIST_TYP, profile=STATUS_LIST, budget=budget)


def _read_ttl(claims: Mapping[str, Any]) -> float | None:
    """Section 5.1: a positive number of seconds, where it is given."""
    if "ttl" not in claims:
        return None
    ttl = claims["ttl"]
    if type(ttl) not in (int, float) or not 0 < ttl < _LONGEST_TTL_SECONDS:
        raise InvalidClaim("ttl is not a positive number of seconds")
    return float(ttl)


@lru_cache(_PACKED_LISTS)
def _pack(data: bytes) -> str:
    """Takes up to 10 ms: a list that is signed anew without a change is not packed anew."""
    return base64url.encode(zlib.compress(data, 9))


def _unpack(lst: str, max_bytes: int) -> bytes:
    """Inflate one zlib stream, never past `max_bytes`: a few bytes can stand for gigabytes."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(base64url.decode(lst), max_bytes + 1)
    except (ValueError, zlib.error):
        raise InvalidClaim("status_list.lst is not base64url of a zlib stream") from None
    if len(data) > max_bytes:
        raise InvalidClaim(f"status_list.lst unpacks to more than {max_bytes} bytes")
    if not inflater.eof or inflater.unused_data:
        raise InvalidClaim("status_list.lst is not one whole zlib stream")
    return data
