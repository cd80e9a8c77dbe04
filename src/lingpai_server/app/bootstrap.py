"""The first start: keys, an administrator, and a demo to try things with. Safe to race.

Everything is one transaction whose first effect only one process can win; the others find its work.
A store that an older program made is completed with what has become necessary since.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from lingpai_server.app.admin.office import Office
from lingpai_server.app.entropy import draw_identifier, draw_password
from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    Effects,
    PutRole,
    StoreKey,
)
from lingpai_server.core.event_kinds import EventKind
from lingpai_server.core.ports import AlreadyExists
from lingpai_server.core.records import (
    USERINFO_AUDIENCE,
    AccountStatus,
    Api,
    Client,
    KeyPurpose,
    Role,
    User,
)
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.grants import REFRESH_TOKEN

ADMIN_USERNAME = "admin"
ADMIN_API = "urn:lingpai:admin"
DEMO_CLIENT = "demo-app"
ORDERS_API = "https://orders.demo.example"
NOTES_API = "https://notes.demo.example"
_SIGNING_ALGORITHMS = ("ES256", "RS256")
_ISSUER_SECRETS = (KeyPurpose.TICKET, KeyPurpose.OPAQUE_TOKEN, KeyPurpose.PAIRWISE)
_ORDERS_SCOPES = ("orders:read", "orders:write")
_NOTES_SCOPES = ("notes:read", "notes:write")


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the operator is shown, once."""

    username: str
    password: Secret[str]
    client_id: str
    audiences: tuple[str, ...]


async def bootstrap(office: Office) -> FirstStart | None:
    """Fill an empty store; None if it is not empty, or if another process is filling it."""
    if await office.store.load_keys():
        await _complete(office)
        return None
    password = draw_password()
    user = User(
        user_id=draw_identifier(),
        username=ADMIN_USERNAME,
        password_hash=await office.hasher.hash(password),
        status=AccountStatus.ACTIVE,
        access_version=1,
        created_at=office.seconds(),
    )
    try:
        await office.store.apply((*_make_keys(office), *_make_access(office, user)))
    except AlreadyExists:
        return None
    return FirstStart(user.username, password, DEMO_CLIENT, (ORDERS_API, NOTES_API))


async def _complete(office: Office) -> None:
    """One transaction for each thing that is missing: another process may be at it, too."""
    purposes = {key.purpose for key in await office.store.load_keys()}
    missing: list[Effect] = [
        _make_secret(office, purpose) for purpose in _ISSUER_SECRETS if purpose not in purposes
    ]
    if await office.store.load_api(USERINFO_AUDIENCE) is None:
        missing.append(CreateApi(_userinfo_api(office)))
    for effect in missing:
        with contextlib.suppress(AlreadyExists):
            await office.store.apply([effect])


def _make_keys(office: Office) -> Effects:
    """The refresh key comes first: its version can be stored once, so it decides who won."""
    now = office.seconds()
    signing = (office.maker.make_signing_key(name, now=now) for name in _SIGNING_ALGORITHMS)
    return (
        StoreKey(office.maker.make_refresh_key(1, now=now)),
        *map(StoreKey, signing),
        *(_make_secret(office, purpose) for purpose in _ISSUER_SECRETS),
    )


def _make_secret(office: Office, purpose: KeyPurpose) -> StoreKey:
    return StoreKey(office.maker.make_issuer_secret(purpose, now=office.seconds()))


def _make_access(office: Office, admin: User) -> Effects:
    return (
        CreateUser(admin),
        CreateApi(_userinfo_api(office)),
        CreateApi(_api(office, ADMIN_API, "Lingpai administration", ())),
        CreateApi(_api(office, ORDERS_API, "Orders", _ORDERS_SCOPES)),
        CreateApi(_api(office, NOTES_API, "Notes", _NOTES_SCOPES)),
        PutRole(Role(ADMIN_API, "administrator", ("admin",))),
        PutRole(Role(ORDERS_API, "clerk", ("orders:read",))),
        PutRole(Role(ORDERS_API, "manager", ("orders:read", "orders:refund"))),
        AssignRole("user", admin.user_id, ADMIN_API, "administrator"),
        AssignRole("user", admin.user_id, ORDERS_API, "manager"),
        CreateClient(_demo_client(office)),
        office.event(EventKind.BOOTSTRAPPED, user_id=admin.user_id),
    )


def _api(office: Office, audience: str, name: str, scopes: tuple[str, ...]) -> Api:
    return Api(audience, name, "ES256", scopes, office.access_ttl_seconds, 1, office.seconds())


def _userinfo_api(office: Office) -> Api:
    return _api(office, USERINFO_AUDIENCE, "Who you are", ())


def _demo_client(office: Office) -> Client:
    return Client(
        client_id=DEMO_CLIENT,
        name="Demo app",
        secret_sha256=None,
        first_party=True,
        grant_types=(REFRESH_TOKEN,),
        scopes=(*_ORDERS_SCOPES, *_NOTES_SCOPES),
        audiences=(ORDERS_API, NOTES_API),
        disabled=False,
        access_version=1,
        created_at=office.seconds(),
    )
