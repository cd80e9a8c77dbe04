"""zip: DEF is read by opt-in, to a bound, and never written (RFC 7516 section 4.1.3)."""

from __future__ import annotations

import time
import tracemalloc
import zlib

import pytest
from tests.support.jose_keys import key_for

from lingpai.errors import InvalidHeader, MalformedToken, TokenTooLarge
from lingpai.jose import base64url, strict_json
from lingpai.jose.algorithms import CONTENT_ENCRYPTIONS
from lingpai.jose.compression import MAX_INFLATED_BYTES, inflate
from lingpai.jose.crypto.content import make_cipher
from lingpai.jose.jwe import decrypt_compact

KEY = key_for("A256GCM")


def _deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def _token(compressed: bytes) -> str:
    """A token such as a library that compresses would make."""
    header = strict_json.encode({"alg": "dir", "enc": "A256GCM", "zip": "DEF"})
    protected = base64url.encode_bytes(header)
    cipher = make_cipher(CONTENT_ENCRYPTIONS["A256GCM"], KEY.native)
    parts = (b"", *cipher.seal(compressed, protected))
    return ".".join((protected.decode(), *(base64url.encode(part) for part in parts)))


def test_compressed_content_is_read_only_by_opt_in() -> None:
    token = _token(_deflate(b"hello" * 100))
    with pytest.raises(InvalidHeader, match="compressed"):
        decrypt_compact(token, KEY)
    for _ in range(2):
        header, plaintext = decrypt_compact(token, KEY, allow_compressed=True)
        assert header.compressed
        assert plaintext == b"hello" * 100
    with pytest.raises(InvalidHeader, match="compressed"):
        decrypt_compact(token, KEY)  # nor is the opt-in remembered


def test_the_bound_is_exact() -> None:
    assert len(inflate(_deflate(bytes(MAX_INFLATED_BYTES)))) == MAX_INFLATED_BYTES == 250_000
    with pytest.raises(TokenTooLarge):
        inflate(_deflate(bytes(MAX_INFLATED_BYTES + 1)))


def test_a_bomb_costs_no_more_than_the_bound() -> None:  # CVE-2024-28176, CVE-2026-39373
    token = _token(_deflate(bytes(40_000_000)))
    assert len(token) < 65_536
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(TokenTooLarge):
        decrypt_compact(token, KEY, allow_compressed=True)
    elapsed, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
    assert elapsed < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not deflate at all",
        _deflate(b"hello")[:-1],
        _deflate(b"hello") + b"x",
        _deflate(b"hello") * 2,
        zlib.compress(b"hello"),
    ],
)
def test_anything_but_one_whole_stream_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedToken):
        inflate(data)
