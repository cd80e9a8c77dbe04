"""The login's own bookkeeping: what is counted, given back, hashed anew, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.house import PASSWORD, House

from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.effects import ReplacePasswordHash
from lingpai_server.core.records import Bucket, User
from lingpai_server.core.secret import Secret

PAIR = "pair:mei|198.51.100.7"


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def pair(house: House) -> Bucket:
    return asyncio.run(house.store.load_buckets([PAIR]))[PAIR]


def mei(house: House) -> User:
    user = asyncio.run(house.store.load_user("mei"))
    assert user is not None
    return user


def test_failure_stays_counted(house: House) -> None:
    house.login("wrong password")
    assert pair(house).failures == 1


def test_success_gives_its_own_attempt_back(house: House) -> None:
    house.login("wrong password")
    assert house.login().status == 200
    assert pair(house).failures == 1


def test_hash_of_today_is_left_alone(house: House) -> None:
    before = mei(house).password_hash
    house.login()
    assert mei(house).password_hash == before


def test_weaker_hash_is_made_anew_at_the_next_login(house: House) -> None:
    weak = Argon2Pool(Argon2Parameters(32, 1, 1), threads=1, queue=0)
    hashed = asyncio.run(weak.hash(Secret(PASSWORD)))
    weak.close()
    replaced = ReplacePasswordHash("id-of-mei", mei(house).access_version, hashed, reset=False)
    asyncio.run(house.store.apply([replaced]))
    assert house.login().status == 200
    renewed = mei(house).password_hash
    assert renewed is not None
    assert not house.hasher.needs_rehash(renewed)
    assert house.login().status == 200


def test_wrong_password_renews_nothing(house: House) -> None:
    before = mei(house).password_hash
    house.login("wrong password")
    assert mei(house).password_hash == before


def test_every_login_is_a_session_of_its_own(house: House) -> None:
    tokens = {house.login().json["refresh_token"] for _ in range(3)}
    assert len(tokens) == 3


def test_logins_at_once_all_succeed(house: House) -> None:
    """They lose no more than a turn to each other: their attempts are counted one by one."""
    from tests.support.house import JSON, ask

    async def scenario() -> list[int]:
        body = f'{{"username":"mei","password":"{PASSWORD}","client_id":"app"}}'.encode()
        replies = await asyncio.gather(
            *(ask(house.app, "POST", "/login", (JSON,), body) for _ in range(5))
        )
        return [reply.status for reply in replies]

    assert asyncio.run(scenario()) == [200] * 5
    assert pair(house).failures == 0
