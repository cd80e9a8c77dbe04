"""What a user's grant starts with: a session, its refresh family, and the first tokens. Pure.

Shared by the grants that come from a person: a code, a device. Refuses to know either.
"""

from __future__ import annotations

from dataclasses import dataclass

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import StartFamily, StartSession
from lingpai_server.core.flow_records import BrowserSession
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.records import Access, Api, Client, Family, Session, User
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.grants import gives_refresh_token, reply_with, require_versions
from lingpai_server.protocol.id_token import build_id_token
from lingpai_server.protocol.openid_scopes import OFFLINE_ACCESS, OPENID
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import Sender
from lingpai_server.protocol.sender import bind_access, bind_family
from lingpai_server.protocol.status_slot import choose_slot, slot_of_session
from lingpai_server.sessions.families import FIRST_GENERATION, absolute_deadline, idle_deadline
from lingpai_server.sessions.refresh_token import RefreshKeys, derive_refresh_token


@dataclass(frozen=True, slots=True)
class UserGrant:
    """What a user let a client have, and how that user had logged in.

    `browser` is the browser session that the client's own is part of, None for a device, which
    outlives the browser that let it in. `claims` is the JSON text of OpenID Connect Core section
    5.5, `authorization_details` that of RFC 9396; `nonce` goes into the ID token.
    """

    client: Client
    user: User
    api: Api
    access: Access
    scopes: tuple[str, ...]
    sender: Sender
    auth_time: int
    amr: tuple[str, ...]
    acr: str
    browser: BrowserSession | None = None
    claims: str | None = None
    authorization_details: str | None = None
    nonce: str | None = None


def start_grant(
    grant: UserGrant, policy: IssuePolicy, *, refresh_keys: RefreshKeys, now: float, fresh: Fresh
) -> Decision[TokenReply]:
    """The first tokens. The session and the family are always made, so that everything that was
    granted can be ended; whoever consumes what the grant came from adds that effect."""
    session = _start_session(grant, policy, now=now, fresh=fresh)
    family = _start_family(grant, session, refresh_keys, now=now, fresh=fresh)
    slot, taken = choose_slot(
        slot_of_session(session, grant.api.audience),
        None,
        fresh,
        held_until=session.absolute_deadline,
        now=now,
    )
    access = build_access_token(
        policy.issuer,
        grant.client,
        grant.api,
        grant.access,
        session,
        grant.scopes,
        slot,
        now=now,
        jti=fresh.jti,
        sender=bind_access(grant.client, grant.sender),
        authorization_details=grant.authorization_details,
    )
    id_token = None
    if OPENID in grant.scopes:
        id_token = build_id_token(
            policy.issuer, grant.client, grant.user, session, nonce=grant.nonce, now=now
        )
    refreshes = gives_refresh_token(grant.client, grant.scopes)
    reply = reply_with(
        access,
        grant.scopes,
        family=family if refreshes else None,
        refresh_token=derive_refresh_token(
            refresh_keys,
            version=family.key_version,
            family_id=family.family_id,
            generation=family.generation,
        )
        if refreshes
        else None,
        id_token=id_token,
        authorization_details=grant.authorization_details,
        now=now,
    )
    versions = require_versions(grant.user, grant.client, grant.api)
    return Decision(reply, (*versions, StartSession(session), StartFamily(family), *taken))


def _start_session(grant: UserGrant, policy: IssuePolicy, *, now: float, fresh: Fresh) -> Session:
    """It ends with its browser session, at the latest, unless it is offline (OpenID Connect Core
    section 11); a device's counts from now, when somebody let it in."""
    offline, browser = OFFLINE_ACCESS in grant.scopes, grant.browser
    since = int(now) if browser is None else grant.auth_time
    absolute = absolute_deadline(policy.sessions, auth_time=since)
    if browser is not None and not offline:
        absolute = min(absolute, browser.absolute_deadline)
    return Session(
        session_id=fresh.session_id,
        user_id=grant.user.user_id,
        client_id=grant.client.client_id,
        auth_time=grant.auth_time,
        amr=grant.amr,
        idle_deadline=idle_deadline(policy.sessions, absolute, now=now),
        absolute_deadline=absolute,
        browser_id=None if browser is None else browser.browser_id,
        acr=grant.acr,
        offline=offline,
        notify=grant.client.settings.backchannel_logout_uri is not None,
        claims=grant.claims,
    )


def _start_family(
    grant: UserGrant, session: Session, keys: RefreshKeys, *, now: float, fresh: Fresh
) -> Family:
    bound = bind_family(grant.client, grant.sender)
    return Family(
        family_id=fresh.family_id,
        session_id=session.session_id,
        user_id=session.user_id,
        client_id=session.client_id,
        audience=grant.api.audience,
        scopes=grant.scopes,
        generation=FIRST_GENERATION,
        rotated_at=now,
        idle_deadline=session.idle_deadline,
        absolute_deadline=session.absolute_deadline,
        key_version=keys.current,
        jkt=bound.jkt,
        x5t=bound.x5t,
        authorization_details=grant.authorization_details,
    )
