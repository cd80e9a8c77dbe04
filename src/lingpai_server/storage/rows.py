"""Which record lies in which table, and which of its columns are more than they seem."""

from __future__ import annotations

from typing import Final

from lingpai_server.core.flow_records import (
    AuthorizationCode,
    BrowserSession,
    Consent,
    DeviceGrant,
    DeviceState,
    PushedRequest,
)
from lingpai_server.core.records import (
    AccountStatus,
    Api,
    Bucket,
    Client,
    Event,
    Family,
    Group,
    KeyPurpose,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.storage.columns import (
    API_SETTINGS,
    CLAIMS,
    CLIENT_SETTINGS,
    DETAIL,
    FLAG,
    SECRET,
    TEXTS,
    name_of,
)
from lingpai_server.storage.shapes import Shape

USERS: Final = Shape(
    "users", User, password_hash=SECRET, status=name_of(AccountStatus), claims=CLAIMS
)
CLIENTS: Final = Shape(
    "clients",
    Client,
    first_party=FLAG,
    grant_types=TEXTS,
    scopes=TEXTS,
    audiences=TEXTS,
    disabled=FLAG,
    settings=CLIENT_SETTINGS,
)
APIS: Final = Shape("apis", Api, scopes=TEXTS, settings=API_SETTINGS)
ROLES: Final = Shape("roles", Role, permissions=TEXTS)
GROUPS: Final = Shape("user_groups", Group)
SESSIONS: Final = Shape("sessions", Session, amr=TEXTS, offline=FLAG, notify=FLAG)
FAMILIES: Final = Shape("families", Family, scopes=TEXTS)
BROWSERS: Final = Shape("browsers", BrowserSession, amr=TEXTS)
CODES: Final = Shape("codes", AuthorizationCode, scopes=TEXTS, amr=TEXTS)
PUSHED_REQUESTS: Final = Shape("pushed_requests", PushedRequest)
DEVICES: Final = Shape("devices", DeviceGrant, scopes=TEXTS, state=name_of(DeviceState), amr=TEXTS)
CONSENTS: Final = Shape("consents", Consent, scopes=TEXTS)
BUCKETS: Final = Shape("buckets", Bucket)
KEYS: Final = Shape("keys", StoredKey, purpose=name_of(KeyPurpose), state=name_of(KeyState))
EVENTS: Final = Shape("events", Event, detail=DETAIL)
