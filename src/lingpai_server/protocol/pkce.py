"""Proof Key for Code Exchange (RFC 7636), S256 and nothing else. Refuses to know who needs it."""

from __future__ import annotations

import string

from lingpai.jose import base64url
from lingpai.jose.crypto import constant_time_equal, sha256

METHOD = "S256"  # section 4.2; `plain` protects nothing that is seen on the way
_CHALLENGE_CHARS = 43  # base64url of a SHA-256
# section 4.1: unreserved characters of RFC 3986
_VERIFIER_CHARS = frozenset(string.ascii_letters + string.digits + "-._~")


def is_verifier(text: str) -> bool:
    """Section 4.1: 43 to 128 unreserved characters."""
    return 43 <= len(text) <= 128 and _VERIFIER_CHARS.issuperset(text)


def is_challenge(text: str) -> bool:
    """Section 4.2: base64url of 32 bytes, in its one spelling."""
    if len(text) != _CHALLENGE_CHARS:
        return False
    try:
        return len(base64url.decode(text)) == 32
    except ValueError:
        return False


def verifier_matches(verifier: str, challenge: str) -> bool:
    """Section 4.6, in constant time."""
    derived = base64url.encode(sha256(verifier.encode("ascii")))
    return constant_time_equal(derived.encode("ascii"), challenge.encode("ascii"))
