"""What decisions need beside the store's own facts. Refuses to know where it was read."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import Client
from lingpai_server.sessions.refresh_token import RefreshTokenReading


@dataclass(frozen=True, slots=True)
class RefreshTokenFacts:
    """For /token, /revoke and /logout: `client` is the record of the client that the request names,
    `presented` what `verify_refresh_token` said of the token, `family` what the store holds under
    its family_id. Whatever is missing is None; a token that is no token of ours has no family."""

    client: Client | None
    presented: RefreshTokenReading
    family: FamilyFacts | None
