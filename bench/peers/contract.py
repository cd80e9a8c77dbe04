"""What each adapter offers. The four calls take what changes and return what was asked for.

A verifier is asked for the same six things of everyone: signature, one algorithm, `iss`, `aud`,
`exp` (present and to come) and `typ`; `tests/unit/bench` shows that each adapter refuses each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, TypeAlias

from bench.material import TYP, Material

Sign: TypeAlias = Callable[[dict[str, Any]], object]
Verify: TypeAlias = Callable[[str], object]
Encrypt: TypeAlias = Callable[[bytes], object]
Decrypt: TypeAlias = Callable[[str], object]


class Lacks(Exception):
    """The library has no such operation or algorithm, or is not installed."""


class Refused(Exception):
    """A check that the library leaves to its caller has failed."""


class Peer(Protocol):
    """One library. Each method prepares all that can be prepared; Lacks says what cannot be."""

    name: str
    distribution: str

    def signer(self, algorithm: str, material: Material, /) -> Sign:
        """claims -> compact JWT."""

    def verifier(self, algorithm: str, material: Material, /) -> Verify:
        """Compact JWT -> claims, or any exception."""

    def cached_verifier(self, algorithm: str, material: Material, /) -> Verify:
        """The same for a token that was seen before, its time checked again."""

    def encrypter(self, algorithm: str, material: Material, /) -> Encrypt:
        """payload -> compact JWE."""

    def decrypter(self, algorithm: str, material: Material, /) -> Decrypt:
        """Compact JWE -> payload."""


class WithoutCache:
    """A library that remembers nothing: again is the same as once."""

    def cached_verifier(self, _algorithm: str, _material: Material, /) -> Verify:
        """Lacks."""
        raise Lacks("no cache")


class WithoutEncryption:
    """A library for signed tokens only."""

    def encrypter(self, _algorithm: str, _material: Material, /) -> Encrypt:
        """Lacks."""
        raise Lacks("no JWE")

    def decrypter(self, _algorithm: str, _material: Material, /) -> Decrypt:
        """Lacks."""
        raise Lacks("no JWE")


def load(module: str) -> Any:
    """Import a peer; Lacks if it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise Lacks("not installed") from None


def check_rest(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """What several libraries leave to their caller, in the quickest way: `typ`, `exp` present."""
    if header.get("typ") != TYP:
        raise Refused("typ")
    if "exp" not in claims:
        raise Refused("exp")
