"""What is known of a refresh token that was presented. Decides nothing."""

from __future__ import annotations

from lingpai_server.app.ports import KeyRing
from lingpai_server.core.ports import Store
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.facts import RefreshTokenFacts
from lingpai_server.sessions.refresh_token import (
    RefreshTokenProblem,
    RefreshTokenReading,
    verify_refresh_token,
)


async def load_refresh_facts(
    store: Store, keys: KeyRing, token: Secret[str], *, client_id: str | None
) -> RefreshTokenFacts:
    """The token's reading, its family and the client that the request names.

    A token whose MAC is wrong costs no look-up of its family. Raises StoreUnavailable.
    """
    client = None if client_id is None else await store.load_client(client_id)
    presented = await _read(keys, token)
    if isinstance(presented, RefreshTokenProblem):
        return RefreshTokenFacts(client, presented, None)
    return RefreshTokenFacts(client, presented, await store.load_family(presented.family_id))


async def _read(keys: KeyRing, token: Secret[str]) -> RefreshTokenReading:
    """A key version that is not known may have been made by another process a moment ago."""
    presented = verify_refresh_token(token.reveal(), keys.refresh_keys)
    if presented is RefreshTokenProblem.UNKNOWN_KEY_VERSION and await keys.reload():
        return verify_refresh_token(token.reveal(), keys.refresh_keys)
    return presented
