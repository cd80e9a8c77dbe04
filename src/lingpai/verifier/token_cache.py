"""TokenCache: tokens that verified, by their whole text. Knows no clock and checks no signature.

An entry counts only for the very key set and the very policy that it verified under, and only
within its own time; whoever reads one looks at the clock and at what the call asks. Reading takes
no lock. Entries live in two generations: when the young one is full it becomes the old one, and
what was old and not asked for is forgotten. So each step costs the same however full the cache is.
"""

from __future__ import annotations

import math
import threading
from sys import getsizeof
from typing import Any

from lingpai.jose.jws import KeySource
from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.status_list import StatusReference, read_reference
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.status_view import HeldList

__all__ = ["DEFAULT_MAX_BYTES", "Entry", "TokenCache"]

DEFAULT_MAX_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 900  # an entry's objects and its places in two dicts
NAME_BYTES = 56  # a member's name, where the decoder does not share it


class Entry:
    """A token with what it verified under. Good without further checks from `start` up to `end`.

    A token that each call must look at anew (one bound to a key, RFC 7800) has an empty time.
    `reference` is where its status stands, None where none is asked. It was VALID in the list
    `held` when the view of the issuer's statuses was at `version`; any other version looks again.
    """

    __slots__ = (
        "cost",
        "end",
        "held",
        "keys",
        "policy",
        "reference",
        "start",
        "token",
        "version",
    )

    def __init__(self, token: VerifiedToken, keys: KeySource, policy: Policy, cost: int) -> None:
        self.token = token
        self.keys = keys
        self.policy = policy
        self.cost = cost
        self.start, self.end = _good_time(token, policy)
        self.reference = _reference(token, policy)
        self.held: HeldList | None = None
        self.version: object = None


class TokenCache:
    """Verified tokens, at most `max_bytes` of them (0 turns it off). Thread-safe.

    The sizes are estimates on the safe side. `young` is for a reader in a hurry, who compares
    `entry.keys` and the time by himself; everyone else asks `find`.
    """

    __slots__ = ("_bytes", "_lock", "_max_bytes", "_old", "_old_bytes", "young")

    def __init__(self, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        if max_bytes < 0:
            raise ValueError("max_bytes is 0 or more")
        self._max_bytes = max_bytes
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Start empty, with a lock that nobody holds."""
        self._lock = threading.Lock()
        self.young: dict[str | bytes, Entry] = {}
        self._old: dict[str | bytes, Entry] = {}
        self._bytes = self._old_bytes = 0

    def find(self, raw: str | bytes, keys: KeySource, policy: Policy) -> VerifiedToken | None:
        """The token that verified with exactly these keys under exactly this policy.

        The caller checks the time, and what else may have changed since.
        """
        if type(raw) is not str:
            return None
        entry = self.young.get(raw) or self._promote(raw)
        if entry is None or entry.keys is not keys or entry.policy is not policy:
            return None
        return entry.token

    def keep(self, raw: str | bytes, keys: KeySource, policy: Policy, token: VerifiedToken) -> None:
        """Remember a token that has just verified. One too large for the cache is left out."""
        if type(raw) is not str:
            return
        cost = getsizeof(raw) + ENTRY_BYTES + _size(dict(token.claims))
        if cost > self._max_bytes // 8:
            return
        with self._lock:
            self._put(raw, Entry(token, keys, policy, cost))

    def forget(self, raw: str) -> None:
        """Drop one token, if it is here."""
        with self._lock:
            found = self.young.pop(raw, None)
            self._bytes -= found.cost if found else 0
            found = self._old.pop(raw, None)
            self._old_bytes -= found.cost if found else 0

    def clear(self) -> None:
        """Drop all tokens."""
        with self._lock:
            self._old, self.young = {}, {}
            self._bytes = self._old_bytes = 0

    def __len__(self) -> int:
        return len(self.young.keys() | self._old.keys())

    @property
    def size_bytes(self) -> int:
        """The estimate of what is held; never above the bound."""
        return self._bytes + self._old_bytes

    def _promote(self, raw: str) -> Entry | None:
        """An old entry that is asked for is young again."""
        if raw not in self._old:
            return None
        with self._lock:
            entry = self._old.get(raw)  # once more: a `clear` may have come between
            if entry is not None:
                self._put(raw, entry)
            return entry

    def _put(self, raw: str, entry: Entry) -> None:
        replaced = self.young.get(raw)
        if replaced is not None:
            self._bytes -= replaced.cost
        if (self._bytes + entry.cost) * 2 > self._max_bytes:
            self._old, self._old_bytes = self.young, self._bytes
            self.young, self._bytes = {}, 0
        self.young[raw] = entry
        self._bytes += entry.cost


def _good_time(token: VerifiedToken, policy: Policy) -> tuple[float, float]:
    """From when up to when `check_moment` would pass it, and nothing else need be asked."""
    claims = token.claims
    if "cnf" in claims:
        return math.inf, -math.inf
    end = token.expires_at
    if policy.max_age_seconds is not None:
        end = min(end, (token.issued_at or 0) + policy.max_age_seconds)
    return token.valid_from - policy.leeway_seconds, end + policy.leeway_seconds


def _reference(token: VerifiedToken, policy: Policy) -> StatusReference | None:
    return None if policy.status is IGNORE_STATUS else read_reference(token.claims)


def _size(value: Any) -> int:
    """Bytes of a JSON value with all that it holds; a token nests no deeper than strict JSON."""
    if type(value) is dict:
        members: Any = value.values()
        size = getsizeof(value) + NAME_BYTES * len(value)
    elif type(value) is list:
        members, size = value, getsizeof(value)
    else:
        return getsizeof(value)
    for member in members:
        kind = type(member)
        size += _size(member) if kind is dict or kind is list else getsizeof(member)
    return size
