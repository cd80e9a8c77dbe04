"""Client secrets: a format that a scanner can recognise."""

from __future__ import annotations

import base64
import hashlib

import pytest

from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_secret import (
    client_secret_sha256,
    format_client_secret,
    has_client_secret_format,
)

RANDOM = bytes(range(32))
TEXT = format_client_secret(RANDOM).reveal()


def test_a_secret_is_prefix_random_and_checksum() -> None:
    body = "lp_cs_" + base64.urlsafe_b64encode(RANDOM).decode().rstrip("=")
    digest = hashlib.sha256(body.encode()).digest()
    assert f"{body}_{base64.urlsafe_b64encode(digest).decode()[:6]}" == TEXT


def test_a_secret_is_recognised() -> None:
    assert has_client_secret_format(TEXT)


@pytest.mark.parametrize(
    "text",
    ["", "lp_cs_", TEXT[:-1], TEXT + "x", TEXT.swapcase(), "lp_rt_" + TEXT[6:], TEXT[:9] + "令牌"],
)
def test_a_look_alike_is_not_recognised(text: str) -> None:
    assert not has_client_secret_format(text)


def test_a_flipped_character_is_noticed() -> None:
    assert not has_client_secret_format(TEXT[:10] + ("a" if TEXT[10] != "a" else "b") + TEXT[11:])


@pytest.mark.parametrize("body", ["lp_cs_AAAA", "lp_cs_" + "!" * 43, "lp_cs_" + "A" * 42 + "B"])
def test_a_right_checksum_alone_makes_no_secret(body: str) -> None:
    digest = hashlib.sha256(body.encode()).digest()
    text = f"{body}_{base64.urlsafe_b64encode(digest).decode()[:6]}"
    assert not has_client_secret_format(text)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_only_32_random_bytes_make_a_secret(size: int) -> None:
    with pytest.raises(ValueError):
        format_client_secret(bytes(size))


def test_the_digest_is_one_sha256_of_the_whole_text() -> None:
    assert client_secret_sha256(Secret(TEXT)) == hashlib.sha256(TEXT.encode()).digest()
