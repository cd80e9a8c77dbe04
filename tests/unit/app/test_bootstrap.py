"""The first start fills an empty store once, whoever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.memory_store import MemoryStore

from lingpai_server.accounts.passwords import PasswordPolicy, decide_new_password
from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.office import Office
from lingpai_server.app.bootstrap import ADMIN_API, ORDERS_API, FirstStart, bootstrap
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.records import USERINFO_AUDIENCE, KeyPurpose
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey


@pytest.fixture
def office() -> Iterator[Office]:
    hasher = Argon2Pool(Argon2Parameters(64, 1, 1), threads=2, queue=8)
    yield Office(MemoryStore(), SealedKeyMaker(SealingKey(Secret(bytes(32)))), hasher)
    hasher.close()


def first_start(office: Office) -> FirstStart:
    made = asyncio.run(bootstrap(office))
    assert made is not None
    return made


def test_keys_for_every_default_are_made(office: Office) -> None:
    first_start(office)
    keys = asyncio.run(office.store.load_keys())
    assert {(key.purpose, key.algorithm) for key in keys} == {
        (KeyPurpose.REFRESH, "HS256"),
        (KeyPurpose.SIGN, "ES256"),
        (KeyPurpose.SIGN, "RS256"),  # OpenID Connect Core section 15.1
        (KeyPurpose.TICKET, "dir"),
        (KeyPurpose.OPAQUE_TOKEN, "dir"),
        (KeyPurpose.PAIRWISE, "HS256"),
    }


def test_administrator_may_administer_and_see_the_demo(office: Office) -> None:
    username = first_start(office).username
    for audience, permission in ((ADMIN_API, "admin"), (ORDERS_API, "orders:refund")):
        facts = asyncio.run(
            office.store.load_login(username=username, client_id="demo-app", audience=audience)
        )
        assert permission in facts.access.permissions


def test_shown_password_is_the_administrators(office: Office) -> None:
    made = first_start(office)
    user = asyncio.run(office.store.load_user(made.username))
    assert user is not None
    assert asyncio.run(office.hasher.verify(made.password, user.password_hash))


def test_shown_password_would_be_allowed_and_is_never_the_same(office: Office) -> None:
    made = first_start(office)
    text = made.password.reveal()
    assert isinstance(decide_new_password(text, username="admin", policy=PasswordPolicy()), Secret)
    assert text not in repr(made)


def test_second_start_makes_nothing(office: Office) -> None:
    first_start(office)
    before = asyncio.run(office.store.data_version())
    assert asyncio.run(bootstrap(office)) is None
    assert asyncio.run(office.store.data_version()) == before


def test_of_many_at_once_one_makes_all(office: Office) -> None:
    async def scenario() -> list[FirstStart | None]:
        return await asyncio.gather(*(bootstrap(office) for _ in range(8)))

    made = [one for one in asyncio.run(scenario()) if one is not None]
    assert len(made) == 1
    assert len(asyncio.run(office.store.load_keys())) == 6
    assert len(asyncio.run(office.store.list_users())) == 1


async def make_as_before(office: Office) -> None:
    """A store as it was made before there were tickets, opaque tokens and an identity API."""
    key = office.maker.make_refresh_key(1, now=0)
    await office.store.apply([StoreKey(key)])


def test_store_of_an_older_program_gets_what_has_become_necessary(office: Office) -> None:
    asyncio.run(make_as_before(office))
    assert asyncio.run(bootstrap(office)) is None
    purposes = {key.purpose for key in asyncio.run(office.store.load_keys())}
    assert purposes == set(KeyPurpose) - {KeyPurpose.SIGN, KeyPurpose.API_SECRET}
    assert asyncio.run(office.store.load_api(USERINFO_AUDIENCE)) is not None


def test_of_many_that_complete_a_store_at_once_each_thing_is_made_once(office: Office) -> None:
    async def scenario() -> None:
        await make_as_before(office)
        await asyncio.gather(*(bootstrap(office) for _ in range(8)))

    asyncio.run(scenario())
    assert len(asyncio.run(office.store.load_keys())) == 4


def test_new_store_has_the_api_that_the_issuer_itself_is(office: Office) -> None:
    first_start(office)
    api = asyncio.run(office.store.load_api(USERINFO_AUDIENCE))
    assert api is not None
    assert (api.algorithm, api.scopes) == ("ES256", ())
