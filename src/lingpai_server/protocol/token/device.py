"""device_code grant (RFC 8628 sections 3.4 and 3.5). No I/O, no clock, no randomness.

Every poll moves the device's row by one compare-and-set, so that two of them at once cannot both be
in time, nor both be the one that gets the tokens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from lingpai_server.core.decision import Decision
from lingpai_server.core.effects import Record
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.flow_effects import MoveDevice
from lingpai_server.core.flow_records import DeviceFacts, DeviceGrant, DeviceState
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.records import AccountStatus, Client, Event, User
from lingpai_server.protocol.client_auth import authenticate_client, check_grant_type
from lingpai_server.protocol.errors import ErrorCode, Refusal, refuse
from lingpai_server.protocol.grants import DEVICE_CODE, user_scopes_of
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import DeviceRequest
from lingpai_server.protocol.resources import keeps_audience
from lingpai_server.protocol.scopes import narrow_scope
from lingpai_server.protocol.sender import check_sender
from lingpai_server.protocol.token.start import UserGrant, start_grant
from lingpai_server.sessions.refresh_token import RefreshKeys

SLOWER_SECONDS = 5  # section 3.5: for this and all later polls


def decide_device(
    cmd: DeviceRequest,
    client: Client | None,
    facts: DeviceFacts | None,
    policy: IssuePolicy,
    *,
    refresh_keys: RefreshKeys,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """Tokens once somebody has let the device in; until then, when to ask again. `client` is the
    one that the request names, `facts` are of the device code that it holds."""
    asking = authenticate_client(cmd.client, client)
    if isinstance(asking, Refusal):
        return Decision(asking)
    refusal = check_grant_type(asking, DEVICE_CODE) or check_sender(asking, cmd.sender)
    if refusal is not None:
        return Decision(refusal)
    if facts is None or facts.device.client_id != asking.client_id:
        return Decision(_refuse_code("device_code_unknown"))
    device = facts.device
    if device.jkt is not None and device.jkt != cmd.sender.jkt:
        return Decision(_refuse_code("jkt_mismatch"))
    if device.state is DeviceState.REDEEMED:
        return Decision(_refuse_code("device_code_redeemed"))
    if now >= device.expires_at:
        return Decision(_refuse(ErrorCode.EXPIRED_TOKEN, "The device code has expired."))
    match device.state:
        case DeviceState.PENDING:
            return _answer_pending(device, now=now)
        case DeviceState.DENIED:
            return Decision(_refuse_access("device_denied"))
        case DeviceState.APPROVED:
            return _redeem(
                cmd, asking, facts, policy, refresh_keys=refresh_keys, now=now, fresh=fresh
            )
        case _:
            assert_never(device.state)


def _answer_pending(device: DeviceGrant, *, now: float) -> Decision[TokenReply | Refusal]:
    polled = replace(device, polled_at=now)
    if now >= device.polled_at + device.interval_seconds:
        pending = _refuse(ErrorCode.AUTHORIZATION_PENDING, "Nobody has let the device in yet.")
        return Decision(pending, (MoveDevice(device, polled),))
    slower = replace(polled, interval_seconds=device.interval_seconds + SLOWER_SECONDS)
    too_soon = _refuse(ErrorCode.SLOW_DOWN, "The device asks too often.")
    return Decision(too_soon, (MoveDevice(device, slower),))


def _redeem(
    cmd: DeviceRequest,
    client: Client,
    facts: DeviceFacts,
    policy: IssuePolicy,
    *,
    refresh_keys: RefreshKeys,
    now: float,
    fresh: Fresh,
) -> Decision[TokenReply | Refusal]:
    """Whoever approved may have been stopped since: what ended their browser session, ended this
    too. Afterwards the device has a session of its own, which no browser ends."""
    device, user = facts.device, facts.user
    if user is None or user.status is not AccountStatus.ACTIVE:
        return Decision(_refuse_access("account_not_active"))
    if facts.browser is None or facts.browser.ended_at is not None:
        return Decision(_refuse_access("browser_session_ended"))
    if not keeps_audience(client, device.audience):
        return Decision(_refuse_access("audience_withdrawn"))
    scopes = narrow_scope(None, device.scopes, user_scopes_of(client, facts.api))
    if isinstance(scopes, Refusal):
        return Decision(scopes)
    grant = UserGrant(
        client=client,
        user=user,
        api=facts.api,
        access=facts.access,
        scopes=scopes,
        sender=cmd.sender,
        auth_time=device.auth_time,
        amr=device.amr,
        acr=device.acr,
        authorization_details=device.authorization_details,
    )
    started = start_grant(grant, policy, refresh_keys=refresh_keys, now=now, fresh=fresh)
    redeemed = replace(device, state=DeviceState.REDEEMED, session_id=fresh.session_id)
    moved = MoveDevice(device, redeemed)
    event = _record(cmd, user, client, fresh, now=now)
    return Decision(started.reply, (moved, *started.effects, event))


def _record(cmd: DeviceRequest, user: User, client: Client, fresh: Fresh, *, now: float) -> Record:
    return Record(
        Event(
            EventKind.DEVICE_REDEEMED,
            now,
            user_id=user.user_id,
            client_id=client.client_id,
            session_id=fresh.session_id,
            address=cmd.address,
        )
    )


def _refuse_code(reason: str) -> Refusal:
    return refuse(
        ErrorCode.INVALID_GRANT,
        reason=reason,
        description="The device code is not valid, or not any more.",
    )


def _refuse_access(reason: str) -> Refusal:
    return refuse(ErrorCode.ACCESS_DENIED, reason=reason, description="The device was not let in.")


def _refuse(code: ErrorCode, description: str) -> Refusal:
    return refuse(code, reason=code.value, description=description)
