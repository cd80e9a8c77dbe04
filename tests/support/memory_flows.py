"""The flows of a MemoryStore: browsers, codes, devices, and what is read to decide on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tests.support.memory_slots import apply_status_effect, slot_of
from tests.support.memory_tables import (
    Tables,
    access_of,
    browser_lives,
    end,
    end_browser,
    raise_version,
    requested_api,
    require,
    require_free,
)

from lingpai_server.core.flow_effects import (
    DeleteClient,
    EndBrowser,
    FlowEffect,
    MoveDevice,
    MoveNotice,
    PutConsent,
    PutUserClaims,
    RedeemCode,
    RemoveConsents,
    RenewBrowser,
    ReplaceApi,
    ReplaceClient,
    SlideBrowser,
    Spend,
    StartBrowser,
    StoreCode,
    StoreDevice,
    StorePushed,
    UsePushed,
)
from lingpai_server.core.flow_records import (
    AuthorizationCode,
    AuthorizeFacts,
    BrowserFacts,
    BrowserSession,
    CodeFacts,
    Consent,
    DeviceFacts,
    DeviceGrant,
    ExchangeFacts,
    LogoutNotice,
    PushedRequest,
    SessionFacts,
)
from lingpai_server.core.ports import AlreadySpent, StaleState
from lingpai_server.core.records import USERINFO_AUDIENCE, Access, Api, Client
from lingpai_server.core.status_effects import StatusEffect


def apply_flow_effect(
    tables: Tables, effect: FlowEffect | StatusEffect
) -> None:  # one table, so long
    """Do one effect on the copy that a transaction works on."""
    match effect:
        case StartBrowser(browser):
            _start_browser(tables, browser)
        case SlideBrowser():
            _slide_browser(tables, effect)
        case RenewBrowser():
            _renew_browser(tables, effect)
        case EndBrowser():
            _end_browser(tables, effect)
        case StoreCode(code):
            _store_code(tables, code)
        case RedeemCode():
            _redeem_code(tables, effect)
        case StorePushed(pushed):
            _store_pushed(tables, pushed)
        case UsePushed():
            _use_pushed(tables, effect)
        case StoreDevice(device):
            _store_device(tables, device)
        case MoveDevice():
            _move_device(tables, effect)
        case PutConsent(consent):
            _put_consent(tables, consent)
        case RemoveConsents(user_id, client_id):
            for name in [n for n in tables.consents if n[:2] == (user_id, client_id)]:
                del tables.consents[name]
        case Spend():
            _spend(tables, effect)
        case MoveNotice():
            _move_notice(tables, effect)
        case ReplaceClient(client):
            _replace_client(tables, client)
        case DeleteClient():
            _delete_client(tables, effect)
        case ReplaceApi(api):
            _replace_api(tables, api)
        case PutUserClaims(user_id, claims):
            require(user_id in tables.users, f"user {user_id!r}")
            tables.users[user_id] = replace(tables.users[user_id], claims=claims)
        case _:
            apply_status_effect(tables, effect)


def _start_browser(tables: Tables, browser: BrowserSession) -> None:
    require_free(browser.browser_id in tables.browsers, "the browser session")
    require(browser.user_id in tables.users, "the browser session's user")
    tables.browsers[browser.browser_id] = browser


def _slide_browser(tables: Tables, effect: SlideBrowser) -> None:
    browser = tables.browsers.get(effect.browser_id)
    if browser is not None and browser.ended_at is None:
        further = max(browser.idle_deadline, effect.idle_deadline)
        tables.browsers[effect.browser_id] = replace(browser, idle_deadline=further)


def _renew_browser(tables: Tables, effect: RenewBrowser) -> None:
    old, new = tables.browsers.get(effect.browser_id), effect.browser
    if old is None or old.ended_at is not None or old.user_id != new.user_id:
        raise StaleState
    end_browser(tables, old, effect.at, effect.reason)
    _start_browser(tables, new)
    for session in list(tables.sessions.values()):
        if session.browser_id == old.browser_id and session.ended_at is None:
            inherited = replace(session, browser_id=new.browser_id)
            tables.sessions[session.session_id] = inherited
    for code in list(tables.codes.values()):
        if code.browser_id == old.browser_id and code.redeemed_at is None:
            tables.codes[code.code_sha256] = replace(code, browser_id=new.browser_id)
    for device in list(tables.devices.values()):
        if device.browser_id == old.browser_id and device.session_id is None:
            tables.devices[device.device_sha256] = replace(device, browser_id=new.browser_id)


def _end_browser(tables: Tables, effect: EndBrowser) -> None:
    require(effect.browser_id in tables.browsers, "the browser session")
    end_browser(tables, tables.browsers[effect.browser_id], effect.at, effect.reason)
    for session in list(tables.sessions.values()):
        if session.browser_id == effect.browser_id and not session.offline:
            end(tables, session, effect.at, effect.reason)


def _require_parties(
    tables: Tables, what: str, *, client_id: str, audience: str, user_id: str | None
) -> None:
    known = client_id in tables.clients and audience in tables.apis
    require(known and (user_id is None or user_id in tables.users), f"what {what} needs")


def _store_code(tables: Tables, code: AuthorizationCode) -> None:
    if not browser_lives(tables, code.browser_id):
        raise StaleState
    require_free(code.code_sha256 in tables.codes, "the code")
    _require_parties(
        tables,
        "the code",
        client_id=code.client_id,
        audience=code.audience,
        user_id=code.user_id,
    )
    tables.codes[code.code_sha256] = code


def _redeem_code(tables: Tables, effect: RedeemCode) -> None:
    code = tables.codes.get(effect.code_sha256)
    if code is None or code.redeemed_at is not None or not browser_lives(tables, code.browser_id):
        raise StaleState
    redeemed = replace(code, redeemed_at=effect.at, session_id=effect.session_id)
    tables.codes[effect.code_sha256] = redeemed


def _store_pushed(tables: Tables, pushed: PushedRequest) -> None:
    require_free(pushed.request_sha256 in tables.pushed, "the pushed request")
    require(pushed.client_id in tables.clients, "the pushed request's client")
    tables.pushed[pushed.request_sha256] = pushed


def _use_pushed(tables: Tables, effect: UsePushed) -> None:
    pushed = tables.pushed.get(effect.request_sha256)
    if pushed is None or pushed.used_at is not None:
        raise StaleState
    tables.pushed[effect.request_sha256] = replace(pushed, used_at=effect.at)


def _store_device(tables: Tables, device: DeviceGrant) -> None:
    taken = any(d.user_code == device.user_code for d in tables.devices.values())
    require_free(taken or device.device_sha256 in tables.devices, "the device's code")
    _require_parties(
        tables,
        "the device",
        client_id=device.client_id,
        audience=device.audience,
        user_id=device.user_id,
    )
    tables.devices[device.device_sha256] = device


def _move_device(tables: Tables, effect: MoveDevice) -> None:
    before, after = effect.before, effect.after
    device = tables.devices.get(before.device_sha256)
    if device is None or _poll_state(device) != _poll_state(before):
        raise StaleState
    steps = after.state is not before.state and after.browser_id is not None
    if steps and not browser_lives(tables, after.browser_id or b""):
        raise StaleState
    require(after.user_id is None or after.user_id in tables.users, "the device's user")
    tables.devices[device.device_sha256] = replace(
        device,
        scopes=after.scopes,
        authorization_details=after.authorization_details,
        state=after.state,
        interval_seconds=after.interval_seconds,
        polled_at=after.polled_at,
        user_id=after.user_id,
        browser_id=after.browser_id,
        auth_time=after.auth_time,
        amr=after.amr,
        acr=after.acr,
        session_id=after.session_id,
    )


def _poll_state(device: DeviceGrant) -> tuple[str, int, float]:
    return device.state, device.interval_seconds, device.polled_at


def _put_consent(tables: Tables, consent: Consent) -> None:
    _require_parties(
        tables,
        "the consent",
        client_id=consent.client_id,
        audience=consent.audience,
        user_id=consent.user_id,
    )
    tables.consents[consent.user_id, consent.client_id, consent.audience] = consent


def _spend(tables: Tables, effect: Spend) -> None:
    mark = (effect.purpose, effect.digest)
    if mark in tables.spent:
        raise AlreadySpent(effect.purpose)
    tables.spent[mark] = effect.expires_at


def _move_notice(tables: Tables, effect: MoveNotice) -> None:
    notice = tables.notices.get(effect.session_id)
    if notice is None or notice[0] != effect.attempts:
        raise StaleState
    if effect.due_at is None:
        del tables.notices[effect.session_id]
    else:
        tables.notices[effect.session_id] = (effect.attempts + 1, effect.due_at)


def _client_at_version(tables: Tables, client_id: str, version: int) -> Client:
    client = tables.clients.get(client_id)
    if client is None or client.access_version != version or client_id in tables.deleted_clients:
        raise StaleState
    return client


def _replace_client(tables: Tables, new: Client) -> None:
    client = _client_at_version(tables, new.client_id, new.access_version)
    tables.clients[new.client_id] = replace(
        client,
        name=new.name,
        secret_sha256=new.secret_sha256,
        first_party=new.first_party,
        grant_types=new.grant_types,
        scopes=new.scopes,
        audiences=new.audiences,
        settings=new.settings,
    )
    raise_version(tables, ("client", new.client_id))


def _delete_client(tables: Tables, effect: DeleteClient) -> None:
    client = _client_at_version(tables, effect.client_id, effect.access_version)
    tables.clients[effect.client_id] = replace(client, disabled=True)
    raise_version(tables, ("client", effect.client_id))
    tables.deleted_clients[effect.client_id] = effect.at
    for session in list(tables.sessions.values()):
        if session.client_id == effect.client_id:
            end(tables, session, effect.at, "client_deleted")
    for name in [n for n in tables.consents if n[1] == effect.client_id]:
        del tables.consents[name]
    tables.held = {grant for grant in tables.held if grant[0] != ("client", effect.client_id)}


def _replace_api(tables: Tables, new: Api) -> None:
    api = tables.apis.get(new.audience)
    if api is None or api.access_version != new.access_version:
        raise StaleState
    tables.apis[new.audience] = replace(
        api,
        name=new.name,
        algorithm=new.algorithm,
        scopes=new.scopes,
        access_ttl_seconds=new.access_ttl_seconds,
        settings=new.settings,
        access_version=api.access_version + 1,
    )


# --- what can be asked --------------------------------------------------------------------------


def authorize_facts(
    tables: Tables, client_id: str, audience: str | None, browser_id: bytes | None
) -> AuthorizeFacts:
    """Facts for an authorization request."""
    client = tables.clients.get(client_id)
    if audience is None and client is not None and not client.audiences:
        audience = USERINFO_AUDIENCE
    api = requested_api(tables, client, audience)
    browser = None if browser_id is None else tables.browsers.get(browser_id)
    user = None if browser is None else tables.users[browser.user_id]
    access, consent = Access(), None
    if user is not None and api is not None:
        access = access_of(tables, ("user", user.user_id), api.audience)
        consent = tables.consents.get((user.user_id, client_id, api.audience))
    return AuthorizeFacts(client, api, browser, user, access, consent)


def code_facts(tables: Tables, code_sha256: bytes) -> CodeFacts | None:
    """Facts for the redemption of a code."""
    code = tables.codes.get(code_sha256)
    if code is None:
        return None
    return CodeFacts(
        code,
        tables.clients[code.client_id],
        tables.users[code.user_id],
        tables.apis[code.audience],
        access_of(tables, ("user", code.user_id), code.audience),
        tables.browsers.get(code.browser_id),
    )


def device_facts(tables: Tables, device_sha256: bytes) -> DeviceFacts | None:
    """Facts for a device that polls."""
    device = tables.devices.get(device_sha256)
    if device is None:
        return None
    user, access = None, Access()
    if device.user_id is not None:
        user = tables.users[device.user_id]
        access = access_of(tables, ("user", device.user_id), device.audience)
    return DeviceFacts(
        device,
        tables.clients[device.client_id],
        tables.apis[device.audience],
        user,
        access,
        None if device.browser_id is None else tables.browsers.get(device.browser_id),
    )


def browser_facts(tables: Tables, browser_id: bytes) -> BrowserFacts | None:
    """A browser session and its user."""
    browser = tables.browsers.get(browser_id)
    return None if browser is None else BrowserFacts(browser, tables.users[browser.user_id])


def session_facts(tables: Tables, session_id: str) -> SessionFacts | None:
    """A session with its user and client."""
    session = tables.sessions.get(session_id)
    if session is None:
        return None
    user, client = tables.users[session.user_id], tables.clients[session.client_id]
    return SessionFacts(session, user, client)


def exchange_facts(
    tables: Tables,
    *,
    client_id: str,
    audience: str,
    user_id: str | None,
    session_id: str | None,
    subject_client_id: str | None,
) -> ExchangeFacts:
    """Facts for a token exchange."""
    access = Access()
    if user_id is not None:
        access = access_of(tables, ("user", user_id), audience)
    elif subject_client_id is not None:
        access = access_of(tables, ("client", subject_client_id), audience)
    return ExchangeFacts(
        tables.clients.get(client_id),
        tables.apis.get(audience),
        None if user_id is None else tables.users.get(user_id),
        None if session_id is None else tables.sessions.get(session_id),
        access,
        None
        if user_id is not None or subject_client_id is None
        else tables.clients.get(subject_client_id),
        slot_of(tables, client_id, subject_client_id, audience, session_id),
    )


def logout_notices(
    tables: Tables, now: int, limit: int, skip_clients: Collection[str]
) -> tuple[LogoutNotice, ...]:
    """The notices that are due, oldest first."""
    due = sorted((due_at, sid) for sid, (_, due_at) in tables.notices.items() if due_at <= now)
    notices = (_notice(tables, session_id) for _, session_id in due)
    return tuple(n for n in notices if n.client.client_id not in skip_clients)[:limit]


def _notice(tables: Tables, session_id: str) -> LogoutNotice:
    session = tables.sessions[session_id]
    attempts, due_at = tables.notices[session_id]
    return LogoutNotice(session, tables.clients[session.client_id], attempts, due_at)
