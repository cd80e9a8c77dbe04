"""Encrypted tokens to take apart and change: good ones, and what an attacker makes of them."""

from __future__ import annotations

from typing import Any

from tests.support.jose_keys import cheap_header, sealing_key

from lingpai.jose import base64url, strict_json
from lingpai.jose.jwe import encrypt_compact

PLAINTEXT = b"The true sign of intelligence is not knowledge but imagination."


def sealed_token(alg: str, enc: str = "A256GCM") -> str:
    """A good compact JWE for the key that `sealing_key` gives."""
    key = sealing_key(alg, enc)
    return encrypt_compact(PLAINTEXT, key.public, enc=enc, header=cheap_header(alg))


def header_of(token: str) -> dict[str, Any]:
    """What the protected header says."""
    return strict_json.decode_object(base64url.decode(token.partition(".")[0]))


def with_part(token: str, index: int, octets: bytes) -> str:
    """The token with one part exchanged."""
    parts = token.split(".")
    parts[index] = base64url.encode(octets)
    return ".".join(parts)


def with_header(token: str, **changes: Any) -> str:
    """The token under another header; `...` drops a member."""
    members = {k: v for k, v in {**header_of(token), **changes}.items() if v is not ...}
    return with_part(token, 0, strict_json.encode(members))
