"""Refresh tokens, derived and never stored. Knows the MAC keys; refuses to know any family.

Token *n* of a family is `lp_rt_<key version>.<family_id>.<n>.<mac>`, where both numbers are decimal
with one spelling, `family_id` (16 bytes) and `mac` (32 bytes) are base64url without padding, and

    mac = HMAC-SHA256(key of that version, "lp_rt" ‖ 0x00 ‖ version ‖ family_id ‖ n)

with `version` and `n` as 8 bytes, big endian. Every field has a fixed width, so no two tokens share
a MAC input; the MAC also serves as the checksum that lets a secret scanner tell a real token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from lingpai.jose import base64url
from lingpai.jose.crypto import constant_time_equal, hmac_sha256
from lingpai_server.core.secret import Secret

PREFIX = "lp_rt_"
FAMILY_ID_BYTES = 16
MAX_TOKEN_CHARS = 128  # no token is longer; what is costs no work
_LABEL = b"lp_rt\x00"
_MAX_NUMBER = 2**63 - 1  # what an SQL BIGINT holds
_MAX_DIGITS = len(str(_MAX_NUMBER))
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class RefreshKeys:
    """The MAC keys by version, and the version that new families are made with.

    Raises ValueError for a missing current version, a version that is no BIGINT, or a short key.
    """

    current: int
    secrets: Mapping[int, Secret[bytes]]

    def __post_init__(self) -> None:
        if self.current not in self.secrets:
            raise ValueError("the current refresh key version has no key")
        for version, secret in self.secrets.items():
            if not 0 <= version <= _MAX_NUMBER:
                raise ValueError("a refresh key version must fit a BIGINT")
            if len(secret.reveal()) < _MIN_KEY_BYTES:
                raise ValueError(f"a refresh key needs at least {_MIN_KEY_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class PresentedRefreshToken:
    """What a refresh token says, once its MAC has been checked: only `verify_refresh_token` makes
    one. That it is authentic does not yet mean that it is current."""

    key_version: int
    family_id: bytes
    generation: int


class RefreshTokenProblem(StrEnum):
    """Why a text is no refresh token of ours; the names are private reasons for the audit log."""

    MALFORMED = "refresh_token_malformed"
    UNKNOWN_KEY_VERSION = "refresh_key_version_unknown"
    BAD_MAC = "refresh_token_mac_mismatch"


RefreshTokenReading: TypeAlias = PresentedRefreshToken | RefreshTokenProblem


def derive_refresh_token(
    keys: RefreshKeys, *, version: int, family_id: bytes, generation: int
) -> Secret[str]:
    """Token `generation` of a family. Raises LookupError if that key version is gone."""
    mac = _mac(keys.secrets[version], version, family_id, generation)
    family = base64url.encode(family_id)
    return Secret(f"{PREFIX}{version}.{family}.{generation}.{base64url.encode(mac)}")


def verify_refresh_token(text: str, keys: RefreshKeys) -> RefreshTokenReading:
    """Parse and check one token in one call. Never raises, whatever the text."""
    parsed = _parse(text)
    if parsed is None:
        return RefreshTokenProblem.MALFORMED
    claimed, mac = parsed
    secret = keys.secrets.get(claimed.key_version)
    if secret is None:
        return RefreshTokenProblem.UNKNOWN_KEY_VERSION
    expected = _mac(secret, claimed.key_version, claimed.family_id, claimed.generation)
    if not constant_time_equal(expected, mac):
        return RefreshTokenProblem.BAD_MAC
    return claimed


def _mac(secret: Secret[bytes], version: int, family_id: bytes, generation: int) -> bytes:
    if len(family_id) != FAMILY_ID_BYTES:
        raise ValueError(f"a family_id has {FAMILY_ID_BYTES} bytes")
    numbers = version.to_bytes(8, "big"), generation.to_bytes(8, "big")
    return hmac_sha256(secret.reveal(), _LABEL + numbers[0] + family_id + numbers[1])


def _parse(text: str) -> tuple[PresentedRefreshToken, bytes] | None:
    """The fields and the MAC that is still to be compared; None if any has a second spelling."""
    if len(text) > MAX_TOKEN_CHARS or not text.isascii() or not text.startswith(PREFIX):
        return None
    fields = text.removeprefix(PREFIX).split(".")
    if len(fields) != 4:
        return None
    version, generation = _parse_number(fields[0]), _parse_number(fields[2])
    family_id, mac = _parse_bytes(fields[1]), _parse_bytes(fields[3])
    if version is None or generation is None or family_id is None or mac is None:
        return None
    if len(family_id) != FAMILY_ID_BYTES:
        return None
    return PresentedRefreshToken(version, family_id, generation), mac


def _parse_number(text: str) -> int | None:
    """A decimal number in its only spelling: no sign, no space, no leading zero, bounded."""
    if not text.isdigit() or len(text) > _MAX_DIGITS or (text[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if number <= _MAX_NUMBER else None


def _parse_bytes(text: str) -> bytes | None:
    try:
        return base64url.decode(text)
    except ValueError:
        return None
