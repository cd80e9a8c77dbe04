"""DEFLATE as JWE names it (`zip: DEF`, RFC 7516 section 4.1.3), inflated only, and to a bound.

Nothing is ever compressed here: the length of a compressed secret tells of the secret.
"""

from __future__ import annotations

import zlib

from lingpai.errors import MalformedToken, TokenTooLarge

MAX_INFLATED_BYTES = 250_000  # RFC 8725bis section 3.6 asks for a bound, and names this one


def inflate(data: bytes, *, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """The bytes that raw DEFLATE `data` (RFC 1951) stands for; memory is bounded by `max_bytes`.

    Raises TokenTooLarge, or MalformedToken for anything but one whole stream.
    """
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(data, max_bytes + 1)
    except zlib.error:
        raise MalformedToken("the compressed content is not DEFLATE") from None
    if len(inflated) > max_bytes:
        raise TokenTooLarge(f"the content inflates to more than {max_bytes} bytes")
    if not stream.eof or stream.unused_data:
        raise MalformedToken("the compressed content is cut off, or followed by something else")
    return inflated
