"""How often a password may be tried. Knows buckets and delays; refuses to know passwords and HTTP.

An attempt is counted before the password is hashed, so that a flood of parallel guesses is one
flood and not many first attempts; a success gives its own count back. Three buckets are counted:
the account from this address, the account from anywhere, and the address against any account. The
first is strict. The other two are generous: a stranger must not be able to lock somebody out
cheaply, nor one bad neighbour an office.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Effects, MoveBucket, RefundBucket
from lingpai_server.core.records import Bucket

_UNKNOWN_ADDRESS = "unknown"
_IPV6_PREFIX_BITS = 64  # one customer, one network


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """`free` attempts cost nothing; after them the delay starts at `base_seconds` and doubles with
    each attempt, up to `cap_seconds`. Raises ValueError for numbers that could not mean that."""

    free: int
    base_seconds: float
    cap_seconds: float

    def __post_init__(self) -> None:
        if self.free < 1 or not 0 < self.base_seconds <= self.cap_seconds < math.inf:
            raise ValueError("a rule needs a free attempt, and delays that grow from above zero")


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """One rule a kind of bucket, and how long it takes until half of the failures are forgotten."""

    pair: ThrottleRule = ThrottleRule(free=5, base_seconds=1, cap_seconds=900)
    account: ThrottleRule = ThrottleRule(free=50, base_seconds=1, cap_seconds=60)
    address: ThrottleRule = ThrottleRule(free=100, base_seconds=1, cap_seconds=60)
    half_life_seconds: float = 3600

    def __post_init__(self) -> None:
        if not 0 < self.half_life_seconds < math.inf:
            raise ValueError("half_life_seconds must be above zero")


@dataclass(frozen=True, slots=True)
class BucketNames:
    """The three buckets of one attempt."""

    pair: str
    account: str
    address: str

    def all(self) -> tuple[str, str, str]:
        """For the store."""
        return self.pair, self.account, self.address


@dataclass(frozen=True, slots=True)
class Admitted:
    """The attempt may go on; it is already counted."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """The attempt came too soon and was not counted; at least 1 second to wait."""

    retry_after_seconds: int


Admission: TypeAlias = Admitted | Throttled


def names_for(account: str, address: str | None) -> BucketNames:
    """`account` is the canonical username that was typed, known or not: both look the same."""
    network = network_of(address)
    return BucketNames(
        pair=f"pair:{account}|{network}",
        account=f"account:{account}",
        address=f"address:{network}",
    )


def network_of(address: str | None) -> str:
    """An IPv4 address, or the /64 of an IPv6 one; what is neither shares one bucket."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return _UNKNOWN_ADDRESS
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_PREFIX_BITS), strict=False))


def decide_attempt(
    names: BucketNames, buckets: Mapping[str, Bucket], policy: ThrottlePolicy, *, now: float
) -> Decision[Admission]:
    """Counts the attempt in all three buckets, or says how long to wait and counts nothing."""
    ruled = tuple(zip(names.all(), (policy.pair, policy.account, policy.address), strict=True))
    wait = max(_wait_seconds(buckets.get(name), rule, now=now) for name, rule in ruled)
    if wait > 0:
        return Decision(Throttled(max(1, math.ceil(wait))))
    return Decision(
        Admitted(),
        tuple(
            MoveBucket(buckets.get(name), _count(name, buckets.get(name), rule, policy, now=now))
            for name, rule in ruled
        ),
    )


def decide_visit(
    name: str, bucket: Bucket | None, policy: ThrottlePolicy, *, now: float
) -> Decision[Admission]:
    """The same for what is counted by address alone, in a bucket of its own."""
    wait = _wait_seconds(bucket, policy.address, now=now)
    if wait > 0:
        return Decision(Throttled(max(1, math.ceil(wait))))
    return Decision(
        Admitted(), (MoveBucket(bucket, _count(name, bucket, policy.address, policy, now=now)),)
    )


def refund_attempt(names: BucketNames) -> Effects:
    """Undoes one admitted attempt: after a success, or when the password was never looked at.

    The delay that the attempt itself caused goes too. Failures before it stay, so that somebody
    who owns one account cannot clean an address for guesses at another.
    """
    return tuple(RefundBucket(name, count=1, clear=True) for name in names.all())


def failures_at(bucket: Bucket | None, policy: ThrottlePolicy, *, now: float) -> float:
    """The failures that are not forgotten yet; a clock that went back forgets none."""
    if bucket is None:
        return 0.0
    elapsed = max(0.0, now - bucket.updated_at)
    return float(bucket.failures * 0.5 ** (elapsed / policy.half_life_seconds))


def delay_seconds(failures: float, rule: ThrottleRule) -> float:
    """The pause that follows so many failures, the last one included."""
    beyond = math.floor(failures + 0.5) - rule.free  # rounded: decay must not blur the count
    if beyond < 0:
        return 0.0
    doublings = min(beyond, 64)  # enough for any cap, and far from overflow
    return float(min(rule.base_seconds * 2**doublings, rule.cap_seconds))


def _wait_seconds(bucket: Bucket | None, rule: ThrottleRule, *, now: float) -> float:
    """A wait beyond the cap was set by a clock that has since been put back: it counts no more."""
    remaining = bucket.blocked_until - now if bucket is not None else 0.0
    return remaining if remaining <= rule.cap_seconds else 0.0


def _count(
    name: str, bucket: Bucket | None, rule: ThrottleRule, policy: ThrottlePolicy, *, now: float
) -> Bucket:
    failures = failures_at(bucket, policy, now=now) + 1
    return Bucket(name, failures, now, now + delay_seconds(failures, rule))
