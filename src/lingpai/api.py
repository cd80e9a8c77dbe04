"""sign and verify with the clock read in one line: what most callers use."""

from __future__ import annotations

from time import time
from typing import Any

from lingpai.jose.jws import KeySource
from lingpai.jwt.issue import sign
from lingpai.jwt.policy import Policy
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify as verify_with_options
from lingpai.jwt.verify import verify_plain

__all__ = ["sign", "verify"]


def verify(
    raw: str | bytes, keys: KeySource, policy: Policy, *, now: float | None = None, **options: Any
) -> VerifiedToken:
    """`lingpai.jwt.verify.verify`, with `now` from the clock unless it is given."""
    moment = time() if now is None else now
    if options:
        return verify_with_options(raw, keys, policy, now=moment, **options)
    return verify_plain(raw, keys, policy, moment)
