"""Records to put into a store, and stores to put them into. Refuses to know which test asks."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar

from lingpai_server.core.effects import (
    AssignRole,
    CreateApi,
    CreateClient,
    CreateUser,
    Effect,
    PutRole,
    StartFamily,
    StartSession,
)
from lingpai_server.core.flow_effects import StartBrowser
from lingpai_server.core.flow_records import (
    AuthorizationCode,
    BrowserSession,
    Consent,
    DeviceGrant,
    DeviceState,
    PushedRequest,
)
from lingpai_server.core.ports import Store
from lingpai_server.core.records import (
    AccountStatus,
    Api,
    Client,
    Family,
    KeyPurpose,
    KeyState,
    Role,
    Session,
    StoredKey,
    User,
)
from lingpai_server.core.secret import Secret

T = TypeVar("T")

NOW: Final = 1_800_000_000
ORDERS: Final = "https://orders.example"
NOTES: Final = "https://notes.example"
FAMILY_ID: Final = bytes(range(16))
BROWSER_ID: Final = b"b" * 32
CODE: Final = b"c" * 32
PUSHED: Final = b"p" * 32
DEVICE: Final = b"d" * 32


def run(awaitable: Coroutine[Any, Any, T]) -> T:
    """Run it to the end in an event loop of its own."""
    return asyncio.run(awaitable)


def a_user(username: str = "ming", **changes: Any) -> User:
    """A user who can log in; the identifier follows the name."""
    values: dict[str, Any] = {
        "user_id": f"id-of-{username}",
        "username": username,
        "password_hash": Secret("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"),
        "status": AccountStatus.ACTIVE,
        "access_version": 1,
        "created_at": NOW,
    }
    return User(**(values | changes))


def a_client(client_id: str = "app", **changes: Any) -> Client:
    """A public first-party client of two APIs."""
    values: dict[str, Any] = {
        "client_id": client_id,
        "name": "An app",
        "secret_sha256": None,
        "first_party": True,
        "grant_types": ("refresh_token",),
        "scopes": ("orders:read", "notes:read"),
        "audiences": (ORDERS, NOTES),
        "disabled": False,
        "access_version": 1,
        "created_at": NOW,
    }
    return Client(**(values | changes))


def an_api(audience: str = ORDERS, **changes: Any) -> Api:
    """An API that takes ES256 tokens of five minutes."""
    values: dict[str, Any] = {
        "audience": audience,
        "name": "An API",
        "algorithm": "ES256",
        "scopes": ("orders:read",),
        "access_ttl_seconds": 300,
        "access_version": 1,
        "created_at": NOW,
    }
    return Api(**(values | changes))


def a_session(session_id: str = "session-1", **changes: Any) -> Session:
    """A session of `a_user` at `a_client`."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "user_id": "id-of-ming",
        "client_id": "app",
        "auth_time": NOW,
        "amr": ("pwd",),
        "idle_deadline": NOW + 1_000,
        "absolute_deadline": NOW + 9_000,
    }
    return Session(**(values | changes))


def a_family(family_id: bytes = FAMILY_ID, **changes: Any) -> Family:
    """A family of `a_session` at `an_api`, never rotated."""
    values: dict[str, Any] = {
        "family_id": family_id,
        "session_id": "session-1",
        "user_id": "id-of-ming",
        "client_id": "app",
        "audience": ORDERS,
        "scopes": ("orders:read",),
        "generation": 0,
        "rotated_at": float(NOW),
        "idle_deadline": NOW + 1_000,
        "absolute_deadline": NOW + 9_000,
        "key_version": 1,
    }
    return Family(**(values | changes))


def a_key(kid: str = "kid-1", **changes: Any) -> StoredKey:
    """An active signing key; what is sealed in it means nothing."""
    values: dict[str, Any] = {
        "kid": kid,
        "purpose": KeyPurpose.SIGN,
        "algorithm": "ES256",
        "state": KeyState.ACTIVE,
        "sealed": b"\x00sealed\xff",
        "created_at": NOW,
    }
    return StoredKey(**(values | changes))


def a_browser(browser_id: bytes = BROWSER_ID, **changes: Any) -> BrowserSession:
    """A browser in which `a_user` has signed in."""
    values: dict[str, Any] = {
        "browser_id": browser_id,
        "user_id": "id-of-ming",
        "auth_time": NOW,
        "amr": ("pwd",),
        "acr": "urn:lingpai:acr:password",
        "idle_deadline": NOW + 1_000,
        "absolute_deadline": NOW + 9_000,
    }
    return BrowserSession(**(values | changes))


def a_code(code_sha256: bytes = CODE, **changes: Any) -> AuthorizationCode:
    """A code that `a_user` got in `a_browser` for `a_client` at `an_api`."""
    values: dict[str, Any] = {
        "code_sha256": code_sha256,
        "client_id": "app",
        "user_id": "id-of-ming",
        "browser_id": BROWSER_ID,
        "audience": ORDERS,
        "scopes": ("openid", "orders:read"),
        "redirect_uri": "https://app.example/callback",
        "nonce": "n-0S6",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "claims": '{"userinfo":{"email":null}}',
        "authorization_details": '[{"type":"order"}]',
        "jkt": "thumb",
        "auth_time": NOW,
        "amr": ("pwd", "otp"),
        "acr": "urn:lingpai:acr:password",
        "issued_at": NOW,
        "expires_at": NOW + 60,
    }
    return AuthorizationCode(**(values | changes))


def a_pushed_request(request_sha256: bytes = PUSHED, **changes: Any) -> PushedRequest:
    """What `a_client` pushed, not used."""
    values: dict[str, Any] = {
        "request_sha256": request_sha256,
        "client_id": "app",
        "parameters": '{"scope":"openid"}',
        "jkt": "thumb",
        "expires_at": NOW + 90,
    }
    return PushedRequest(**(values | changes))


def a_device(device_sha256: bytes = DEVICE, **changes: Any) -> DeviceGrant:
    """A device of `a_client` that waits for somebody."""
    values: dict[str, Any] = {
        "device_sha256": device_sha256,
        "user_code": "WDJBMJHT",
        "client_id": "app",
        "audience": ORDERS,
        "scopes": ("orders:read",),
        "authorization_details": None,
        "jkt": None,
        "state": DeviceState.PENDING,
        "interval_seconds": 5,
        "polled_at": 0.0,
        "expires_at": NOW + 600,
    }
    return DeviceGrant(**(values | changes))


def an_approved_device(device_sha256: bytes = DEVICE, **changes: Any) -> DeviceGrant:
    """What `a_device` becomes when `a_user` approves it in `a_browser`."""
    approval: dict[str, Any] = {
        "state": DeviceState.APPROVED,
        "user_id": "id-of-ming",
        "browser_id": BROWSER_ID,
        "auth_time": NOW,
        "amr": ("pwd",),
        "acr": "urn:lingpai:acr:password",
    }
    return a_device(device_sha256, **(approval | changes))


def a_consent(**changes: Any) -> Consent:
    """What `a_user` let `a_client` have at `an_api`."""
    values: dict[str, Any] = {
        "user_id": "id-of-ming",
        "client_id": "app",
        "audience": ORDERS,
        "scopes": ("orders:read",),
        "granted_at": NOW,
    }
    return Consent(**(values | changes))


def people_and_apis() -> tuple[Effect, ...]:
    """One user, one client, two APIs, and a role that the user holds at the first."""
    return (
        CreateUser(a_user()),
        CreateClient(a_client()),
        CreateApi(an_api(ORDERS)),
        CreateApi(an_api(NOTES)),
        PutRole(Role(ORDERS, "clerk", ("orders:read",))),
        AssignRole("user", "id-of-ming", ORDERS, "clerk"),
    )


def a_login() -> tuple[Effect, ...]:
    """A session with its family, for `people_and_apis`."""
    return (StartSession(a_session()), StartFamily(a_family()))


def a_sign_in() -> tuple[Effect, ...]:
    """A browser session, for `people_and_apis`."""
    return (StartBrowser(a_browser()),)


def fill(store: Store, *groups: Iterable[Effect]) -> None:
    """Apply each group of effects in a transaction of its own."""
    for group in groups:
        run(store.apply(tuple(group)))
