"""What an issuer tells its verifiers as it happens: batches of changed statuses, signed. Pure.

One signed JWT a batch, sent as a server-sent event. A batch says from which number it goes on
(`after`) to which (`seq`), so that a gap cannot pass unseen, and when its issuer last saw its own
records (`as_of`), so that silence cannot pass for peace. A snapshot answers one connection: it
carries the connection's `nonce` and everything that is denied beyond the lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import InvalidClaim
from lingpai.jose.jws import KeySource, SigningKey
from lingpai.jwt.claims import LATEST
from lingpai.jwt.issue import Budget, sign
from lingpai.jwt.policy import ANY_AUDIENCE, IGNORE_STATUS, Policy
from lingpai.jwt.profiles import STATUS_STREAM
from lingpai.jwt.status_list import MAX_TOKEN_BYTES, Status
from lingpai.jwt.verify import verify

STATUS_STREAM_TYP = "statusstream+jwt"
_STATUSES = frozenset(map(int, Status))


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes from `after` (exclusive) to `seq` (inclusive), complete as of `as_of`.

    `as_of` is in seconds since the epoch, by the issuer's clock. `changes` maps a list's URI to
    pairs of index and status. `denied` holds single tokens by `jti`, with their `exp`; `kids` are
    revoked signing keys. In a snapshot the two are all there are, and `after` equals `seq` unless
    it resumes; `gap` says that what lay between cannot be told any more: fetch the lists anew.
    """

    epoch: str
    after: int
    seq: int
    as_of: float
    changes: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    denied: tuple[tuple[str, int], ...] = ()
    kids: tuple[str, ...] = ()
    is_snapshot: bool = False
    gap: bool = False
    nonce: str | None = None


def sign_batch(batch: Batch, key: SigningKey, *, issuer: str) -> str:
    """The batch as a compact JWT; what is empty is left out."""
    members: dict[str, Any] = {
        "iss": issuer,
        "epoch": batch.epoch,
        "after": batch.after,
        "seq": batch.seq,
        "as_of": batch.as_of,
        "changes": {uri: list(map(list, pairs)) for uri, pairs in batch.changes.items()},
        "denied": list(map(list, batch.denied)),
        "kids": list(batch.kids),
        "snapshot": batch.is_snapshot,
        "gap": batch.gap,
        "nonce": batch.nonce,
    }
    kept = ("epoch", "after", "seq")
    claims = {name: value for name, value in members.items() if value or name in kept}
    budget = Budget(payload_bytes=MAX_TOKEN_BYTES // 2)
    return sign(
        claims,
        key,
        typ=STATUS_STREAM_TYP,
        profile=STATUS_STREAM,
        budget=budget,
        allow_names=claims.keys(),  # what it holds is numbers, and names that others chose
    )


def open_batch(raw: str | bytes, keys: KeySource, *, issuer: str, now: float) -> Batch:
    """The batch in a JWT that its issuer signed. Raises TokenError.

    It has no `exp`: its age is told by `as_of`, and by whoever knows when it came.
    """
    policy = Policy(
        issuer=issuer,
        audience=ANY_AUDIENCE,
        typ=STATUS_STREAM_TYP,
        profile=STATUS_STREAM,
        max_bytes=MAX_TOKEN_BYTES,
        status=IGNORE_STATUS,
    )
    return _read(verify(raw, keys, policy, now=now).claims)


def _read(claims: Mapping[str, Any]) -> Batch:
    epoch, nonce = claims["epoch"], claims.get("nonce")
    if not isinstance(epoch, str) or not isinstance(nonce, str | None):
        raise InvalidClaim("epoch and nonce are strings")
    after, seq = _count(claims, "after"), _count(claims, "seq")
    as_of = claims["as_of"]
    if type(as_of) not in (int, float) or not 0 <= as_of <= LATEST or after > seq:
        raise InvalidClaim("as_of is a time, and after is not beyond seq")
    return Batch(
        epoch=epoch,
        after=after,
        seq=seq,
        as_of=float(as_of),
        changes=_read_changes(claims.get("changes", {})),
        denied=tuple(_read_pairs(claims.get("denied", []), str)),
        kids=_read_kids(claims.get("kids", [])),
        is_snapshot=claims.get("snapshot", False) is True,
        gap=claims.get("gap", False) is True,
        nonce=nonce,
    )


def _count(claims: Mapping[str, Any], name: str) -> int:
    value = claims[name]
    if type(value) is not int or not 0 <= value <= LATEST:
        raise InvalidClaim(f"{name} is not a count")
    return value


def _read_changes(value: object) -> dict[str, tuple[tuple[int, int], ...]]:
    if not isinstance(value, Mapping):
        raise InvalidClaim("changes is not an object")
    changes = {uri: tuple(_read_pairs(pairs, int)) for uri, pairs in value.items()}
    if any(index < 0 or to not in _STATUSES for each in changes.values() for index, to in each):
        raise InvalidClaim("a change is an index and a status")
    return changes


def _read_pairs(value: object, kind: type[Any]) -> list[tuple[Any, int]]:
    if not isinstance(value, list):
        raise InvalidClaim("pairs stand in an array")
    for pair in value:
        if not isinstance(pair, list) or len(pair) != 2:
            raise InvalidClaim("a pair has two members")
        if type(pair[0]) is not kind or type(pair[1]) is not int:
            raise InvalidClaim("a pair has a member of the wrong type")
    return [(first, second) for first, second in value]


def _read_kids(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(kid, str) for kid in value):
        raise InvalidClaim("kids is not an array of strings")
    return tuple(value)
