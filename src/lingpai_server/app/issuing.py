"""The last step of a grant: a reply whose effects are durable becomes tokens. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.ports import Signer
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.replies import TokenReply

ACCESS_TOKEN_TYP = "at+jwt"  # RFC 9068 section 2.1


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a client is given (RFC 6749 section 5.1). `in_cookie` keeps the refresh token from the
    page's scripts."""

    access_token: Secret[str]
    expires_in_seconds: int
    scopes: tuple[str, ...]
    refresh_token: Secret[str] | None
    refresh_expires_in_seconds: int | None
    in_cookie: bool


async def issue(reply: TokenReply, signer: Signer) -> IssuedTokens:
    """Sign what was decided. Raises LookupError if no key can, IssueError if it is too big."""
    access = reply.access
    raw = await signer.sign(
        access.claims, algorithm=access.algorithm, audience=access.audience, typ=ACCESS_TOKEN_TYP
    )
    return IssuedTokens(
        access_token=Secret(raw),
        expires_in_seconds=reply.expires_in_seconds,
        scopes=reply.scopes,
        refresh_token=reply.refresh_token,
        refresh_expires_in_seconds=reply.refresh_expires_in_seconds,
        in_cookie=reply.in_cookie,
    )
