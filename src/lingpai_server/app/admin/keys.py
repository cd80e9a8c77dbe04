"""Signing keys that are made when somebody first asks for their algorithm. Shows none of them."""

from __future__ import annotations

from lingpai_server.app.admin.office import Office
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.records import KeyPurpose, KeyState

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
