"""One of each record, for tests of pure decisions: change what the rule is about with `replace`."""

from __future__ import annotations

from hashlib import sha256

from lingpai.jwt.status_list import Status
from lingpai_server.core.fresh import Fresh
from lingpai_server.core.ports import FamilyFacts
from lingpai_server.core.records import (
    Access,
    AccountStatus,
    Api,
    Client,
    Family,
    Session,
    User,
)
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import HeldSlot, SlotRef
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import ClientAuthMethod, PresentedClient
from lingpai_server.sessions.policy import SessionPolicy
from lingpai_server.sessions.refresh_token import PresentedRefreshToken, RefreshKeys

NOW = 1_800_000_000
ISSUER = "https://id.example"
ORDERS = "https://orders.example"
NOTES = "https://notes.example"
CLIENT_SECRET = "correct horse battery staple"

POLICY = IssuePolicy(
    ISSUER, SessionPolicy(idle_seconds=1000, absolute_seconds=5000, grace_seconds=10)
)
KEYS = RefreshKeys(current=2, secrets={1: Secret(b"1" * 32), 2: Secret(b"2" * 32)})
SLOT = SlotRef("0123456789abcdef", 1, 4711)
FRESH = Fresh(session_id="new-session", family_id=b"n" * 16, jti="new-jti", slot=SLOT)

USER = User(
    user_id="u-alice",
    username="alice",
    password_hash=Secret("$argon2id$…"),
    status=AccountStatus.ACTIVE,
    access_version=11,
    created_at=NOW - 9000,
)
PUBLIC_CLIENT = Client(
    client_id="app",
    name="App",
    secret_sha256=None,
    first_party=True,
    grant_types=("refresh_token",),
    scopes=("orders:read", "orders:write", "notes:read"),
    audiences=(ORDERS, NOTES),
    disabled=False,
    access_version=12,
    created_at=NOW - 9000,
)
CONFIDENTIAL_CLIENT = Client(
    client_id="backend",
    name="Backend",
    secret_sha256=sha256(CLIENT_SECRET.encode()).digest(),
    first_party=True,
    grant_types=("refresh_token", "client_credentials"),
    scopes=("orders:read", "orders:write"),
    audiences=(ORDERS,),
    disabled=False,
    access_version=14,
    created_at=NOW - 9000,
)
API = Api(
    audience=ORDERS,
    name="Orders",
    algorithm="ES256",
    scopes=("orders:read", "orders:write", "orders:admin"),
    access_ttl_seconds=300,
    access_version=13,
    created_at=NOW - 9000,
)
ACCESS = Access(roles=("clerk",), permissions=("orders:read",))
SESSION = Session(
    session_id="s-1",
    user_id=USER.user_id,
    client_id=PUBLIC_CLIENT.client_id,
    auth_time=NOW - 100,
    amr=("pwd",),
    idle_deadline=NOW + 900,
    absolute_deadline=NOW + 4900,
)
FAMILY = Family(
    family_id=b"f" * 16,
    session_id=SESSION.session_id,
    user_id=USER.user_id,
    client_id=PUBLIC_CLIENT.client_id,
    audience=ORDERS,
    scopes=("orders:read", "orders:write"),
    generation=5,
    rotated_at=NOW - 60.0,
    idle_deadline=SESSION.idle_deadline,
    absolute_deadline=SESSION.absolute_deadline,
    key_version=2,
)
HELD_SLOT = HeldSlot(SlotRef("0123456789abcdef", 1, 42), Status.VALID)
FAMILY_FACTS = FamilyFacts(FAMILY, SESSION, USER, PUBLIC_CLIENT, API, ACCESS, HELD_SLOT)

PUBLIC = PresentedClient(PUBLIC_CLIENT.client_id, ClientAuthMethod.NONE)
CONFIDENTIAL = PresentedClient(
    CONFIDENTIAL_CLIENT.client_id, ClientAuthMethod.CLIENT_SECRET_POST, Secret(CLIENT_SECRET)
)


def presented(generation: int, *, key_version: int = FAMILY.key_version) -> PresentedRefreshToken:
    """An authentic token of FAMILY."""
    return PresentedRefreshToken(key_version, FAMILY.family_id, generation)
