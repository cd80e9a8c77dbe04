"""Argon2id hashes as PHC strings (Password Hashing Competition). Hashes nothing.

`$argon2id$v=19$m=<KiB>,t=<iterations>,p=<lanes>$<salt>$<digest>`, with salt and digest in base64
without padding, and every number in its one decimal spelling.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

_PREFIX = ("", "argon2id", "v=19")  # version 1.3, the one of RFC 9106
_PARAMETERS = ("m=", "t=", "p=")
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """RFC 9106 section 3.1, within bounds that keep an imported hash from exhausting the server.

    Raises ValueError outside of them.
    """

    memory_kib: int
    iterations: int
    lanes: int

    def __post_init__(self) -> None:
        if not 1 <= self.lanes <= 64:
            raise ValueError("lanes must be from 1 to 64")
        if not 8 * self.lanes <= self.memory_kib <= 4 * 1024 * 1024:
            raise ValueError("memory_kib must be from 8 a lane to 4 GiB")
        if not 1 <= self.iterations <= 1024:
            raise ValueError("iterations must be from 1 to 1024")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A parsed PHC string. Raises ValueError for a salt or digest of unreasonable length."""

    parameters: Argon2Parameters
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 8 <= len(self.salt) <= 64:
            raise ValueError("a salt has 8 to 64 bytes")
        if not 16 <= len(self.digest) <= 64:
            raise ValueError("a digest has 16 to 64 bytes")


def format_phc(password_hash: PasswordHash) -> str:
    """The PHC string that `parse_phc` reads back."""
    made_with = password_hash.parameters
    fields = (
        *_PREFIX,
        f"m={made_with.memory_kib},t={made_with.iterations},p={made_with.lanes}",
        _encode(password_hash.salt),
        _encode(password_hash.digest),
    )
    return "$".join(fields)


def parse_phc(text: str) -> PasswordHash:
    """A PHC string in its one spelling. Raises ValueError, which never quotes the hash."""
    *prefix, parameters, salt, digest = ["", "", "", *text.split("$")]
    if tuple(prefix) != ("", "", "", *_PREFIX):
        raise ValueError("not an argon2id hash of version 19 in PHC format")
    return PasswordHash(_parse_parameters(parameters), _decode(salt), _decode(digest))


def is_weaker(password_hash: PasswordHash, today: Argon2Parameters) -> bool:
    """Whether any cost is lower than today's, so that the password should be hashed anew."""
    made_with = password_hash.parameters
    return (
        made_with.memory_kib < today.memory_kib
        or made_with.iterations < today.iterations
        or made_with.lanes < today.lanes
    )


def _parse_parameters(text: str) -> Argon2Parameters:
    fields = text.split(",")
    if len(fields) != len(_PARAMETERS):
        raise ValueError("a PHC string of argon2id has the parameters m, t and p")
    return Argon2Parameters(*map(_parse_parameter, fields, _PARAMETERS))


def _parse_parameter(text: str, prefix: str) -> int:
    digits = text.removeprefix(prefix)
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    if not text.startswith(prefix) or not is_number or str(int(digits)) != digits:
        raise ValueError("a PHC parameter is a decimal number in its one spelling")
    return int(digits)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("a PHC salt or digest is not base64") from None
    if _encode(data) != text:
        raise ValueError("a PHC salt or digest is not in its one spelling")
    return data
