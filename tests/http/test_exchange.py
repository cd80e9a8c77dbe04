"""Token exchange on the wire: RFC 8693. A service trades the token it was given for its own use."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.support.house import BACKEND_SECRET, ISSUER, House, Reply, basic
from tests.support.stores import NOTES, ORDERS, a_client
from tests.support.tokens import decode

from lingpai.jose.jws import sign_compact
from lingpai.jose.keys import Key, SecretKey
from lingpai.jose.strict_json import encode
from lingpai_server.core.client_settings import ClientSettings
from lingpai_server.core.effects import CreateClient, SetAccountStatus, StoreKey
from lingpai_server.core.records import AccountStatus
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.protocol.client_secret import client_secret_sha256

MAKER = SealedKeyMaker(SealingKey(Secret(bytes(32))))
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture
def house(house: House) -> House:
    """With a service that stands behind the orders API and calls the notes API."""
    service = a_client(
        "service",
        secret_sha256=client_secret_sha256(Secret(BACKEND_SECRET)),
        first_party=False,
        grant_types=(GRANT,),
        audiences=(NOTES,),
        settings=ClientSettings(exchanges=(ORDERS,)),
    )
    asyncio.run(house.store.apply([CreateClient(service)]))
    return house


def exchange(house: House, token: str, client_id: str = "service", **more: str) -> Reply:
    sent = {"grant_type": GRANT, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    return house.post_form("/token", (basic(client_id, BACKEND_SECRET),), **(sent | more))


def users_token(house: House) -> str:
    token: str = house.login().json["access_token"]
    return token


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return claims


def test_a_users_token_is_traded_for_one_to_pass_on(house: House) -> None:
    given = users_token(house)
    reply = exchange(house, given)
    assert reply.status == 200
    assert reply.json["issued_token_type"] == ACCESS_TOKEN  # section 2.2.1
    assert "refresh_token" not in reply.json
    old, new = claims_of(given), claims_of(reply.json["access_token"])
    assert (new["sub"], new["sid"]) == (old["sub"], old["sid"])
    assert (new["aud"], new["client_id"], new["act"]) == (NOTES, "service", {"sub": "service"})
    assert new["exp"] <= old["exp"]


def test_an_exchange_writes_nothing_but_for_the_first_of_a_session(house: House) -> None:
    given = users_token(house)
    assert exchange(house, given).status == 200
    before = house.version()
    assert exchange(house, given).status == 200
    assert house.version() == before


def test_a_client_that_may_not_exchange_is_refused(house: House) -> None:
    refused = exchange(house, users_token(house), client_id="backend")
    assert (refused.status, refused.error) == (400, "unauthorized_client")


def test_a_token_that_was_traded_once_is_for_another_audience(house: House) -> None:
    passed_on = exchange(house, users_token(house)).json["access_token"]
    refused = exchange(house, passed_on)
    assert (refused.status, refused.error) == (400, "invalid_request")


def test_a_target_of_others_is_refused(house: House) -> None:
    refused = exchange(house, users_token(house), audience=ORDERS)
    assert (refused.status, refused.error) == (400, "invalid_target")


def test_an_expired_token_is_refused(house: House) -> None:
    given = users_token(house)
    house.now += 300
    assert exchange(house, given).error == "invalid_request"


def test_a_token_of_a_session_that_ended_is_refused(house: House) -> None:
    login = house.login().json
    house.post_form("/logout", refresh_token=login["refresh_token"])
    assert exchange(house, login["access_token"]).error == "invalid_request"


def test_a_token_of_a_locked_user_is_refused(house: House) -> None:
    given = users_token(house)
    asyncio.run(house.store.apply([SetAccountStatus("id-of-mei", AccountStatus.LOCKED)]))
    assert exchange(house, given).error == "invalid_request"


def test_a_token_that_somebody_else_made_is_refused(house: House) -> None:
    claims = claims_of(users_token(house)) | {"iss": ISSUER}
    key = Key.generate("ES256")
    assert not isinstance(key, SecretKey)
    forged = sign_compact(encode(claims), key, {"typ": "at+jwt"})
    assert exchange(house, forged).error == "invalid_request"


def test_a_token_that_an_api_could_have_made_itself_is_refused(house: House) -> None:
    """It knows its HS256 secret, and could name any user in it."""
    claims = claims_of(users_token(house))
    stored, jwk = MAKER.make_api_secret(ORDERS, "HS256", now=0)
    asyncio.run(house.store.apply([StoreKey(stored)]))
    key = Key.from_jwk(jwk.reveal())
    assert isinstance(key, SecretKey)
    made = sign_compact(encode(claims), key, {"typ": "at+jwt"})
    assert exchange(house, made).error == "invalid_request"


def test_a_refresh_token_is_no_access_token(house: House) -> None:
    refresh_token = house.login().json["refresh_token"]
    assert exchange(house, refresh_token).error == "invalid_request"
