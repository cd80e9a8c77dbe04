"""Single access tokens as an operator denies them. Refuses to show one."""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.admin.sessions import end_session
from lingpai_server.app.issuing import ACCESS_TOKEN_TYP
from lingpai_server.app.ports import KeyRing
from lingpai_server.app.token_facts import load_token_facts
from lingpai_server.core.flow_records import SessionFacts
from lingpai_server.core.ports import AlreadyExists
from lingpai_server.core.slots import MAX_DENIED
from lingpai_server.protocol.revoke import deny_token
from lingpai_server.protocol.token_standing import TokenFacts


@dataclass(frozen=True, slots=True)
class DeniedToken:
    """What was denied, by the claims that say nothing of its holder."""

    token_id: str
    client_id: str
    audience: str
    expires_at: int


async def read_token(office: Office, keys: KeyRing, raw: str) -> TokenFacts:
    """What the issuer knows of an access token of its own, expired or not. Raises Rejected.

    One under an API's own secret (HS256) is read for every API: an operator gains nothing by a
    token that an API made up.
    """
    apis = [api.audience for api in await office.store.list_apis()]
    claims = await keys.read_own_token(raw, typ=ACCESS_TOKEN_TYP, shared_with=apis)
    facts = await load_token_facts(office.store, claims)
    if facts is None:
        raise Rejected(
            "this is no access token of this issuer (another iss: --issuer; a key that was revoked"
            " or has gone; encrypted for its API): end its session (lingpai session list USERNAME)"
        )
    return facts


async def deny(office: Office, keys: KeyRing, raw: str) -> DeniedToken:
    """Deny one token until it expires. Raises Rejected."""
    facts, now = await read_token(office, keys, raw), office.clock()
    claims = facts.claims
    if now >= claims["exp"]:
        raise Rejected("the token has expired: there is nothing to deny")
    denied = DeniedToken(claims["jti"], claims["client_id"], claims["aud"], claims["exp"])
    if facts.is_denied:
        return denied
    try:
        await office.store.apply(deny_token(facts, now=now))
    except AlreadyExists:
        raise Rejected(
            f"{MAX_DENIED:,} tokens are denied already, which is as many as verifiers are told of;"
            " end the session (--grant), or wait until some have expired"
        ) from None
    return denied


async def end_grant(office: Office, keys: KeyRing, raw: str) -> SessionFacts:
    """End the session that a token belongs to, and with it all its tokens. Raises Rejected."""
    facts = await read_token(office, keys, raw)
    if "sid" not in facts.claims:
        client_id = facts.claims["client_id"]
        raise Rejected(
            f"the token is of no session: client {client_id!r} asked for it itself; deny it alone,"
            f" or stop the client (lingpai client disable {client_id})"
        )
    return await end_session(office, facts.claims["sid"])
