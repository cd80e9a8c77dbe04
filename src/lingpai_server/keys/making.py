"""Makes new keys and seals them at once. Draws randomness through the library; reads no clock."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai.jose import strict_json
from lingpai.jose.crypto import random_bytes
from lingpai.jose.keys import Key
from lingpai_server.core.records import KeyPurpose, KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.sealing import SealingKey

REFRESH_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SealedKeyMaker:
    """Makes stored keys. Nothing it returns shows a secret except the JWK of an API secret."""

    sealing: SealingKey

    def make_signing_key(self, algorithm: str, *, now: int) -> StoredKey:
        """A new private key of the issuer, active at once. Raises InvalidKey for no algorithm."""
        key = Key.generate(algorithm)
        content = Secret(strict_json.encode(key.to_jwk(private=True)))
        kid = key.kid or key.thumbprint()
        return self._stored(kid, KeyPurpose.SIGN, algorithm, content, now=now)

    def make_refresh_key(self, version: int, *, now: int) -> StoredKey:
        """A new MAC key for refresh tokens, active at once."""
        kid, content = f"refresh-{version}", Secret(random_bytes(REFRESH_KEY_BYTES))
        return self._stored(kid, KeyPurpose.REFRESH, "HS256", content, now=now, version=version)

    def make_api_secret(
        self, audience: str, algorithm: str, *, now: int
    ) -> tuple[StoredKey, Secret[str]]:
        """A new symmetric key for one API, and the JWK text to hand to that API, once."""
        key = Key.generate(algorithm)
        content = strict_json.encode(key.to_jwk(private=True))
        kid = key.kid or key.thumbprint()
        stored = self._stored(
            kid, KeyPurpose.API_SECRET, algorithm, Secret(content), now=now, audience=audience
        )
        return stored, Secret(content.decode("utf-8"))

    def _stored(
        self,
        kid: str,
        purpose: KeyPurpose,
        algorithm: str,
        content: Secret[bytes],
        *,
        now: int,
        audience: str = "",
        version: int = 0,
    ) -> StoredKey:
        sealed = self.sealing.seal(content, kid=kid, purpose=purpose)
        return StoredKey(kid, purpose, algorithm, KeyState.ACTIVE, sealed, now, audience, version)
