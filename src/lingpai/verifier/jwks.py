"""The keys of one issuer: held, aged, asked for again. State and rules only: no clock, no thread.

Times are seconds of one steady clock, given by the caller. Whoever shares a `Jwks` between threads
guards it; a `HeldKeys` is immutable and needs no guard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from lingpai.jose.algorithms import SIGNATURE_ALGORITHMS
from lingpai.jose.key_set import KeySet, SkippedKey
from lingpai.jose.keys import PublicKey
from lingpai.verifier.flows import Flow, JwksAnswer, Metadata, discover, fetch_jwks

__all__ = ["HeldKeys", "Jwks", "Timing", "read_published_keys"]

MAX_REMEMBERED_KIDS = 1024
MAX_KID_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Timing:
    """How often and how long, in seconds. The defaults are for an issuer out on the internet."""

    fresh_default: float = 300.0  # where the issuer gives no max-age
    fresh_min: float = 30.0  # never asked more often than this by the schedule
    fresh_max: float = 3600.0  # never trusted longer without asking
    refresh_at: float = 0.75  # of the time that keys are fresh: ask before it is over
    retry_first: float = 0.25  # after a failure; doubles with each one that follows
    retry_max: float = 60.0
    kid_cooldown: float = 30.0  # between two fetches that unknown kids caused
    missing_kid: float = 600.0  # a kid that a fetch did not bring is not asked for again
    usable: float = 86_400.0  # how long keys outlive the last answer of a silent issuer
    metadata: float = 3600.0  # how long to trust where the keys are

    def __post_init__(self) -> None:
        if not 0 < self.fresh_min <= self.fresh_default <= self.fresh_max <= self.usable:
            raise ValueError("0 < fresh_min <= fresh_default <= fresh_max <= usable")
        if not (0 < self.refresh_at < 1 and 0 < self.retry_first <= self.retry_max):
            raise ValueError("0 < refresh_at < 1 and 0 < retry_first <= retry_max")


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """Keys to verify with. The set is a new object when they change, and only then."""

    key_set: KeySet
    usable_until: float


@dataclass(slots=True)
class Jwks:
    """Last-known-good keys of `issuer`, and when to ask for them again."""

    issuer: str
    timing: Timing = field(default_factory=Timing)
    metadata_url: str | None = None  # where it does not follow from the issuer
    default_algorithm: str | None = None  # of keys that name none
    jitter: float = 1.0  # a factor on every wait
    held: HeldKeys | None = None
    due_at: float = 0.0
    failures: int = 0
    _etag: str | None = None
    _metadata: Metadata | None = None
    _metadata_until: float = 0.0
    _kid_fetch_at: float = float("-inf")
    _missing_until: dict[str | None, float] = field(default_factory=dict)
    _revoked: frozenset[str] = frozenset()

    @property
    def metadata(self) -> Metadata | None:
        """What discovery told last, for whoever needs more of it than the keys."""
        return self._metadata

    def usable(self, now: float) -> HeldKeys | None:
        """The keys, unless the issuer has been silent for too long."""
        held = self.held
        return held if held is not None and now < held.usable_until else None

    def refresh(self, now: float) -> Flow[JwksAnswer]:
        """The flow of one attempt: discovery where it is due, then the keys."""
        metadata = self._metadata
        if metadata is None or now >= self._metadata_until:
            metadata = yield from discover(self.issuer, self.metadata_url)
            self._metadata, self._metadata_until = metadata, now + self.timing.metadata
        return (yield from fetch_jwks(metadata, self._etag))

    def succeed(self, answer: JwksAnswer, now: float) -> bool:
        """Take in an answer; whether the keys changed.

        Raises ValueError, and keeps all as it was, if the answer holds no usable key: a mistake at
        the issuer's side must not lock everybody out.
        """
        changed = False
        key_set = self.held.key_set if self.held else None
        if answer.body is not None:
            published = read_published_keys(answer.body, self.default_algorithm).without(
                self._revoked
            )
            changed = key_set is None or _differ(published, key_set)
            key_set = published if changed else key_set
        if key_set is None:
            raise ValueError("nothing changed, but no key is held")
        self.held = HeldKeys(key_set, now + self.timing.usable)
        self._etag, self.failures = answer.etag, 0
        self.due_at = now + self._fresh_seconds(answer) * self.timing.refresh_at * self.jitter
        if changed:
            self._missing_until.clear()
        return changed

    def fail(self, now: float) -> None:
        """Note a failed attempt: the keys stay; where they are is found out anew next time."""
        wait = min(self.timing.retry_max, self.timing.retry_first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        self.due_at = now + wait * self.jitter
        self._metadata = self._etag = None

    def expire(self, now: float) -> bool:
        """Drop keys that are past their time; whether there were any."""
        if self.held is None or now < self.held.usable_until:
            return False
        self.held = self._etag = None
        return True

    def revoke(self, kids: frozenset[str]) -> KeySet | None:
        """Never use these keys again, whatever is published; the set that is left if it changed."""
        self._revoked |= kids
        if self.held is None:
            return None
        left = self.held.key_set.without(self._revoked)
        if left is self.held.key_set:
            return None
        self.held = HeldKeys(left, self.held.usable_until)
        return left

    def is_missing(self, kid: str | None, now: float) -> bool:
        """Whether no answer is to be hoped for: a fresh one lacked this `kid`, or it is absurd."""
        if kid is not None and len(kid) > MAX_KID_CHARACTERS:
            return True
        return now < self._missing_until.get(kid, now)

    def ask_now(self, now: float) -> bool:
        """Make a fetch due because of an unknown `kid`; False while the cool-down lasts."""
        if now < self._kid_fetch_at:
            return False
        self._kid_fetch_at = now + self.timing.kid_cooldown
        self.due_at = now
        return True

    def note_missing(self, kid: str | None, now: float) -> None:
        """Remember that a fresh answer did not bring this `kid`."""
        if kid is not None and len(kid) > MAX_KID_CHARACTERS:
            return
        self._missing_until.pop(kid, None)  # so that the newest stands last
        while len(self._missing_until) >= MAX_REMEMBERED_KIDS:
            del self._missing_until[next(iter(self._missing_until))]
        self._missing_until[kid] = now + self.timing.missing_kid

    def restore(self, key_set: KeySet, *, age_seconds: float, now: float) -> None:
        """Take keys that an earlier process left; they are asked for again at once."""
        self.held = HeldKeys(key_set, now - age_seconds + self.timing.usable)
        self.due_at = now

    def _fresh_seconds(self, answer: JwksAnswer) -> float:
        if answer.max_age_seconds is None:
            return self.timing.fresh_default
        return min(max(answer.max_age_seconds, self.timing.fresh_min), self.timing.fresh_max)


def read_published_keys(body: bytes, default_algorithm: str | None = None) -> KeySet:
    """The public keys of a JWKS that an issuer published; the others are in `skipped`.

    A secret or private key in public is never used. Raises ValueError if no key for signatures is
    left (errors.InvalidKey, which is one, if the text is no JWKS).
    """
    published = KeySet.from_jwks(body, default_algorithm=default_algorithm)
    public, skipped = [], list(published.skipped)
    skipped_already = {skip.index for skip in skipped}
    places = (place for place in count() if place not in skipped_already)
    for index, key in zip(places, published, strict=False):
        if isinstance(key, PublicKey):
            public.append(key)
        else:
            skipped.append(SkippedKey(index, key.kid, "a published key must be a public one"))
    if not any(key.alg in SIGNATURE_ALGORITHMS for key in public):
        raise ValueError("the key set holds no usable key")
    return KeySet(public, skipped=tuple(sorted(skipped, key=lambda skip: skip.index)))


def _differ(one: KeySet, other: KeySet) -> bool:
    return _identities(one) != _identities(other)


def _identities(keys: KeySet) -> set[tuple[str | None, ...]]:
    return {(key.kid, key.alg, key.use, key.thumbprint()) for key in keys}
