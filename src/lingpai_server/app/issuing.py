"""The last step of a grant: a reply whose effects are durable becomes tokens. Decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from lingpai.errors import BudgetExceeded
from lingpai_server.app.encryption import NoRecipientKey, encrypt_for_client, load_recipient, nest
from lingpai_server.app.ports import ClientKeys, KeyRing
from lingpai_server.app.settling import refuse_busy
from lingpai_server.core.api_settings import TokenFormat
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.id_token import ID_TOKEN_TYP, access_token_hash
from lingpai_server.protocol.replies import AccessToken, IdToken, TokenReply
from lingpai_server.protocol.subjects import sector_of

ACCESS_TOKEN_TYP = "at+jwt"  # RFC 9068 section 2.1
BEARER, DPOP = "Bearer", "DPoP"  # RFC 6750, RFC 9449 section 5
MAX_ID_TOKEN_PAYLOAD_BYTES = 16_384

LOG = logging.getLogger("lingpai.issuing")


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a client is given (RFC 6749 section 5.1). `in_cookie` keeps the refresh token from the
    page's scripts. `authorization_details` is JSON text; `issued_token_type` that of RFC 8693,
    `dpop_nonce` the next one that the client is to use (RFC 9449 section 8.2)."""

    access_token: Secret[str]
    expires_in_seconds: int
    scopes: tuple[str, ...]
    refresh_token: Secret[str] | None
    refresh_expires_in_seconds: int | None
    in_cookie: bool
    token_type: str = BEARER
    id_token: Secret[str] | None = None
    authorization_details: str | None = None
    issued_token_type: str | None = None
    dpop_nonce: str | None = None


async def issue(
    reply: TokenReply, keys: KeyRing, client_keys: ClientKeys | None = None
) -> IssuedTokens | Refusal:
    """Sign what was decided. Refuses a token over its API's size budget, and one that is to be
    encrypted to a key that cannot be had.

    `client_keys` are needed for ID tokens that their clients want encrypted. Raises LookupError if
    no key can sign, InvalidKey if an API's encryption key is none, StoreUnavailable.
    """
    try:
        access = await _issue_access_token(reply.access, keys)
        id_token = None
        if reply.id_token is not None:
            id_token = await _issue_id_token(reply.id_token, access, keys, client_keys)
    except BudgetExceeded as error:
        return _refuse_size(reply.access, error)
    except NoRecipientKey as error:
        LOG.warning("an ID token was not issued: %s", error)
        return refuse_busy("client_key_unavailable")
    return IssuedTokens(
        access_token=Secret(access),
        expires_in_seconds=reply.expires_in_seconds,
        scopes=reply.scopes,
        refresh_token=reply.refresh_token,
        refresh_expires_in_seconds=reply.refresh_expires_in_seconds,
        in_cookie=reply.in_cookie,
        token_type=DPOP if "jkt" in reply.access.claims.get("cnf", {}) else BEARER,
        id_token=None if id_token is None else Secret(id_token),
        authorization_details=reply.authorization_details,
        issued_token_type=reply.issued_token_type,
    )


async def _issue_access_token(token: AccessToken, keys: KeyRing) -> str:
    """In the API's format. Raises BudgetExceeded."""
    settings = token.settings
    claims = with_subject_of(token.sector, token.claims, keys)
    match settings.format:
        case TokenFormat.OPAQUE:
            raw = keys.seal_token(claims, typ=ACCESS_TOKEN_TYP)
        case TokenFormat.JWT:
            raw = await _sign_access_token(token, claims, keys)
        case TokenFormat.JWE:
            signed = await _sign_access_token(token, claims, keys)
            key = load_recipient(settings.encryption_jwk or "")
            raw = nest(signed, key, enc=settings.encryption_enc, typ=ACCESS_TOKEN_TYP)
        case _:
            assert_never(settings.format)
    if len(raw) > settings.max_token_bytes:
        raise BudgetExceeded(
            f"the token has {len(raw)} bytes, the budget is {settings.max_token_bytes}"
        )
    return raw


async def _sign_access_token(token: AccessToken, claims: Mapping[str, Any], keys: KeyRing) -> str:
    return await keys.sign(
        claims,
        algorithm=token.algorithm,
        audience=token.audience,
        typ=ACCESS_TOKEN_TYP,
        max_payload_bytes=token.settings.max_token_bytes,
    )


async def _issue_id_token(
    token: IdToken, access_token: str, keys: KeyRing, client_keys: ClientKeys | None
) -> str:
    """Signed as the client registered, and encrypted where it asked for that."""
    client, settings = token.client, token.client.settings
    claims = {
        **with_subject_of(sector_of(client), token.claims, keys),
        "at_hash": access_token_hash(access_token, settings.id_token_alg),
    }
    signed = await keys.sign(
        claims,
        algorithm=settings.id_token_alg,
        audience=client.client_id,
        typ=ID_TOKEN_TYP,
        max_payload_bytes=MAX_ID_TOKEN_PAYLOAD_BYTES,
    )
    if settings.id_token_encryption is None:
        return signed
    if client_keys is None:
        raise NoRecipientKey(f"client {client.client_id} has no keys here")
    return await encrypt_for_client(
        signed.encode("ascii"),
        client,
        settings.id_token_encryption,
        client_keys,
        header={"cty": "JWT", "typ": ID_TOKEN_TYP},
    )


def with_subject_of(
    sector: str | None, claims: Mapping[str, Any], keys: KeyRing
) -> Mapping[str, Any]:
    """The claims with the `sub` that the sector knows the user by."""
    if sector is None:
        return claims
    return {**claims, "sub": keys.pairwise_subject(sector, claims["sub"])}


def _refuse_size(token: AccessToken, error: BudgetExceeded) -> Refusal:
    LOG.warning(
        "a token for %s does not fit: %s; give its holder fewer roles, ask for less scope, make the"
        " API's tokens opaque, or raise its max_token_bytes",
        token.audience,
        error,
    )
    return refuse(
        ErrorCode.INVALID_SCOPE,
        reason="token_too_large",
        description="The token would be larger than the API takes. Ask for less scope.",
    )
