"""JWK members to native keys and back (RFC 7517, 7518 section 6, 8037, 9964). No policy, no use.

A native key is opaque here: `crypto.native` makes it and takes it apart. Thumbprints are RFC 7638.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose import base64url, strict_json, weak_keys
from lingpai.jose.algorithms import CURVES
from lingpai.jose.crypto import native, sha256

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})

# RFC 7638 section 3.2, RFC 8037 section 2, RFC 9964 section 3: what identifies a key of each type.
THUMBPRINT_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "oct": ("k", "kty"),
    "AKP": ("alg", "kty", "pub"),
}


def read_object(jwk: Mapping[str, Any] | str | bytes) -> dict[str, Any]:
    """The members of a JWK given as a mapping or as JSON text. Raises InvalidKey."""
    if isinstance(jwk, Mapping):
        return dict(jwk)
    if not isinstance(jwk, (str, bytes)):
        raise TypeError("a JWK is a mapping, text or bytes")
    try:
        return strict_json.decode_object(jwk.encode("utf-8") if isinstance(jwk, str) else jwk)
    except ValueError:
        raise InvalidKey("a JWK is a JSON object") from None


def text_member(jwk: Mapping[str, Any], name: str) -> str | None:
    """An optional member that must be text."""
    value = jwk.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidKey(f"the JWK member {name!r} is not a string")
    return value


def to_native(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    """(native key, is private). Raises InvalidKey for a broken one, WeakKey for a weak RSA key."""
    kty = text_member(jwk, "kty")
    read = _READERS.get(kty or "")
    if read is None:
        raise InvalidKey("the JWK has no known kty")
    return read(jwk)


def from_native(key: Any, kty: str, curve: str, *, private: bool) -> dict[str, Any]:
    """The key type's own members; the private ones only if asked for."""
    if kty == "RSA":
        return _write_rsa(key, private=private)
    if kty == "EC":
        return _write_ec(key, curve, private=private)
    public, secret = native.raw_numbers(key)
    if kty == "OKP":
        members = {"kty": "OKP", "crv": curve, "x": base64url.encode(public)}
        return members | ({"d": base64url.encode(secret)} if private and secret else {})
    members = {"kty": "AKP", "alg": curve, "pub": base64url.encode(public)}
    return members | ({"priv": base64url.encode(secret)} if private and secret else {})


def thumbprint(members: Mapping[str, Any]) -> str:
    """RFC 7638: base64url of SHA-256 over the required members, in lexical order."""
    required = {name: members[name] for name in THUMBPRINT_MEMBERS[members["kty"]]}
    return base64url.encode(sha256(strict_json.encode(required)))


# --- reading ----------------------------------------------------------------------------------


def _bytes(jwk: Mapping[str, Any], name: str, length: int = 0) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise InvalidKey(f"the JWK member {name!r} is missing or not a string")
    try:
        data = base64url.decode(value)
    except ValueError:
        raise InvalidKey(f"the JWK member {name!r} is not base64url") from None
    if length and len(data) != length:
        raise InvalidKey(f"the JWK member {name!r} has {len(data)} bytes, not {length}")
    return data


def _number(jwk: Mapping[str, Any], name: str) -> int:
    """RFC 7518 section 2: Base64urlUInt, without leading zero octets."""
    data = _bytes(jwk, name)
    if len(data) > 2048:
        raise InvalidKey(f"the JWK member {name!r} is too large")
    return int.from_bytes(data, "big")


def _read_rsa(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    n, e = _number(jwk, "n"), _number(jwk, "e")
    weak_keys.check_rsa(n, e)
    if "oth" in jwk:
        raise InvalidKey("RSA keys of more than two primes are not supported")
    if "d" not in jwk:
        return native.rsa_public(n, e), False
    names = ("p", "q", "dp", "dq", "qi")
    present = [name for name in names if name in jwk]
    if present and len(present) != len(names):
        raise InvalidKey("an RSA private key has all of p, q, dp, dq and qi, or none")
    factors = None
    if present:
        p, q, dp, dq, qi = (_number(jwk, name) for name in names)
        factors = (p, q, dp, dq, qi)
    return native.rsa_private(n, e, _number(jwk, "d"), factors), True


def _curve(jwk: Mapping[str, Any], kty: str) -> tuple[str, int]:
    curve = CURVES.get(text_member(jwk, "crv") or "")
    if curve is None or curve.kty != kty:
        raise InvalidKey(f"the JWK has no crv known for {kty}")
    return curve.name, curve.coordinate_bytes


def _read_ec(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    curve, length = _curve(jwk, "EC")
    x, y = _bytes(jwk, "x", length), _bytes(jwk, "y", length)
    if "d" not in jwk:
        return native.ec_public(curve, x, y), False
    return native.ec_private(curve, x, y, _bytes(jwk, "d", length)), True


def _read_okp(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    curve, length = _curve(jwk, "OKP")
    x = _bytes(jwk, "x", length)
    if "d" not in jwk:
        return native.okp_public(curve, x), False
    return native.okp_private(curve, x, _bytes(jwk, "d", length)), True


def _read_akp(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    algorithm = text_member(jwk, "alg")
    if algorithm is None or not algorithm.startswith("ML-DSA-"):
        raise InvalidKey("an AKP key names its algorithm")
    try:
        if "priv" not in jwk:
            return native.akp_public(algorithm, _bytes(jwk, "pub")), False
        return native.akp_private(algorithm, _bytes(jwk, "pub"), _bytes(jwk, "priv", 32)), True
    except KeyError:
        raise InvalidKey("an AKP algorithm that is not known") from None


def _read_oct(jwk: Mapping[str, Any]) -> tuple[Any, bool]:
    return _bytes(jwk, "k"), True


_READERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Any, bool]]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "OKP": _read_okp,
    "AKP": _read_akp,
    "oct": _read_oct,
}


# --- writing ----------------------------------------------------------------------------------


def _uint(value: int) -> str:
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _write_rsa(key: Any, *, private: bool) -> dict[str, Any]:
    n, e = native.rsa_public_numbers(key)
    members = {"kty": "RSA", "n": _uint(n), "e": _uint(e)}
    if private:
        names = ("d", "p", "q", "dp", "dq", "qi")
        members |= {
            name: _uint(value)
            for name, value in zip(names, native.rsa_private_numbers(key), strict=True)
        }
    return members


def _write_ec(key: Any, curve: str, *, private: bool) -> dict[str, Any]:
    x, y, d = native.ec_numbers(key)
    members = {"kty": "EC", "crv": curve, "x": base64url.encode(x), "y": base64url.encode(y)}
    return members | ({"d": base64url.encode(d)} if private and d else {})
