"""Makes new keys and seals them at once. Draws randomness through the library; reads no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lingpai.jose import strict_json
from lingpai.jose.crypto import random_bytes
from lingpai.jose.keys import Key
from lingpai_server.core.records import KeyPurpose, KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.sealing import SealingKey

REFRESH_KEY_BYTES = 32
# what a secret of the issuer's own is for, and the algorithm that does it
ISSUER_SECRETS: Mapping[KeyPurpose, str] = MappingProxyType(
    {
        KeyPurpose.TICKET: "A256GCM",
        KeyPurpose.OPAQUE_TOKEN: "A256GCM",
        KeyPurpose.PAIRWISE: "HS256",
    }
)


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

    def make_issuer_secret(self, purpose: KeyPurpose, *, now: int) -> StoredKey:
        """A new secret of the issuer's own, active at once. Its name is the first of its kind, so
        that of two processes that make one at once only one can store it. Raises KeyError for a
        purpose that has no such secret."""
        key = Key.generate(ISSUER_SECRETS[purpose], kid=f"{purpose.value}-1")
        content = Secret(strict_json.encode(key.to_jwk(private=True)))
        return self._stored(key.kid or "", purpose, key.alg, content, now=now)

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
