"""How a token is checked that what is held may not suffice for: the waits for a key or a list.

Written as generators, which a thread or an event loop drives (`waiting`). Checks nothing itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lingpai.errors import StatusUnavailable, TokenRevoked, UnknownKey
from lingpai.jose.header import parse_header
from lingpai.jose.jws import KeySource
from lingpai.jwt.token import VerifiedToken
from lingpai.verifier.key_holder import Attempt
from lingpai.verifier.sources import Sources
from lingpai.verifier.waiting import Waiting, wait_for_keys

__all__ = ["check_with_status"]


def check_with_status(
    sources: Sources, text: str, check: Callable[[KeySource], VerifiedToken], wait_seconds: float
) -> Waiting[VerifiedToken]:
    """Check, and once more if the list that was missing, or too old, has come."""
    deadline = time.monotonic() + wait_seconds
    try:
        return (yield from _check_with_keys(sources, text, check, deadline))
    except StatusUnavailable as missing:
        status = sources.status
        if status is None:
            raise
        attempt, begins_in = status.want(missing.uri)
        left = deadline - time.monotonic()
        if begins_in > left:
            raise
    yield attempt, left
    return (yield from _check_with_keys(sources, text, check, deadline))


def _check_with_keys(
    sources: Sources, text: str, check: Callable[[KeySource], VerifiedToken], deadline: float
) -> Waiting[VerifiedToken]:
    """Check with the keys held, and once more if an unknown `kid` made them newer."""
    holder, status = sources.keys, sources.status
    keys = yield from wait_for_keys(holder, deadline)
    try:
        return check(keys)
    except UnknownKey:
        kid = _read_kid(text)
        if status is not None and kid in status.view.revoked_kids:
            raise TokenRevoked("the issuer revoked the key that signed this token") from None
        asked = holder.ask_for(kid)
        if asked is None and holder.usable() is keys:  # in this order: none is missed
            raise
    if asked is not None:
        yield asked.attempt, deadline - time.monotonic()
    try:
        return check(holder.usable() or keys)
    except UnknownKey:
        if asked is not None and not asked.had_begun and _went_well(asked.attempt):
            holder.note_missing(kid)
        raise


def _went_well(attempt: Attempt) -> bool:
    return attempt.done() and attempt.result()


def _read_kid(text: str) -> str | None:
    """The `kid` of a token whose header was found well-formed, though no key answered for it."""
    return parse_header(text.partition(".")[0].encode("ascii")).kid
