"""Verifier: what a service embeds. Tokens of one issuer, checked here, without a call per request.

A token seen before costs a look into a dict and at the clock. The issuer's keys are held fresh by
one background thread; a request waits for it only before the first keys are here, or once for a
`kid` that nobody knows yet, and never longer than `wait_seconds`.
"""

from __future__ import annotations

import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from lingpai.errors import AuthorizationError, KeysUnavailable, TokenError, TokenExpired, UnknownKey
from lingpai.jose.header import parse_header
from lingpai.jose.jws import KeySource
from lingpai.jwt.policy import Policy, Waiver
from lingpai.jwt.profiles import ACCESS_TOKEN, GENERIC
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify as verify_now
from lingpai.verifier.jwks import Jwks, Timing
from lingpai.verifier.keeper import KeyKeeper, steady_seconds
from lingpai.verifier.key_holder import Attempt, FetchCounts, FixedKeys, KeyHolder
from lingpai.verifier.keys_file import KeysFile
from lingpai.verifier.requirement import Requirement, as_names
from lingpai.verifier.token_cache import DEFAULT_MAX_BYTES, TokenCache
from lingpai.verifier.transport import HttpTransport, Transport
from lingpai.verifier.urls import check_issuer
from lingpai.verifier.waiting import Waiting, block, in_loop, wait_for_keys

__all__ = ["Stats", "Verifier"]

AT_JWT = "at+jwt"  # RFC 9068 section 2.1
WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stats:
    """What a verifier has done since it was made. Under threads a few may be missing.

    `verified` counts all tokens that passed, `cache_hits` those of them that were known;
    `refused` counts refusals by their stable code.
    """

    verified: int
    cache_hits: int
    refused: dict[str, int]
    cached_tokens: int
    cached_bytes: int
    fetches: FetchCounts
    last_fetch_failure: str | None


class Verifier:
    """Verifies tokens of one issuer for one API.

    `issuer` and `audience` (one or several) with `typ` and `leeway_seconds` make the policy, or
    `policy` is given whole. An access token of RFC 9068 is expected unless `typ` says otherwise.
    `keys` stand in for the issuer's published ones: for an HS256 secret, or without a network.

    `cache_dir` keeps the last good keys on disk for a start while the issuer is away.
    `max_cached_bytes` bounds the memory of verified tokens, 0 turns it off. `wait_seconds` is the
    longest that one call ever waits for the network. With `lazy=True` nothing is fetched before
    the first token comes. Close it when the service stops; `with` does.

    Raises TypeError or ValueError for arguments that make no policy, and for an issuer that is no
    https URL (plain http passes on loopback).
    """

    __slots__ = (
        "__weakref__",
        "_cache",
        "_clock",
        "_hits",
        "_holder",
        "_misses",
        "_refused",
        "_wait_seconds",
        "policy",
    )

    def __init__(
        self,
        *,
        issuer: str | None = None,
        audience: str | Collection[str] | Waiver | None = None,
        typ: str | Waiver = AT_JWT,
        leeway_seconds: int = 0,
        policy: Policy | None = None,
        keys: KeySource | None = None,
        transport: Transport | None = None,
        timing: Timing | None = None,
        wait_seconds: float = WAIT_SECONDS,
        max_cached_bytes: int = DEFAULT_MAX_BYTES,
        cache_dir: str | os.PathLike[str] | None = None,
        lazy: bool = False,
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = steady_seconds,
    ) -> None:
        self.policy = policy or _make_policy(issuer, audience, typ, leeway_seconds)
        if policy is not None and not (issuer is None and audience is None):
            raise TypeError("issuer and audience are part of the policy: give one or the other")
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._cache = TokenCache(max_cached_bytes)
        self._hits = self._misses = 0
        self._refused: Counter[str] = Counter()
        self._holder: KeyHolder
        if keys is not None:
            self._holder = FixedKeys(keys)
        else:
            self._holder = _make_keeper(
                self.policy, transport, timing, cache_dir, self._cache.clear, steady_clock
            )
        _verifiers.add(self)
        if not lazy:
            self._holder.start()

    # --- what services call -------------------------------------------------------------------

    def verify(
        self,
        raw: str | bytes,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        max_age_seconds: int | None = None,
        jkt: str | None = None,
        x5t_s256: str | None = None,
    ) -> VerifiedToken:
        """The verified token, or a TokenError that says which check failed.

        `scopes`, `permissions` and `roles` must all be in the token (InsufficientScope,
        InsufficientPermission). `max_age_seconds` bounds the age of its `iat`. `jkt` and `x5t_s256`
        are thumbprints of keys whose proof the caller has checked (RFC 9449, RFC 8705).

        KeysUnavailable says nothing of the token: no keys could be had in `wait_seconds`. Raises
        ValueError after `close`.
        """
        token = None
        if max_age_seconds is None and jkt is None and x5t_s256 is None:
            token = self._recall(raw)
        if token is None:
            token = block(self._settle(raw, max_age_seconds, jkt, x5t_s256))
        if scopes or permissions or roles:
            self.require(token, scopes=scopes, permissions=permissions, roles=roles)
        return token

    async def verify_async(
        self,
        raw: str | bytes,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        max_age_seconds: int | None = None,
        jkt: str | None = None,
        x5t_s256: str | None = None,
    ) -> VerifiedToken:
        """The same for an event loop, which is never blocked by the network.

        A signature is checked in the loop itself: that takes less than handing it to a thread.
        """
        token = None
        if max_age_seconds is None and jkt is None and x5t_s256 is None:
            token = self._recall(raw)
        if token is None:
            token = await in_loop(self._settle(raw, max_age_seconds, jkt, x5t_s256))
        if scopes or permissions or roles:
            self.require(token, scopes=scopes, permissions=permissions, roles=roles)
        return token

    def require(
        self,
        token: VerifiedToken,
        *,
        scopes: Iterable[str] = (),
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> None:
        """Ask more of a token that was verified: all of these. Raises AuthorizationError's kinds.

        A bare string is a TypeError: it would be taken for its characters.
        """
        requirement = Requirement(as_names(scopes), as_names(permissions), as_names(roles))
        try:
            requirement.check(token)
        except AuthorizationError as refusal:
            self._refused[refusal.code] += 1
            raise

    def ready(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether there are keys to verify with; waits for them as long as `timeout_seconds`."""
        self._holder.start()
        deadline = time.monotonic() + timeout_seconds
        try:
            block(wait_for_keys(self._holder, deadline))
        except KeysUnavailable:
            return False
        return True

    def stats(self) -> Stats:
        """What was done so far."""
        return Stats(
            verified=self._hits + self._misses,
            cache_hits=self._hits,
            refused=dict(self._refused),
            cached_tokens=len(self._cache),
            cached_bytes=self._cache.size_bytes,
            fetches=replace(self._holder.counts),
            last_fetch_failure=self._holder.last_failure,
        )

    def close(self) -> None:
        """Stop the background thread and forget all tokens. May be called again."""
        self._holder.close()
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Verifier(issuer={self.policy.issuer!r}, audience={self.policy.audience!r})"

    # --- how --------------------------------------------------------------------------------

    def _recall(self, raw: str | bytes) -> VerifiedToken | None:
        """The road of most requests: a token known under these keys, within its time."""
        entry = self._cache.young.get(raw)
        if entry is None or entry.keys is not self._holder.keys:
            return None
        if not entry.start <= self._clock() < entry.end:
            return None
        self._hits += 1
        return entry.token

    def _settle(
        self, raw: str | bytes, max_age_seconds: int | None, jkt: str | None, x5t_s256: str | None
    ) -> Waiting[VerifiedToken]:
        """Every other road, with the waits that it may need."""
        if not self._holder.is_running:
            self._holder.start()
        text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
        check = partial(
            self._check, text, max_age_seconds=max_age_seconds, jkt=jkt, x5t_s256=x5t_s256
        )
        try:
            token = yield from self._check_with_keys(text, check)
        except TokenError as refusal:
            if isinstance(refusal, TokenExpired):
                self._cache.forget(text)
            self._refused[refusal.code] += 1
            raise
        self._misses += 1
        return token

    def _check_with_keys(
        self, text: str, check: Callable[[KeySource], VerifiedToken]
    ) -> Waiting[VerifiedToken]:
        """Check with the keys held, and once more if an unknown `kid` made them newer."""
        deadline = time.monotonic() + self._wait_seconds
        keys = yield from wait_for_keys(self._holder, deadline)
        try:
            return check(keys)
        except UnknownKey:
            kid = _read_kid(text)
            asked = self._holder.ask_for(kid)
            if asked is None and self._holder.usable() is keys:  # in this order: none is missed
                raise
        if asked is not None:
            yield asked.attempt, deadline - time.monotonic()
        try:
            return check(self._holder.usable() or keys)
        except UnknownKey:
            if asked is not None and not asked.had_begun and _went_well(asked.attempt):
                self._holder.note_missing(kid)
            raise

    def _check(self, text: str, keys: KeySource, **proofs: Any) -> VerifiedToken:
        return verify_now(text, keys, self.policy, now=self._clock(), cache=self._cache, **proofs)

    def _reset_after_fork(self) -> None:
        self._holder.reset_after_fork()
        self._cache.reset_after_fork()


def _make_policy(
    issuer: str | None,
    audience: str | Collection[str] | Waiver | None,
    typ: str | Waiver,
    leeway_seconds: int,
) -> Policy:
    if issuer is None or audience is None:
        raise TypeError("a verifier needs an issuer and an audience, or a policy")
    return Policy(
        issuer=issuer,
        audience=audience,
        typ=typ,
        profile=ACCESS_TOKEN if typ == AT_JWT else GENERIC,
        leeway_seconds=leeway_seconds,
    )


def _make_keeper(
    policy: Policy,
    transport: Transport | None,
    timing: Timing | None,
    cache_dir: str | os.PathLike[str] | None,
    on_change: Callable[[], None],
    steady_clock: Callable[[], float],
) -> KeyKeeper:
    issuer = policy.issuer
    if not isinstance(issuer, str):
        raise TypeError("the keys of any issuer cannot be fetched: name one, or give keys")
    check_issuer(issuer)
    return KeyKeeper(
        Jwks(issuer, timing or Timing()),
        transport or HttpTransport(),
        on_change,
        keys_file=KeysFile(Path(cache_dir), issuer) if cache_dir is not None else None,
        clock=steady_clock,
    )


def _went_well(attempt: Attempt) -> bool:
    return attempt.done() and attempt.result()


def _read_kid(text: str) -> str | None:
    """The `kid` of a token whose header was found well-formed, though no key answered for it."""
    return parse_header(text.partition(".")[0].encode("ascii")).kid


_verifiers: weakref.WeakSet[Verifier] = weakref.WeakSet()


def _reset_all_after_fork() -> None:
    for verifier in list(_verifiers):
        verifier._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all_after_fork)
