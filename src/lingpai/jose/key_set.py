"""KeySet: which key answers for this header. Immutable; a new set is a new object.

Reads a JWKS as the world publishes it: one odd key is skipped and reported, never fatal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from lingpai.errors import InvalidKey, MixedKeySet
from lingpai.jose import jwk
from lingpai.jose.algorithms import KEY_MANAGEMENT_ALGORITHMS
from lingpai.jose.keys import Key, PrivateKey, SecretKey

MAX_KEYS = 10_000
MAX_CANDIDATES = 8  # tried for a token without `kid`; each costs one signature check
_KNOWN_HEADERS = 256  # and a few for each key: one that signs many kinds of token has several


class SkippedKey(msgspec.Struct, frozen=True):
    """A member of a JWKS that could not be used: where it stood, its kid, and why."""

    index: int
    kid: str | None
    reason: str


class KeySet:
    """Keys by `kid` and algorithm. `skipped` reports what `from_jwks` could not use."""

    __slots__ = ("_by_kid", "_without_kid", "is_mixed", "keys", "known", "skipped")

    def __init__(self, keys: Iterable[Key], *, skipped: tuple[SkippedKey, ...] = ()) -> None:
        self.keys = tuple(keys)
        self.skipped = skipped
        kinds = {isinstance(key, SecretKey) for key in self.keys}
        self.is_mixed = len(kinds) > 1
        # Headers of tokens that verified with this set, see `jws`; bounded.
        self.known: dict[bytes, Any] = {}
        self._by_kid: dict[str, tuple[Key, ...]] = {}
        self._without_kid: tuple[Key, ...] = tuple(k for k in self.keys if k.kid is None)
        for key in self.keys:
            if key.kid is not None:
                self._by_kid[key.kid] = (*self._by_kid.get(key.kid, ()), key)

    def without(self, kids: Collection[str]) -> KeySet:
        """The set without the keys of these names; this very set if it has none of them."""
        kept = tuple(key for key in self.keys if key.kid not in kids)
        return self if len(kept) == len(self.keys) else KeySet(kept, skipped=self.skipped)

    @classmethod
    def from_jwks(
        cls,
        jwks: Mapping[str, Any] | str | bytes,
        *,
        default_algorithm: str | None = None,
        allow: Collection[str] = (),
    ) -> KeySet:
        """A set from a JWKS (RFC 7517 section 5).

        `default_algorithm` is for keys that name none and leave a choice; a key that already says
        what it is for keeps that. Keys that cannot be used are in `skipped`. Raises InvalidKey only
        if the text is no JWKS at all.
        """
        members = jwk.read_object(jwks).get("keys")
        if not isinstance(members, (list, tuple)) or len(members) > MAX_KEYS:
            raise InvalidKey(f"a JWKS has an array `keys` of at most {MAX_KEYS}")
        keys: list[Key] = []
        skipped: list[SkippedKey] = []
        for index, member in enumerate(members):
            try:
                keys.append(_read_member(member, default_algorithm, allow))
            except InvalidKey as refusal:
                kid = member.get("kid") if isinstance(member, Mapping) else None
                skipped.append(
                    SkippedKey(index, kid if isinstance(kid, str) else None, str(refusal))
                )
        return cls(keys, skipped=tuple(skipped))

    def to_jwks(self, *, private: bool = False) -> dict[str, Any]:
        """The set as a JWKS; public halves only, unless `private=True`.

        Raises InvalidKey for a symmetric key without `private=True`: it has no public half.
        """
        return {"keys": [key.to_jwk(private=private) for key in self.keys]}

    @property
    def public(self) -> KeySet:
        """The set of the public halves."""
        return KeySet(key.public if isinstance(key, PrivateKey) else key for key in self.keys)

    def candidates(self, alg: str, kid: str | None) -> tuple[Key, ...]:
        """The keys that may answer for a header, best first; empty if there is none.

        With a `kid` only keys of that name are meant, or, where no key has it, keys without a name.
        Raises MixedKeySet where a signature is to be verified and the set is not fit for that.
        """
        if self.is_mixed and alg not in KEY_MANAGEMENT_ALGORITHMS:
            raise MixedKeySet("symmetric and asymmetric keys in one set")
        named = self.keys if kid is None else self._by_kid.get(kid, self._without_kid)
        matching = [key for key in named if alg in key.accepts]
        if kid is not None and named and not matching:
            return named[:1]  # the right name with another algorithm: let the caller say so
        return tuple(matching[:MAX_CANDIDATES])

    def remember(self, encoded_header: bytes, value: Any) -> None:
        """Keep what a header of a verified token was found to mean; forgets all when full."""
        if len(self.known) >= _KNOWN_HEADERS + 4 * len(self.keys):
            self.known.clear()
        self.known[encoded_header] = value

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"KeySet({len(self.keys)} keys, {len(self.skipped)} skipped)"


def _read_member(member: Any, default_algorithm: str | None, allow: Collection[str]) -> Key:
    if not isinstance(member, Mapping):
        raise InvalidKey("a member of a JWKS is an object")
    needs_default = "alg" not in member and member.get("kty") in ("RSA", "oct")
    return Key.from_jwk(member, alg=default_algorithm if needs_default else None, allow=allow)
