"""The lines of a head that are the same for every endpoint (RFC 9112 sections 3 and 4)."""

from __future__ import annotations

from email.utils import formatdate
from functools import cache, lru_cache
from http import HTTPStatus


def strip_authority(target: bytes) -> bytes:
    """The path and query of the absolute form (RFC 9112 section 3.2.2); any other form as it is."""
    if target.startswith(b"/"):
        return target
    scheme, colon, rest = target.partition(b"://")
    if not colon or scheme.lower() not in {b"http", b"https"}:
        return target
    return b"/" + rest.partition(b"/")[2]


@cache
def status_line(status: int) -> bytes:
    """With the phrase that everybody knows (RFC 9110 section 15)."""
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")


@lru_cache(maxsize=1)
def date_line(second: int) -> bytes:
    """Of a time in seconds since the epoch (RFC 9110 section 6.6.1)."""
    return f"date: {formatdate(second, usegmt=True)}\r\n".encode("ascii")
