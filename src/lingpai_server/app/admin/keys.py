"""Signing keys: made when somebody first asks for their algorithm, revoked in an emergency."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.core.effects import Effect, StoreKey
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.records import KeyPurpose, KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.core.status_effects import RevokeKid

# what tokens of this issuer may be signed with, beside the own secret of an API (HS256)
SIGNING_ALGORITHMS = ("ES256", "RS256", "PS256", "Ed25519")


async def ensure_signing_key(office: Office, algorithm: str) -> None:
    """Make the issuer's key for one of SIGNING_ALGORITHMS, unless there is one that signs.

    Two processes that do so at once make two: both are published, and the newest signs. Raises
    ValueError for any other algorithm.
    """
    if algorithm not in SIGNING_ALGORITHMS:
        raise ValueError(f"{algorithm!r} is no algorithm of the issuer's own keys")
    for key in await office.store.load_keys():
        signs = key.purpose is KeyPurpose.SIGN and key.state is KeyState.ACTIVE
        if signs and key.algorithm == algorithm:
            return
    made = office.maker.make_signing_key(algorithm, now=office.seconds())
    await office.store.apply([StoreKey(made)])


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A key that is good for nothing any more, and the one that signs in its place, if it signed.
    `jwk` is that one's secret, to be handed to its API once, for an API's own (HS256)."""

    key: StoredKey
    successor: StoredKey | None
    jwk: Secret[str] | None = None


async def revoke_key(office: Office, kid: str) -> RevokedKey:
    """Nothing that this key signed is good any more, from now on and for ever.

    Its successor is made in the same transaction, so that at no moment nobody signs. Raises
    Rejected for a key that is not there, or that signs no tokens.
    """
    stored = await office.store.load_keys()
    key = next((each for each in stored if each.kid == kid), None)
    if key is None:
        raise Rejected(await _explain_absence(office, kid))
    if key.purpose not in {KeyPurpose.SIGN, KeyPurpose.API_SECRET}:
        raise Rejected(f"key {kid!r} signs no tokens: its purpose is {key.purpose.value}")
    successor, jwk = _make_successor(office, key) if _signs_alone(key, stored) else (None, None)
    effects: list[Effect] = [] if successor is None else [StoreKey(successor)]
    revoked = office.event(
        EventKind.KEY_REVOKED, kid=kid, successor=None if successor is None else successor.kid
    )
    await office.store.apply([*effects, RevokeKid(kid, office.seconds()), revoked])
    return RevokedKey(key, successor, jwk)


def _signs_alone(key: StoredKey, stored: tuple[StoredKey, ...]) -> bool:
    """Whether nothing would sign in its place."""
    kind = (key.purpose, key.algorithm, key.audience, KeyState.ACTIVE)
    signing = [k for k in stored if (k.purpose, k.algorithm, k.audience, k.state) == kind]
    return signing == [key]


def _make_successor(office: Office, key: StoredKey) -> tuple[StoredKey, Secret[str] | None]:
    now = office.seconds()
    if key.purpose is KeyPurpose.API_SECRET:
        return office.maker.make_api_secret(key.audience, key.algorithm, now=now)
    return office.maker.make_signing_key(key.algorithm, now=now), None


async def _explain_absence(office: Office, kid: str) -> str:
    known = await office.store.load_status_changes(0, office.seconds())
    told = "has been revoked already" if kid in known.kids else "is not here (lingpai key list)"
    return f"key {kid!r} {told}"
