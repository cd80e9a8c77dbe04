"""What the flows ask: codes, devices, browsers, sessions. Refuses to write or to judge.

One statement where every request of a flow asks it. Those that run several want a snapshot.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from lingpai_server.core.flow_records import (
    AuthorizeFacts,
    BrowserFacts,
    CodeFacts,
    DeviceFacts,
    DeviceGrant,
    ExchangeFacts,
    LogoutNotice,
    PushedRequest,
    SessionFacts,
)
from lingpai_server.core.records import USERINFO_AUDIENCE, Access
from lingpai_server.storage import reads
from lingpai_server.storage.rows import (
    APIS,
    BROWSERS,
    CLIENTS,
    CODES,
    CONSENTS,
    DEVICES,
    PUSHED_REQUESTS,
    ROLES,
    SESSIONS,
    USERS,
)
from lingpai_server.storage.shapes import Joined

_CODE = Joined(k=CODES, c=CLIENTS, u=USERS, a=APIS, b=BROWSERS, r=ROLES)
_CODE_FACTS = _CODE.query(
    """
  FROM codes k
  JOIN clients c ON c.client_id = k.client_id
  JOIN users u ON u.user_id = k.user_id
  JOIN apis a ON a.audience = k.audience
  LEFT JOIN browsers b ON b.browser_id = k.browser_id
  LEFT JOIN roles r ON r.audience = k.audience AND r.name IN ({roles})
 WHERE k.code_sha256 = ?1
""".format(roles=reads.ROLES_OF_USER.format(user="k.user_id", audience="k.audience"))
)

_DEVICE = Joined(d=DEVICES, c=CLIENTS, a=APIS, u=USERS, b=BROWSERS, r=ROLES)
_DEVICE_FACTS = _DEVICE.query(
    """
  FROM devices d
  JOIN clients c ON c.client_id = d.client_id
  JOIN apis a ON a.audience = d.audience
  LEFT JOIN users u ON u.user_id = d.user_id
  LEFT JOIN browsers b ON b.browser_id = d.browser_id
  LEFT JOIN roles r ON r.audience = d.audience AND r.name IN ({roles})
 WHERE d.device_sha256 = ?1
""".format(roles=reads.ROLES_OF_USER.format(user="d.user_id", audience="d.audience"))
)

_BROWSER = Joined(b=BROWSERS, u=USERS)
_BROWSER_FACTS = _BROWSER.query(
    """
  FROM browsers b JOIN users u ON u.user_id = b.user_id
 WHERE b.browser_id = ?1
"""
)

_SESSION = Joined(s=SESSIONS, u=USERS, c=CLIENTS)
_SESSION_FACTS = _SESSION.query(
    """
  FROM sessions s
  JOIN users u ON u.user_id = s.user_id
  JOIN clients c ON c.client_id = s.client_id
 WHERE s.session_id = ?1
"""
)

_NOTICE = Joined(s=SESSIONS, c=CLIENTS)
_NOTICES_DUE = _NOTICE.query(
    """
  FROM sessions s JOIN clients c ON c.client_id = s.client_id
 WHERE s.notify_at <= ?1 {others}
 ORDER BY s.notify_at, s.session_id LIMIT ?2
""",
    "s.notify_attempts",
    "s.notify_at",
)


def code_facts(db: sqlite3.Connection, code_sha256: bytes) -> CodeFacts | None:
    """One statement: a row for each role of the user, the facts in all of them."""
    found = db.execute(_CODE_FACTS, (code_sha256,)).fetchall()
    if not found:
        return None
    code, client, user, api, browser, role = _CODE.parts
    row = found[0]
    return CodeFacts(
        code=CODES.read(row[code]),
        client=CLIENTS.read(row[client]),
        user=USERS.read(row[user]),
        api=APIS.read(row[api]),
        access=reads.to_access(each[role] for each in found),
        browser=BROWSERS.read_optional(row[browser]),
    )


def pushed(db: sqlite3.Connection, request_sha256: bytes) -> PushedRequest | None:
    """A pushed request, used or not."""
    return reads.one(db, PUSHED_REQUESTS, "WHERE request_sha256 = ?1", request_sha256)


def device_facts(db: sqlite3.Connection, device_sha256: bytes) -> DeviceFacts | None:
    """One statement, since a device asks every few seconds."""
    found = db.execute(_DEVICE_FACTS, (device_sha256,)).fetchall()
    if not found:
        return None
    device, client, api, user, browser, role = _DEVICE.parts
    row = found[0]
    return DeviceFacts(
        device=DEVICES.read(row[device]),
        client=CLIENTS.read(row[client]),
        api=APIS.read(row[api]),
        user=USERS.read_optional(row[user]),
        access=reads.to_access(each[role] for each in found),
        browser=BROWSERS.read_optional(row[browser]),
    )


def device_by_user_code(db: sqlite3.Connection, user_code: str) -> DeviceGrant | None:
    """The device grant with that user code."""
    return reads.one(db, DEVICES, "WHERE user_code = ?1", user_code)


def browser_facts(db: sqlite3.Connection, browser_id: bytes) -> BrowserFacts | None:
    """A browser session, ended or not, and its user."""
    row = db.execute(_BROWSER_FACTS, (browser_id,)).fetchone()
    if row is None:
        return None
    browser, user = _BROWSER.parts
    return BrowserFacts(BROWSERS.read(row[browser]), USERS.read(row[user]))


def session_facts(db: sqlite3.Connection, session_id: str) -> SessionFacts | None:
    """One statement, since introspection and userinfo ask it each time."""
    row = db.execute(_SESSION_FACTS, (session_id,)).fetchone()
    if row is None:
        return None
    session, user, client = _SESSION.parts
    return SessionFacts(
        SESSIONS.read(row[session]), USERS.read(row[user]), CLIENTS.read(row[client])
    )


def authorize_facts(
    db: sqlite3.Connection, client_id: str, audience: str | None, browser_id: bytes | None
) -> AuthorizeFacts:
    """Several statements: wants a snapshot."""
    client = reads.client(db, client_id)
    if audience is None and client is not None and not client.audiences:
        audience = USERINFO_AUDIENCE
    api = reads.requested_api(db, client, audience)
    found = None if browser_id is None else browser_facts(db, browser_id)
    if found is None:
        return AuthorizeFacts(client, api, None, None, Access(), None)
    user, access, consent = found.user, Access(), None
    if api is not None:
        access = reads.user_access(db, user.user_id, api.audience)
        names = (user.user_id, client_id, api.audience)
        where = "WHERE user_id = ?1 AND client_id = ?2 AND audience = ?3"
        consent = reads.one(db, CONSENTS, where, *names)
    return AuthorizeFacts(client, api, found.browser, user, access, consent)


def exchange_facts(
    db: sqlite3.Connection,
    client_id: str,
    audience: str,
    user_id: str | None,
    session_id: str | None,
    subject_client_id: str | None,
) -> ExchangeFacts:
    """Several statements: wants a snapshot."""
    access, subject_client, slot = Access(), None, None
    if user_id is not None:
        access = reads.user_access(db, user_id, audience)
    elif subject_client_id is not None:
        access = reads.client_access(db, subject_client_id, audience)
        subject_client = reads.client(db, subject_client_id)
    if session_id is not None:
        slot = reads.session_slot(db, session_id, client_id, audience)
    elif subject_client_id is not None:
        slot = reads.client_slot(db, subject_client_id, client_id, audience)
    return ExchangeFacts(
        client=reads.client(db, client_id),
        api=reads.api(db, audience),
        user=None if user_id is None else reads.user_by_id(db, user_id),
        session=None if session_id is None else reads.session(db, session_id),
        access=access,
        subject_client=subject_client,
        slot=slot,
    )


def logout_notices(
    db: sqlite3.Connection, now: int, limit: int, skip_clients: Collection[str]
) -> tuple[LogoutNotice, ...]:
    """Notices that are due, oldest first, but those of some clients."""
    places = ", ".join(f"?{number}" for number in range(3, 3 + len(skip_clients)))
    others = f"AND s.client_id NOT IN ({places})" if skip_clients else ""
    found = db.execute(_NOTICES_DUE.format(others=others), (now, limit, *skip_clients)).fetchall()
    session, client = _NOTICE.parts
    return tuple(
        LogoutNotice(SESSIONS.read(row[session]), CLIENTS.read(row[client]), row[-2], row[-1])
        for row in found
    )
