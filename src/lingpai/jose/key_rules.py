"""Which one algorithm a key is for, and what its `use` and `key_ops` allow. Knows no key material.

Every rule here is applied while a key is loaded, so that a key that exists may be used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose import jwk
from lingpai.jose.algorithms import (
    ALGORITHM_OF_CURVE,
    DIRECT_ALGORITHMS,
    DIRECT_BY_BITS,
    EDDSA,
    EDDSA_CURVES,
    KEY_MANAGEMENT_ALGORITHMS,
    Algorithm,
    SignatureAlgorithm,
    find_algorithm,
)

_SEALING_OPS = frozenset({"encrypt", "wrapKey", "deriveKey", "deriveBits"})
_OPENING_OPS = frozenset({"decrypt", "unwrapKey", "deriveKey", "deriveBits"})

# RFC 7517 section 4.3, by what the loaded half can do.
_SIGNING = {
    "private": frozenset({"sign"}),
    "public": frozenset({"verify"}),
    "secret": frozenset({"sign", "verify"}),
}
_ENCRYPTING = {
    "private": _OPENING_OPS,
    "public": _SEALING_OPS,
    "secret": _SEALING_OPS | _OPENING_OPS,
}
_OPERATIONS = {
    "sign": frozenset({"sign"}),
    "verify": frozenset({"verify"}),
    "encrypt": _SEALING_OPS,
    "decrypt": _OPENING_OPS,
}


# --- the algorithm ------------------------------------------------------------------------------


def find_row(alg: str, allow: Collection[str] = ()) -> Algorithm:
    """The row of an algorithm. Raises InvalidKey if there is none, or it is off by default."""
    row = find_algorithm(alg)
    if row is None:
        raise InvalidKey(f"{short(alg)} is no algorithm known here")
    if isinstance(row, SignatureAlgorithm) and row.opt_in and row.name not in allow:
        raise InvalidKey(f"{row.name} is off by default; pass allow=({row.name!r},)")
    return row


def settle_direct(row: Algorithm, bits: int) -> Algorithm:
    """For a key that says `dir` alone, the one content encryption that its size means."""
    if row is not KEY_MANAGEMENT_ALGORITHMS["dir"]:
        return row
    try:
        return DIRECT_ALGORITHMS[DIRECT_BY_BITS[bits]]
    except KeyError:
        raise InvalidKey(f"no content encryption has keys of {bits} bits") from None


def choose_row(members: Mapping[str, Any], alg: str | None, allow: Collection[str]) -> Algorithm:
    """The one algorithm of a JWK that `jwk.to_native` could read.

    Its own `alg` decides, then the caller's, then a curve that leaves no choice. Raises InvalidKey
    where they contradict each other or the key's type.
    """
    kty, curve = members["kty"], jwk.text_member(members, "crv") or ""
    named = _read_alg(members, curve, allow)
    if named is not None and alg is not None and not _agree(named, alg):
        raise InvalidKey(f"the JWK is for {short(named)}, not for {short(alg)}")
    chosen = (alg if named in (None, "dir") else None) or named
    if chosen is None and jwk.text_member(members, "use") != "enc":
        chosen = ALGORITHM_OF_CURVE.get(curve)
    if chosen is None:
        raise InvalidKey("the JWK names no algorithm; pass alg=")
    row = find_row(chosen, allow)
    check_fit(row, kty, curve)
    return row


def _read_alg(members: Mapping[str, Any], curve: str, allow: Collection[str]) -> str | None:
    named = jwk.text_member(members, "alg")
    if named != EDDSA:
        return named
    if EDDSA not in allow:
        raise InvalidKey("the algorithm name EdDSA is deprecated; pass allow=('EdDSA',)")
    return curve if curve in EDDSA_CURVES else named


def _agree(named: str, alg: str) -> bool:
    """`dir` and an `enc` say the same, one of them more of it."""
    return named == alg or (
        "dir" in (named, alg) and {named, alg} - {"dir"} <= set(DIRECT_ALGORITHMS)
    )


def check_fit(row: Algorithm, kty: str, curve: str) -> None:
    """Raises InvalidKey if a key of this type and curve cannot serve the algorithm."""
    fits = kty in row.kty.split("|") and (not row.curves or curve in row.curves)
    if kty == "AKP":
        fits = fits and curve in ("", row.name)
    if not fits:
        raise InvalidKey(f"{row.name} does not fit a key of type {kty} {curve}".rstrip())


def accepted_names(row: Algorithm, allow: Collection[str]) -> frozenset[str]:
    """The values of a header's `alg` that the key answers to."""
    legacy = EDDSA in allow and row.name in EDDSA_CURVES
    return frozenset({row.name, EDDSA} if legacy else {row.name})


# --- use and key_ops ----------------------------------------------------------------------------


def read_key_ops(members: Mapping[str, Any]) -> tuple[str, ...] | None:
    """RFC 7517 section 4.3: an array of distinct strings."""
    ops = members.get("key_ops")
    if ops is None:
        return None
    if not isinstance(ops, (list, tuple)) or not all(isinstance(op, str) for op in ops):
        raise InvalidKey("key_ops is an array of strings")
    if len(set(ops)) != len(ops):
        raise InvalidKey("key_ops repeats an operation")
    return tuple(ops)


def check_use(row: Algorithm, half: str, use: str | None, key_ops: tuple[str, ...] | None) -> None:
    """RFC 7517 sections 4.2 and 4.3: what the key says it is for must be what it is loaded for.

    `half` is `private`, `public` or `secret`. Raises InvalidKey.
    """
    signing = isinstance(row, SignatureAlgorithm)
    if use is not None and use != ("sig" if signing else "enc"):
        raise InvalidKey(f"the key's use is {short(use)}, which {row.name} is not")
    if key_ops is None or (half == "public" and not signing and not key_ops):
        return  # Web Crypto writes the public half of an ECDH key with an empty key_ops
    wanted = (_SIGNING if signing else _ENCRYPTING)[half]
    if wanted.isdisjoint(key_ops):
        raise InvalidKey(f"the key's key_ops allow nothing that {row.name} is for")


def check_operation(key_ops: tuple[str, ...], operation: str) -> None:
    """Raises InvalidKey if `key_ops` does not allow what is about to be done."""
    if _OPERATIONS[operation].isdisjoint(key_ops):
        raise InvalidKey(f"the key's key_ops do not allow {operation}")


def short(alg: object) -> str:
    """A name from a key, as it may stand in a message."""
    return ascii(alg)[:40]
