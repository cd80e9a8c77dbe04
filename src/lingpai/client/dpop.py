"""DpopKey: the key that a client's tokens are bound to, and the nonces it was told (RFC 9449)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from lingpai.jose import base64url
from lingpai.jose.crypto import random_bytes
from lingpai.jose.keys import Key, PrivateKey
from lingpai.jwt.dpop import make_proof

__all__ = ["DpopKey"]

MAX_ORIGINS = 256


class DpopKey:
    """Makes proofs with one key; by default an ES256 key of this process. Thread-safe.

    Servers say in `DPoP-Nonce` which nonce they want next, each its own (section 8.2).
    """

    def __init__(self, key: PrivateKey | None = None) -> None:
        made = key or Key.generate("ES256")
        if not isinstance(made, PrivateKey):
            raise TypeError("a proof is made with a private key")
        self.key = made
        self._nonces: dict[str, str] = {}

    @property
    def jkt(self) -> str:
        """The thumbprint that tokens name in `cnf.jkt` (section 6.1)."""
        return self.key.thumbprint()

    def prove(self, method: str, url: str, *, now: float, access_token: str | None = None) -> str:
        """The `DPoP` header of one request. `now` is in seconds since the epoch."""
        return make_proof(
            self.key,
            method=method,
            url=url,
            now=int(now),
            jti=base64url.encode(random_bytes(16)),
            access_token=access_token,
            nonce=self._nonces.get(_origin(url)),
        )

    def learn(self, url: str, headers: Mapping[str, str]) -> bool:
        """Keep the nonce of a response (names in lower case); whether it was a new one."""
        nonce, origin = headers.get("dpop-nonce"), _origin(url)
        if not nonce or self._nonces.get(origin) == nonce:
            return False
        if len(self._nonces) >= MAX_ORIGINS:
            self._nonces.pop(next(iter(self._nonces)), None)
        self._nonces[origin] = nonce
        return True


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
