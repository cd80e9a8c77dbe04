"""Verifier: what a service embeds. Tokens of one issuer, checked here, without a call per request.

A token seen before costs a look into a dict, at its status and at the clock. Keys and statuses of
the issuer are held fresh in the background; a request waits for that only before the first keys
are here, or once for a `kid` or a status list that nobody knows yet, and never longer than
`wait_seconds`.
"""

from __future__ import annotations

import os
import time
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Self

from lingpai.errors import AuthorizationError, KeysUnavailable, TokenError, TokenExpired
from lingpai.jose.jws import KeySource
from lingpai.jwt.policy import Policy, Waiver, check_status_age
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify as verify_now
from lingpai.verifier.jwks import Timing
from lingpai.verifier.keeper import steady_seconds
from lingpai.verifier.known_issuers import KnownIssuer
from lingpai.verifier.requirement import as_names, check_granted
from lingpai.verifier.settling import check_with_status
from lingpai.verifier.sources import AT_JWT, make_policy, make_sources
from lingpai.verifier.stats import Stats, read_status
from lingpai.verifier.status_check import StatusCheck
from lingpai.verifier.token_cache import DEFAULT_MAX_BYTES, TokenCache
from lingpai.verifier.transport import Transport
from lingpai.verifier.waiting import Waiting, block, in_loop, wait_for_keys
from lingpai.verifier.watches import OnEnd, Watch, Watches, wait_for_refusal

__all__ = ["Verifier"]

WAIT_SECONDS = 2.0
MAX_STATUS_AGE_SECONDS = 300.0  # as long as an access token lives


class Verifier:
    """Verifies tokens of one issuer for one API.

    `issuer` and `audience` (one or several) with `typ` and `leeway_seconds` make the policy, or
    `policy` is given whole. An access token of RFC 9068 is expected unless `typ` says otherwise.
    `keys` stand in for the issuer's published ones: for an HS256 secret, or without a network.

    Where the issuer keeps status lists, a token that it revoked since is refused (Token Status
    List): `max_status_age_seconds` is how old the view of them may be, `on_stale` what happens past
    that, `"refuse"` or `"accept"`. `fetch_status` asks for it also where `keys` are given.

    `metadata_url` is for an issuer whose metadata are elsewhere than RFC 8414 says, and
    `default_algorithm` for keys that name none; `Verifier.of` sets both for issuers that are known.

    `cache_dir` keeps the last good keys and statuses on disk, for a start while the issuer is away;
    the bounds on their age hold across the restart.
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
        "_sources",
        "_status",
        "_steady_clock",
        "_view",
        "_wait_seconds",
        "_watches",
        "policy",
    )

    def __init__(
        self,
        *,
        issuer: str | None = None,
        audience: str | Collection[str] | Waiver | None = None,
        typ: str | Waiver = AT_JWT,
        leeway_seconds: int = 0,
        max_status_age_seconds: float = MAX_STATUS_AGE_SECONDS,
        on_stale: Literal["refuse", "accept"] = "refuse",
        policy: Policy | None = None,
        fetch_status: bool = False,
        metadata_url: str | None = None,
        default_algorithm: str | None = None,
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
        self.policy = policy or make_policy(
            issuer, audience, typ, leeway_seconds, max_status_age_seconds, on_stale
        )
        if policy is not None and not (issuer is None and audience is None):
            raise TypeError("issuer and audience are part of the policy: give one or the other")
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._cache = TokenCache(max_cached_bytes)
        self._hits = self._misses = 0
        self._refused: Counter[str] = Counter()
        self._sources = make_sources(
            self.policy,
            keys,
            transport,
            timing,
            cache_dir,
            metadata_url=metadata_url,
            default_algorithm=default_algorithm,
            fetch_status=fetch_status,
            on_change=self._cache.clear,
            clock=clock,
            steady_clock=steady_clock,
        )
        self._holder = self._sources.keys
        self._status = self._sources.status
        self._view = None if self._status is None else self._status.view
        self._steady_clock = steady_clock
        self._watches = Watches(self.policy, self._status, clock, steady_clock)
        _verifiers.add(self)
        if not lazy:
            self._sources.start()

    @classmethod
    def of(cls, known: KnownIssuer, **options: Any) -> Self:
        """A verifier for the tokens of an issuer in `lingpai.verifier.known_issuers`."""
        return cls(
            policy=known.policy,
            metadata_url=known.metadata_url,
            default_algorithm=known.default_algorithm,
            **options,
        )

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
        max_status_age_seconds: float | None = None,
    ) -> VerifiedToken:
        """The verified token, or a TokenError that says which check failed.

        `scopes`, `permissions` and `roles` must all be in the token (InsufficientScope,
        InsufficientPermission). `max_age_seconds` bounds the age of its `iat`. `jkt` and `x5t_s256`
        are thumbprints of keys whose proof the caller has checked (RFC 9449, RFC 8705).
        `max_status_age_seconds` replaces the policy's for this call.

        KeysUnavailable says nothing of the token: no keys could be had in `wait_seconds`. Raises
        ValueError after `close`.
        """
        token = None
        if max_age_seconds is None and jkt is None and x5t_s256 is None:
            token = self._recall(raw, max_status_age_seconds)
        if token is None:
            token = block(self._settle(raw, max_age_seconds, jkt, x5t_s256, max_status_age_seconds))
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
        max_status_age_seconds: float | None = None,
    ) -> VerifiedToken:
        """The same for an event loop, which is never blocked by the network.

        A signature is checked in the loop itself: that takes less than handing it to a thread.
        """
        token = None
        if max_age_seconds is None and jkt is None and x5t_s256 is None:
            token = self._recall(raw, max_status_age_seconds)
        if token is None:
            settling = self._settle(raw, max_age_seconds, jkt, x5t_s256, max_status_age_seconds)
            token = await in_loop(settling)
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
        wanted = as_names(scopes), as_names(permissions), as_names(roles)
        try:
            check_granted(token, *wanted)
        except AuthorizationError as refusal:
            self._refused[refusal.code] += 1
            raise

    def watch(
        self, token: VerifiedToken, on_end: OnEnd, *, max_status_age_seconds: float | None = None
    ) -> Watch:
        """Call `on_end` once, with the refusal, when a token that was verified would be so no more:
        revoked, suspended, stale, expired, or of a status that was not heard of for too long.

        For connections that outlive a request; close the watch with the connection (`with` does).
        `on_end` runs in a background thread, has to be quick, and may run once more while the watch
        is being closed. A verifier that is closed ends all watches. Raises ValueError after that.
        """
        if max_status_age_seconds is not None:
            check_status_age(max_status_age_seconds)
        if not self._holder.is_running:
            self._sources.start()
        return self._watches.watch(token, on_end, max_status_age_seconds)

    async def until_refused(
        self, token: VerifiedToken, *, max_status_age_seconds: float | None = None
    ) -> TokenError:
        """The refusal, as soon as `watch` would tell of it, for an event loop. May be cancelled."""
        return await wait_for_refusal(
            partial(self.watch, token, max_status_age_seconds=max_status_age_seconds)
        )

    def ready(self, timeout_seconds: float = WAIT_SECONDS) -> bool:
        """Whether there are keys to verify with; waits for them as long as `timeout_seconds`."""
        self._sources.start()
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
            status=None if self._status is None else read_status(self._status),
            watches=len(self._watches),
        )

    def close(self) -> None:
        """Stop the background threads and forget all tokens. May be called again."""
        self._watches.close()
        self._sources.close()
        self._cache.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Verifier(issuer={self.policy.issuer!r}, audience={self.policy.audience!r})"

    # --- how --------------------------------------------------------------------------------

    def _recall(self, raw: str | bytes, max_status_age: float | None) -> VerifiedToken | None:
        """The road of most requests: a token known under these keys, within its time, and not
        revoked since. Whatever is not plainly good takes the other road, which says why."""
        entry = self._cache.young.get(raw)
        if entry is None or entry.keys is not self._holder.keys:
            return None
        if not entry.start <= self._clock() < entry.end:
            return None
        view = self._view
        if view is None:
            if entry.reference is not None:
                return None
        elif entry.version is not view.version and not view.recheck(entry):
            return None
        held = entry.held
        if held is not None:
            as_of = view.stream_as_of if view is not None and held.follows else held.as_of
            bound = self.policy.max_status_age_seconds if max_status_age is None else max_status_age
            if not self._steady_clock() - as_of <= bound:
                return None
        self._hits += 1
        return entry.token

    def _settle(
        self,
        raw: str | bytes,
        max_age_seconds: int | None,
        jkt: str | None,
        x5t_s256: str | None,
        max_status_age: float | None,
    ) -> Waiting[VerifiedToken]:
        """Every other road, with the waits that it may need."""
        if not self._holder.is_running:
            self._sources.start()
        text = raw.decode("latin-1") if isinstance(raw, bytes) else raw
        check = partial(
            self._check,
            text,
            max_age_seconds=max_age_seconds,
            jkt=jkt,
            x5t_s256=x5t_s256,
            statuses=self._status_check(max_status_age),
        )
        try:
            token = yield from check_with_status(self._sources, text, check, self._wait_seconds)
        except TokenError as refusal:
            if isinstance(refusal, TokenExpired):
                self._cache.forget(text)
            self._refused[refusal.code] += 1
            raise
        self._misses += 1
        return token

    def _status_check(self, max_age: float | None) -> StatusCheck | None:
        if max_age is None:
            max_age = self.policy.max_status_age_seconds
        else:
            check_status_age(max_age)
        return None if self._status is None else StatusCheck(self._status, max_age)

    def _check(self, text: str, keys: KeySource, **proofs: Any) -> VerifiedToken:
        return verify_now(text, keys, self.policy, now=self._clock(), cache=self._cache, **proofs)

    def _reset_after_fork(self) -> None:
        self._sources.reset_after_fork()
        self._watches.reset_after_fork()
        self._cache.reset_after_fork()


_verifiers: weakref.WeakSet[Verifier] = weakref.WeakSet()


def _reset_all_after_fork() -> None:
    for verifier in list(_verifiers):
        verifier._reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all_after_fork)
