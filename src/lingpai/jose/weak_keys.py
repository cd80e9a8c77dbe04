"""What makes a key too weak to load: too short, guessable, or public. Pure arithmetic on bytes."""

from __future__ import annotations

import binascii
from functools import lru_cache

from lingpai.errors import InvalidKey, WeakKey
from lingpai.jose.algorithms import RSA_MAX_BITS, RSA_MAX_EXPONENT_BITS, RSA_MIN_BITS
from lingpai.jose.crypto import native

# CVE-2017-15361 (ROCA): modulo each of these primes, a vulnerable modulus is a power of 65537.
_ROCA_PRIMES = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73),
    *(79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)
_TEXT_MARKS = (b"-----BEGIN", b"---- BEGIN", b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-", b'"kty"')
_IGNORED = bytes(range(33)) + b"\xef\xbb\xbf\xff\xfe"  # white space, controls, byte order marks


def check_rsa(modulus: int, exponent: int) -> None:
    """Raises WeakKey for a modulus under 2048 bits, one with the ROCA fingerprint, or e = 1.

    The bounds above, InvalidKey, keep a foreign key from burning the time of whoever verifies.
    """
    bits = modulus.bit_length()
    if bits < RSA_MIN_BITS:
        raise WeakKey(f"an RSA key of {bits} bits; at least {RSA_MIN_BITS} are needed")
    if bits > RSA_MAX_BITS:
        raise InvalidKey(f"an RSA key of {bits} bits; at most {RSA_MAX_BITS} are accepted")
    if exponent < 3 or not exponent & 1 or not modulus & 1:
        raise WeakKey("an RSA key whose modulus or exponent is even, or whose exponent is 1")
    if exponent.bit_length() > RSA_MAX_EXPONENT_BITS:
        raise InvalidKey(f"an RSA exponent of more than {RSA_MAX_EXPONENT_BITS} bits")
    if has_roca_fingerprint(modulus):
        raise WeakKey("an RSA key with the ROCA fingerprint (CVE-2017-15361)")


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether a modulus has the structure that lets its factors be found."""
    return all(modulus % prime in residues for prime, residues in _roca_residues())


@lru_cache(maxsize=1)
def _roca_residues() -> tuple[tuple[int, frozenset[int]], ...]:
    return tuple((p, frozenset(pow(65537, k, p) for k in range(p - 1))) for p in _ROCA_PRIMES)


def check_secret(secret: bytes, *, algorithm: str, min_bits: int) -> None:
    """Raises WeakKey for a secret that is too short, constant, or the text of a key.

    An HMAC secret that is a public key in disguise lets anyone sign (CVE-2022-29217).
    """
    if looks_like_key_text(secret):
        raise WeakKey(f"the secret for {algorithm} is the text of a key, which others may know")
    if len(secret) * 8 < min_bits:
        raise WeakKey(f"a secret of {len(secret) * 8} bits; {algorithm} needs at least {min_bits}")
    if len(set(secret)) == 1:
        raise WeakKey("the secret is one byte, repeated")


def looks_like_key_text(secret: bytes, *, layers: int = 2) -> bool:
    """Whether bytes are a PEM, DER, OpenSSH, JWK or certificate in any guise, base64 included."""
    compact = secret.translate(None, b"\0")
    if any(mark in compact for mark in _TEXT_MARKS):
        return True
    if _is_der_key(secret) or _is_der_key(secret.lstrip(_IGNORED)):
        return True
    decoded = _decode_base64(compact.translate(None, _IGNORED)) if layers else None
    return decoded is not None and looks_like_key_text(decoded, layers=layers - 1)


def _is_der_key(data: bytes) -> bool:
    if data[:1] == b"\x04" and len(data) in (65, 97, 133):  # a bare uncompressed point
        return _loads_as_point(data)
    if data[:1] != b"\x30":
        return False
    try:
        native.load_der(data[: _der_length(data)], None)
    except InvalidKey:
        return False
    return True


def _der_length(data: bytes) -> int:
    """How long the first DER value is (X.690 section 8.1.3), whatever follows it."""
    length = data[1] if len(data) > 1 else 0
    if length < 0x80:
        return 2 + length
    octets = length & 0x7F
    return 2 + octets + int.from_bytes(data[2 : 2 + octets])


def _loads_as_point(data: bytes) -> bool:
    half = len(data) // 2
    curve = {32: "P-256", 48: "P-384", 66: "P-521"}[half]
    for name in (curve, "secp256k1") if half == 32 else (curve,):
        try:
            native.ec_public(name, data[1 : 1 + half], data[1 + half :])
        except InvalidKey:
            continue
        return True
    return False


def _decode_base64(data: bytes) -> bytes | None:
    if len(data) < 40:  # no key is shorter
        return None
    try:
        return binascii.a2b_base64(
            data.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
            + b"=" * (-len(data.rstrip(b"=")) % 4),
            strict_mode=True,
        )
    except binascii.Error:
        return None
