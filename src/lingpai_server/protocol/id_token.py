"""The claims of an ID token (OpenID Connect Core section 2). Refuses to know how they are signed.

Claims about the person are left to the userinfo endpoint, except those that the `claims` parameter
asks for here: a client that gets an access token gets them there (section 5.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lingpai.jose import base64url
from lingpai.jose.crypto import digest
from lingpai_server.core.records import Client, Session, User
from lingpai_server.protocol.claims_request import read_claims_request, released_claims
from lingpai_server.protocol.replies import IdToken

ID_TOKEN_TYP = "JWT"
ID_TOKEN_TTL_SECONDS = 300
"""It says who just logged in, and is read when it arrives; a session is not measured by it."""

# What a client may have its ID tokens signed with, and the hash that goes with it (section 3.1.3.6:
# the one of the algorithm's name; Ed25519 is SHA-512 inside, RFC 8032 section 5.1).
ID_TOKEN_HASHES: Mapping[str, str] = MappingProxyType(
    {"RS256": "sha256", "ES256": "sha256", "PS256": "sha256", "Ed25519": "sha512"}
)


def build_id_token(
    issuer: str, client: Client, user: User, session: Session, *, nonce: str | None, now: float
) -> IdToken:
    """What a client learns of a login. `nonce` is that of the authorization request, None at a
    refresh (section 12.2). `sub` is the public one: it becomes pairwise when it is signed."""
    issued_at = int(now)
    wishes = read_claims_request(session.claims).id_token
    claims: dict[str, Any] = {
        **released_claims(user, client, (), wishes),
        "iss": issuer,
        "sub": user.user_id,
        "aud": client.client_id,
        "exp": min(issued_at + ID_TOKEN_TTL_SECONDS, session.absolute_deadline),
        "iat": issued_at,
        "auth_time": session.auth_time,
        "amr": list(session.amr),
        "sid": session.session_id,
    }
    optional = {"nonce": nonce, "acr": session.acr}
    claims |= {name: value for name, value in optional.items() if value}
    return IdToken(claims, client)


def access_token_hash(access_token: str, algorithm: str) -> str:
    """`at_hash`: the left half of the access token's hash (section 3.1.3.6)."""
    hashed = digest(ID_TOKEN_HASHES[algorithm], access_token.encode("ascii"))
    return base64url.encode(hashed[: len(hashed) // 2])
