"""Derived refresh tokens: one spelling, one MAC, and no text that makes the reader raise."""

from __future__ import annotations

import hashlib
import hmac
import string

import pytest
from tests.support.samples import KEYS

from lingpai.jose import base64url
from lingpai_server.core.secret import Secret
from lingpai_server.sessions.refresh_token import (
    PresentedRefreshToken,
    RefreshKeys,
    RefreshTokenProblem,
    derive_refresh_token,
    verify_refresh_token,
)

FAMILY_ID = bytes(range(16))
MALFORMED = RefreshTokenProblem.MALFORMED
_BASE64URL = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def _token(generation: int = 7, *, version: int = 2) -> str:
    secret = derive_refresh_token(KEYS, version=version, family_id=FAMILY_ID, generation=generation)
    return secret.reveal()


def _fields(token: str) -> list[str]:
    return token.removeprefix("lp_rt_").split(".")


def _join(fields: list[str]) -> str:
    return "lp_rt_" + ".".join(fields)


def test_a_token_is_the_documented_mac_of_version_family_and_generation() -> None:
    data = b"lp_rt\x00" + (2).to_bytes(8, "big") + FAMILY_ID + (7).to_bytes(8, "big")
    mac = base64url.encode(hmac.digest(b"2" * 32, data, hashlib.sha256))
    assert _token() == f"lp_rt_2.{base64url.encode(FAMILY_ID)}.7.{mac}"


def test_what_was_derived_reads_back() -> None:
    assert verify_refresh_token(_token(), KEYS) == PresentedRefreshToken(2, FAMILY_ID, 7)


def test_generation_zero_is_spelled_0() -> None:
    assert verify_refresh_token(_token(0), KEYS) == PresentedRefreshToken(2, FAMILY_ID, 0)


def test_the_largest_generation_reads_back() -> None:
    largest = 2**63 - 1
    assert verify_refresh_token(_token(largest), KEYS) == PresentedRefreshToken(
        2, FAMILY_ID, largest
    )


def test_a_key_version_that_is_no_longer_current_still_reads() -> None:
    assert verify_refresh_token(_token(version=1), KEYS) == PresentedRefreshToken(1, FAMILY_ID, 7)


@pytest.mark.parametrize("field", [0, 2])
@pytest.mark.parametrize(
    "spelling",
    ["", "02", "+2", "-2", " 2", "2 ", "2_0", "2.0", "0x2", "²", "２", "٢", "2" * 20, str(2**63)],
)
def test_a_number_in_any_other_spelling_is_malformed(field: int, spelling: str) -> None:
    fields = _fields(_token())
    fields[field] = spelling
    assert verify_refresh_token(_join(fields), KEYS) is MALFORMED


@pytest.mark.parametrize("field", [1, 3])
def test_base64url_with_padding_is_malformed(field: int) -> None:
    fields = _fields(_token())
    fields[field] += "="
    assert verify_refresh_token(_join(fields), KEYS) is MALFORMED


@pytest.mark.parametrize("field", [1, 3])
def test_base64url_with_unused_bits_set_is_malformed(field: int) -> None:
    fields = _fields(_token())
    last = _BASE64URL[_BASE64URL.index(fields[field][-1]) | 1]
    fields[field] = fields[field][:-1] + last
    assert verify_refresh_token(_join(fields), KEYS) is MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lp_rt_",
        "lp_rt_...",
        "令牌",
        "lp_rt_2.令牌.7.令牌",
        "\ud800",
        "\x00",
        "lp_rt_" + "9" * 100_000,
        "." * 1_000_000,
    ],
    ids=["empty", "prefix", "dots", "chinese", "chinese fields", "surrogate", "NUL", "long", "1M"],
)
def test_text_that_is_no_token_is_malformed_and_raises_nothing(text: str) -> None:
    assert verify_refresh_token(text, KEYS) is MALFORMED


def test_another_prefix_is_malformed() -> None:
    assert verify_refresh_token(_token().replace("lp_rt_", "lp_cs_"), KEYS) is MALFORMED


def test_white_space_around_a_token_is_malformed() -> None:
    assert verify_refresh_token(_token() + "\n", KEYS) is MALFORMED


def test_a_fifth_field_is_malformed() -> None:
    assert verify_refresh_token(_token() + ".x", KEYS) is MALFORMED


def test_a_family_id_of_another_length_is_malformed() -> None:
    fields = _fields(_token())
    fields[1] = base64url.encode(FAMILY_ID + b"x")
    assert verify_refresh_token(_join(fields), KEYS) is MALFORMED


def test_an_unknown_key_version_is_named_as_such() -> None:
    fields = _fields(_token())
    fields[0] = "3"
    expected = RefreshTokenProblem.UNKNOWN_KEY_VERSION
    assert verify_refresh_token(_join(fields), KEYS) is expected


@pytest.mark.parametrize(
    ("field", "other"),
    [(0, "1"), (1, base64url.encode(b"x" * 16)), (2, "8"), (3, base64url.encode(b"x" * 32))],
    ids=["version", "family", "generation", "mac"],
)
def test_no_field_can_be_exchanged_under_the_mac(field: int, other: str) -> None:
    fields = _fields(_token())
    fields[field] = other
    assert verify_refresh_token(_join(fields), KEYS) is RefreshTokenProblem.BAD_MAC


@pytest.mark.parametrize("size", [0, 1, 16, 31, 33, 64])
def test_a_mac_of_another_length_is_refused(size: int) -> None:
    fields = _fields(_token())
    fields[3] = base64url.encode(base64url.decode(fields[3])[:size].ljust(size, b"\0"))
    assert not isinstance(verify_refresh_token(_join(fields), KEYS), PresentedRefreshToken)


def test_a_token_never_shows_itself() -> None:
    token = derive_refresh_token(KEYS, version=2, family_id=FAMILY_ID, generation=7)
    assert token.reveal() not in repr(token) + str(token)
    assert "2222" not in repr(KEYS)


def test_deriving_with_a_key_that_is_gone_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        derive_refresh_token(KEYS, version=9, family_id=FAMILY_ID, generation=0)


def test_deriving_for_a_family_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        derive_refresh_token(KEYS, version=2, family_id=b"short", generation=0)


def test_keys_without_the_current_version_are_refused() -> None:
    with pytest.raises(ValueError):
        RefreshKeys(current=3, secrets=KEYS.secrets)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError):
        RefreshKeys(current=1, secrets={1: Secret(b"1" * 31)})


@pytest.mark.parametrize("version", [-1, 2**63])
def test_a_version_that_no_bigint_holds_is_refused(version: int) -> None:
    with pytest.raises(ValueError):
        RefreshKeys(current=version, secrets={version: Secret(b"1" * 32)})
