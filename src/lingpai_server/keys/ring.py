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
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey, PublicKey, SecretKey
from lingpai_server.core.records import KeyPurpose, KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.box import EMPTY_BOX, SecretBox
from lingpai_server.keys.sealing import SealBroken, SealingKey
from lingpai_server.sessions.refresh_token import RefreshKeys

# published before it signs, and until the last token it signed has expired
PUBLISHED_STATES = frozenset({KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING})


class NoRefreshKey(Exception):
    """The store holds no active refresh key: it was never bootstrapped."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Opened keys, ready for use. `signing` is by algorithm, `api_secrets` by audience.

    `published` are the public halves that `jwks` shows. `tickets` seals what a browser carries,
    `opaque_tokens` the access tokens that nobody else can read. `pairwise` is None in a store that
    an older program made and that has not been completed yet.
    """

    signing: Mapping[str, PrivateKey] = field(repr=False)
    api_secrets: Mapping[str, SecretKey] = field(repr=False)
    refresh_keys: RefreshKeys = field(repr=False)
    jwks: bytes
    jwks_etag: str
    published: KeySet = field(repr=False)
    tickets: SecretBox = field(default=EMPTY_BOX, repr=False)
    opaque_tokens: SecretBox = field(default=EMPTY_BOX, repr=False)
    pairwise: SecretKey | None = field(default=None, repr=False)

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

    def pairwise_subject(self, sector: str, user_id: str) -> str:
        """43 characters that tell nobody else's from another's (OpenID Connect Core section 8.1).

        Raises LookupError if there is no key to derive them with.
        """
        if self.pairwise is None:
            raise LookupError("there is no key for pairwise subjects")
        # each part behind its length, so that no two pairs are one text
        parts = (part.encode("utf-8") for part in (sector, user_id))
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return base64url.encode(self.pairwise.sign_message(message))


def open_ring(stored_keys: Iterable[StoredKey], sealing: SealingKey) -> KeyRing:
    """The ring of these stored keys. Raises SealBroken, InvalidKey or NoRefreshKey."""
    keys = sorted(stored_keys, key=lambda stored: (stored.created_at, stored.kid))
    signing = _of_purpose(keys, KeyPurpose.SIGN)
    opened = {stored.kid: _open_private(stored, sealing) for stored in signing}
    published = tuple(opened[stored.kid].public for stored in signing)
    jwks = _render_jwks(published)
    pairwise = _open_secrets(_of_purpose(keys, KeyPurpose.PAIRWISE), sealing)
    return KeyRing(
        signing={s.algorithm: opened[s.kid] for s in _active(signing)},  # the newest wins
        api_secrets={
            stored.audience: _open_secret(stored, sealing)
            for stored in _active(_of_purpose(keys, KeyPurpose.API_SECRET))
        },
        refresh_keys=_open_refresh_keys(_of_purpose(keys, KeyPurpose.REFRESH), sealing),
        jwks=jwks,
        jwks_etag=f'"{base64url.encode(sha256(jwks)[:12])}"',
        published=KeySet(published),
        tickets=_make_box(_of_purpose(keys, KeyPurpose.TICKET), sealing),
        opaque_tokens=_make_box(_of_purpose(keys, KeyPurpose.OPAQUE_TOKEN), sealing),
        pairwise=pairwise[0] if pairwise else None,  # the oldest for ever: subjects do not change
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


def _open_secrets(keys: list[StoredKey], sealing: SealingKey) -> tuple[SecretKey, ...]:
    return tuple(_open_secret(stored, sealing) for stored in keys)


def _make_box(keys: list[StoredKey], sealing: SealingKey) -> SecretBox:
    """Every key opens; the newest active one seals."""
    active = _open_secrets(_active(keys), sealing)
    return SecretBox(active[-1] if active else None, KeySet(_open_secrets(keys, sealing)))


def _open_refresh_keys(keys: list[StoredKey], sealing: SealingKey) -> RefreshKeys:
    """Every version still opens tokens; the newest active one makes new families."""
    active = [stored.version for stored in _active(keys)]
    if not active:
        raise NoRefreshKey("there is no active refresh key")
    secrets: dict[int, Secret[bytes]] = {
        s.version: sealing.open(s.sealed, kid=s.kid, purpose=s.purpose) for s in keys
    }
    return RefreshKeys(max(active), secrets)


def _render_jwks(keys: Iterable[PublicKey]) -> bytes:
    """RFC 7517 section 5; each key says what it is for (section 4.2)."""
    members: list[dict[str, Any]] = [key.to_jwk() | {"use": "sig"} for key in keys]
    return strict_json.encode({"keys": members})
