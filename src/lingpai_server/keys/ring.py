"""The key ring: which key signs, which are published, which secret belongs to which API.

Pure once the keys are opened: a new set of stored keys is a new ring. Refuses to know the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lingpai.errors import InvalidKey
from lingpai.jose import base64url, strict_json
from lingpai.jose.crypto import sha256
from lingpai.jose.keys import Key, PrivateKey, SecretKey
from lingpai_server.core.records import KeyPurpose, KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.sealing import SealBroken, SealingKey
from lingpai_server.sessions.refresh_token import RefreshKeys

# published before it signs, and until the last token it signed has expired
PUBLISHED_STATES = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING})


class NoRefreshKey(Exception):
    """The store holds no active refresh key: it was never bootstrapped."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Opened keys, ready for use. `signing` is by algorithm, `api_secrets` by audience."""

    signing: Mapping[str, PrivateKey] = field(repr=False)
    api_secrets: Mapping[str, SecretKey] = field(repr=False)
    refresh_keys: RefreshKeys = field(repr=False)
    jwks: bytes
    jwks_etag: str

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What the published keys sign with, sorted; for the metadata document."""
        return tuple(sorted(self.signing))

    def key_for(self, algorithm: str, audience: str) -> PrivateKey | SecretKey:
        """The key that signs a token for an API. Raises LookupError if there is none."""
        secret = self.api_secrets.get(audience)
        if secret is not None and secret.alg == algorithm:
            return secret
        if algorithm in self.signing:
            return self.signing[algorithm]
        raise LookupError(f"no active key signs {algorithm} for {audience}")


def open_ring(stored_keys: Iterable[StoredKey], sealing: SealingKey) -> KeyRing:
    """The ring of these stored keys. Raises SealBroken, InvalidKey or NoRefreshKey."""
    keys = sorted(stored_keys, key=lambda stored: (stored.created_at, stored.kid))
    signing = _of_purpose(keys, KeyPurpose.SIGN)
    opened = {stored.kid: _open_private(stored, sealing) for stored in signing}
    jwks = _render_jwks(opened[stored.kid] for stored in signing)
    return KeyRing(
        signing={s.algorithm: opened[s.kid] for s in _active(signing)},  # the newest wins
        api_secrets={
            stored.audience: _open_secret(stored, sealing)
            for stored in _active(_of_purpose(keys, KeyPurpose.API_SECRET))
        },
        refresh_keys=_open_refresh_keys(_of_purpose(keys, KeyPurpose.REFRESH), sealing),
        jwks=jwks,
        jwks_etag=f'"{base64url.encode(sha256(jwks)[:12])}"',
    )


def _of_purpose(keys: Iterable[StoredKey], purpose: KeyPurpose) -> list[StoredKey]:
    return [s for s in keys if s.purpose is purpose and s.state in PUBLISHED_STATES]


def _active(keys: Iterable[StoredKey]) -> list[StoredKey]:
    return [stored for stored in keys if stored.state is KeyState.ACTIVE]


def _open(stored: StoredKey, sealing: SealingKey) -> Key:
    content = sealing.open(stored.sealed, kid=stored.kid, purpose=stored.purpose)
    key = Key.from_jwk(content.reveal())
    if key.alg != stored.algorithm or key.kid != stored.kid:
        raise SealBroken(f"key {stored.kid} is not the key that its row describes")
    return key


def _open_private(stored: StoredKey, sealing: SealingKey) -> PrivateKey:
    key = _open(stored, sealing)
    if not isinstance(key, PrivateKey):
        raise InvalidKey(f"key {stored.kid} is no private key")
    return key


def _open_secret(stored: StoredKey, sealing: SealingKey) -> SecretKey:
    key = _open(stored, sealing)
    if not isinstance(key, SecretKey):
        raise InvalidKey(f"key {stored.kid} is no symmetric key")
    return key


def _open_refresh_keys(keys: list[StoredKey], sealing: SealingKey) -> RefreshKeys:
    """Every version still opens tokens; the newest active one makes new families."""
    active = [stored.version for stored in _active(keys)]
    if not active:
        raise NoRefreshKey("there is no active refresh key")
    secrets: dict[int, Secret[bytes]] = {
        s.version: sealing.open(s.sealed, kid=s.kid, purpose=s.purpose) for s in keys
    }
    return RefreshKeys(max(active), secrets)


def _render_jwks(keys: Iterable[PrivateKey]) -> bytes:
    """RFC 7517 section 5; the public halves, each saying what it is for (section 4.2)."""
    members: list[dict[str, Any]] = [key.public.to_jwk() | {"use": "sig"} for key in keys]
    return strict_json.encode({"keys": members})
