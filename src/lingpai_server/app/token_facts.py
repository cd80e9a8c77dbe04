"""What is known of an access token that was presented to the issuer itself. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingpai_server.core.ports import Store
from lingpai_server.protocol.token_standing import TokenFacts, has_our_shape


async def load_token_facts(store: Store, claims: Mapping[str, Any] | None) -> TokenFacts | None:
    """The client and the session that the claims of a token of ours name, and whether it was denied
    alone; None if they are no claims of ours.

    Raises StoreUnavailable.
    """
    if claims is None or not has_our_shape(claims):
        return None
    client = await store.load_client(claims["client_id"])
    session = await store.load_session(claims["sid"]) if "sid" in claims else None
    is_denied = await store.is_denied(claims["jti"])
    return TokenFacts(claims, client, session, is_denied)
