"""The only package that imports `cryptography`, and the only one that draws randomness.

A caller who supplies an IV will one day supply it twice; so keys, content keys and IVs are made
here. Everything else in `jose` sees bytes, and native keys as opaque values.
"""

from lingpai.jose.crypto.digests import (
    constant_time_equal,
    digest,
    hmac_sha256,
    random_bytes,
    sha256,
)

__all__ = ["constant_time_equal", "digest", "hmac_sha256", "random_bytes", "sha256"]
