"""What an operator may do, what is refused, and what every act leaves in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from tests.support.memory_store import MemoryStore

from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.apis import create_api, put_role
from lingpai_server.app.admin.clients import (
    ClientWish,
    create_client,
    find_client,
    set_client_disabled,
)
from lingpai_server.app.admin.office import Office, Rejected
from lingpai_server.app.admin.users import (
    create_user,
    end_sessions,
    grant_role,
    reset_password,
    revoke_role,
    set_locked,
    show_user,
)
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.ports import AlreadyExists
from lingpai_server.core.records import AccountStatus, KeyPurpose
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.protocol.client_secret import client_secret_sha256, has_client_secret_format

T = TypeVar("T")

API = "https://orders.example"
PASSWORD = Secret("correct horse battery staple")


@pytest.fixture
def office() -> Iterator[Office]:
    hasher = Argon2Pool(Argon2Parameters(64, 1, 1), threads=1, queue=8)
    yield Office(MemoryStore(), SealedKeyMaker(SealingKey(Secret(bytes(32)))), hasher)
    hasher.close()


def run(act: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(act)


def kinds(office: Office) -> list[str]:
    return [str(event.kind) for _, event in run(office.store.load_events(0, 100))]


def with_api(office: Office) -> Office:
    run(create_api(office, API, name="Orders", algorithm="ES256", scopes=("orders:read",)))
    return office


def wish(**changes: Any) -> ClientWish:
    values: dict[str, Any] = {
        "client_id": "app",
        "name": "App",
        "confidential": False,
        "first_party": False,
        "grant_types": ("refresh_token",),
        "scopes": ("orders:read",),
        "audiences": (API,),
    }
    return ClientWish(**(values | changes))


def test_user_is_created_under_the_canonical_name(office: Office) -> None:
    made = run(create_user(office, "  Mei ", PASSWORD))
    assert made.user.username == "mei"
    assert made.generated is None
    assert run(office.hasher.verify(PASSWORD, made.user.password_hash))
    assert kinds(office) == ["user.created"]


def test_password_is_made_when_none_is_given(office: Office) -> None:
    made = run(create_user(office, "mei", None))
    assert made.generated is not None
    assert run(office.hasher.verify(made.generated, made.user.password_hash))


@pytest.mark.parametrize("username", ["", " ", "a\x00b", "a" * 200, "a\u202eb"])
def test_username_that_cannot_be(office: Office, username: str) -> None:
    with pytest.raises(Rejected):
        run(create_user(office, username, PASSWORD))


@pytest.mark.parametrize("password", ["tiny one", "a" * 20, "123456789012345", "x" * 2000])
def test_password_that_would_be_guessed(office: Office, password: str) -> None:
    with pytest.raises(Rejected) as caught:
        run(create_user(office, "mei", Secret(password)))
    assert password not in str(caught.value)
    assert kinds(office) == []


def test_username_is_taken_once(office: Office) -> None:
    run(create_user(office, "mei", PASSWORD))
    with pytest.raises(AlreadyExists):
        run(create_user(office, "MEI", PASSWORD))


def test_reset_replaces_the_password(office: Office) -> None:
    run(create_user(office, "mei", PASSWORD))
    made = run(reset_password(office, "mei", None))
    assert made.generated is not None
    user = run(office.store.load_user("mei"))
    assert user is not None
    assert run(office.hasher.verify(made.generated, user.password_hash))
    assert user.access_version == 2
    assert kinds(office)[-1] == "user.password_reset"


@pytest.mark.parametrize("locked", [True, False])
def test_lock_and_unlock(office: Office, locked: bool) -> None:
    run(create_user(office, "mei", PASSWORD))
    run(set_locked(office, "mei", locked=locked))
    user = run(office.store.load_user("mei"))
    assert user is not None
    assert user.status is (AccountStatus.LOCKED if locked else AccountStatus.ACTIVE)


@pytest.mark.parametrize(
    "act",
    [
        lambda office: reset_password(office, "nobody", None),
        lambda office: set_locked(office, "nobody", locked=True),
        lambda office: grant_role(office, "nobody", API, "clerk"),
        lambda office: revoke_role(office, "nobody", API, "clerk"),
        lambda office: end_sessions(office, "nobody"),
        lambda office: show_user(office, "nobody"),
        lambda office: find_client(office, "nobody"),
        lambda office: set_client_disabled(office, "nobody", disabled=True),
        lambda office: put_role(office, "https://nobody.example", "clerk", ()),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_recorded(office: Office, act: Any) -> None:
    with pytest.raises(Rejected):
        run(act(office))
    assert kinds(office) == []


def test_role_is_granted_shown_and_revoked(office: Office) -> None:
    with_api(office)
    run(create_user(office, "mei", PASSWORD))
    run(put_role(office, API, "clerk", ["orders:read", "orders:read"]))
    run(grant_role(office, "mei", API, "clerk"))
    assert run(show_user(office, "mei")).access[API].permissions == ("orders:read",)
    run(revoke_role(office, "mei", API, "clerk"))
    assert run(show_user(office, "mei")).access == {}


def test_role_that_is_not_there_cannot_be_granted(office: Office) -> None:
    with_api(office)
    run(create_user(office, "mei", PASSWORD))
    with pytest.raises(Rejected):
        run(grant_role(office, "mei", API, "clerk"))


def test_confidential_client_gets_a_secret_that_only_its_digest_remembers(office: Office) -> None:
    grants = ("client_credentials",)
    made = run(create_client(with_api(office), wish(confidential=True, grant_types=grants)))
    assert made.secret is not None
    assert has_client_secret_format(made.secret.reveal())
    assert made.client.secret_sha256 == client_secret_sha256(made.secret)
    assert made.secret.reveal() not in repr(made)


def test_public_client_gets_none(office: Office) -> None:
    made = run(create_client(with_api(office), wish()))
    assert made.secret is None
    assert made.client.is_public


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ""},
        {"client_id": "a:b"},
        {"client_id": "a b"},
        {"client_id": "é"},
        {"client_id": "a" * 200},
        {"grant_types": ("password",)},
        {"grant_types": ("client_credentials",)},  # RFC 6749 section 4.4: confidential alone
        {"scopes": ("a b",)},
        {"audiences": ()},
        {"audiences": ("https://nobody.example",)},
    ],
)
def test_client_that_cannot_be(office: Office, changes: dict[str, Any]) -> None:
    with_api(office)
    with pytest.raises(Rejected):
        run(create_client(office, wish(**changes)))


def test_client_is_disabled_and_enabled(office: Office) -> None:
    run(create_client(with_api(office), wish()))
    run(set_client_disabled(office, "app", disabled=True))
    assert run(find_client(office, "app")).disabled
    run(set_client_disabled(office, "app", disabled=False))
    assert not run(find_client(office, "app")).disabled


def test_api_of_hs256_gets_a_secret_of_its_own(office: Office) -> None:
    made = run(create_api(office, API, name="x", algorithm="HS256", scopes=()))
    assert made.jwk is not None
    (key,) = run(office.store.load_keys())
    assert (key.purpose, key.audience) == (KeyPurpose.API_SECRET, API)
    assert made.jwk.reveal() not in repr(made)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_api_of_the_published_keys_gets_none(office: Office, algorithm: str) -> None:
    made = run(create_api(office, API, name="x", algorithm=algorithm, scopes=()))
    assert made.jwk is None


def test_new_api_gets_the_configured_lifetime(office: Office) -> None:
    made = run(create_api(office, API, name="x", algorithm="ES256", scopes=()))
    assert made.api.access_ttl_seconds == office.access_ttl_seconds


@pytest.mark.parametrize(
    ("audience", "algorithm", "scopes"),
    [
        ("orders", "ES256", ()),
        ("https://a.example#x", "ES256", ()),
        (API, "none", ()),
        (API, "HS512", ()),
        (API, "ES256", ('a"b',)),
    ],
)
def test_api_that_cannot_be(
    office: Office, audience: str, algorithm: str, scopes: tuple[str, ...]
) -> None:
    with pytest.raises(Rejected):
        run(create_api(office, audience, name="x", algorithm=algorithm, scopes=scopes))


@pytest.mark.parametrize(("name", "permission"), [("", "x"), ("a\nb", "x"), ("x", ""), ("x", "\0")])
def test_role_that_cannot_be(office: Office, name: str, permission: str) -> None:
    with_api(office)
    with pytest.raises(Rejected):
        run(put_role(office, API, name, [permission]))
