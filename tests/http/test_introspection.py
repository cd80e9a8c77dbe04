"""Introspection and revocation on the wire: RFC 7662, RFC 9701, RFC 7009."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.support.grants import Grant
from tests.support.house import BACKEND_SECRET, ISSUER, START, House, Reply, basic
from tests.support.stores import NOTES, ORDERS, a_client, an_api

from lingpai.jose.jws import sign_compact
from lingpai.jose.keys import Key, PrivateKey, SecretKey
from lingpai.jose.strict_json import encode
from lingpai.jwt.policy import Policy
from lingpai.jwt.profiles import Profile
from lingpai.jwt.verify import verify
from lingpai_server.app.admin.keys import revoke_key
from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings, SubjectType
from lingpai_server.core.effects import (
    CreateClient,
    EndSession,
    SetAccountStatus,
    SetClientDisabled,
    StoreKey,
)
from lingpai_server.core.flow_effects import ReplaceClient
from lingpai_server.core.records import AccountStatus, Event
from lingpai_server.core.secret import Secret
from lingpai_server.core.slots import MAX_DENIED
from lingpai_server.core.status_effects import DenyToken
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.protocol.client_secret import client_secret_sha256
from lingpai_server.protocol.requests import Sender

API_SECRET = "the secret of the orders service"
ANSWER = Profile("introspection", None, ("iss", "aud", "iat"), ("sub", "exp"), expires=False)
MAKER = SealedKeyMaker(SealingKey(Secret(bytes(32))))
INACTIVE = {"active": False}


@pytest.fixture
def house(house: House) -> House:
    """With a client that is the orders service, and sees the tokens that are for it."""
    service = a_client(
        "orders-service",
        secret_sha256=client_secret_sha256(Secret(API_SECRET)),
        first_party=False,
        grant_types=(),
        audiences=(),
        settings=ClientSettings(introspects=(ORDERS,)),
    )
    asyncio.run(house.store.apply([CreateClient(service)]))
    return house


def introspect(house: House, token: str, *headers: tuple[str, str]) -> Reply:
    """As the orders service."""
    sent = (basic("orders-service", API_SECRET), *headers)
    return house.post_form("/introspect", sent, token=token)


def told(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    members: dict[str, Any] = reply.json
    return members


def orders_token(grant: Grant, **options: Any) -> str:
    return grant.token(api=an_api(ORDERS), scopes=("orders:read",), **options)


class TestAccessToken:
    def test_is_told_to_the_api_that_it_is_for(self, house: House) -> None:  # RFC 7662 section 2.2
        assert told(introspect(house, orders_token(Grant(house)))) == {
            "active": True,
            "token_type": "Bearer",
            "iss": ISSUER,
            "sub": "id-of-lan",
            "aud": ORDERS,
            "exp": START + 300,
            "iat": START,
            "jti": "jti-of-lan",
            "client_id": "web",
            "scope": "orders:read",
            "sid": "session-at-web",
            "auth_time": START,
            "acr": "urn:lingpai:acr:password",
            "amr": ["pwd"],
        }

    def test_is_told_to_nobody_elses_api(self, house: House) -> None:  # section 4
        token = Grant(house).token(api=an_api(NOTES))
        assert told(introspect(house, token)) == INACTIVE

    def test_is_told_to_the_client_that_it_was_made_for(self, house: House) -> None:
        sent = (basic("backend", BACKEND_SECRET),)
        own = house.post_form("/token", sent, grant_type="client_credentials").json["access_token"]
        assert told(house.post_form("/introspect", sent, token=own))["client_id"] == "backend"
        foreign = orders_token(Grant(house))
        assert told(house.post_form("/introspect", sent, token=foreign)) == INACTIVE

    def test_that_is_opaque_is_told_like_any(self, house: House) -> None:
        api = an_api(ORDERS, settings=ApiSettings(TokenFormat.OPAQUE))
        assert told(introspect(house, Grant(house).token(api=api)))["sub"] == "id-of-lan"

    def test_under_the_apis_own_secret_is_told_to_that_api(self, house: House) -> None:
        grant = Grant(house)
        secret, _ = MAKER.make_api_secret(ORDERS, "HS256", now=0)
        grant.apply(StoreKey(secret))
        token = grant.token(api=an_api(ORDERS, algorithm="HS256"))
        assert told(introspect(house, token))["active"] is True

    def test_that_is_bound_says_to_what(self, house: House) -> None:  # RFC 9449 section 6.2
        members = told(introspect(house, orders_token(Grant(house), sender=Sender(jkt="thumb"))))
        assert (members["token_type"], members["cnf"]) == ("DPoP", {"jkt": "thumb"})

    def test_of_a_pairwise_client_names_the_pairwise_subject(self, house: House) -> None:
        grant = Grant(house, settings=ClientSettings(subject_type=SubjectType.PAIRWISE))
        expected = house.keys.pairwise_subject("client web", "id-of-lan")
        assert told(introspect(house, orders_token(grant)))["sub"] == expected

    def test_tells_nothing_personal(self, house: House) -> None:
        members = told(introspect(house, orders_token(Grant(house))))
        assert not {"username", "name", "email", "preferred_username"} & members.keys()

    def test_hint_changes_nothing(self, house: House) -> None:  # section 2.1
        sent, token = (basic("orders-service", API_SECRET),), orders_token(Grant(house))
        for hint in ("refresh_token", "access_token", "x"):
            reply = house.post_form("/introspect", sent, token=token, token_type_hint=hint)
            assert told(reply)["active"] is True


class TestTokenThatIsNoLongerGood:
    """RFC 7662 section 2.2: inactive, and not a word more."""

    @pytest.fixture
    def grant(self, house: House) -> Grant:
        return Grant(house)

    def check(self, grant: Grant, token: str) -> None:
        assert told(introspect(grant.house, token)) == INACTIVE

    def test_because_it_has_expired(self, grant: Grant) -> None:
        token = orders_token(grant)
        grant.house.now += 300
        self.check(grant, token)

    def test_because_its_session_has_ended(self, grant: Grant) -> None:
        token = orders_token(grant)
        grant.apply(EndSession(grant.session.session_id, int(grant.house.now), "logout"))
        self.check(grant, token)

    def test_because_the_account_is_locked(self, grant: Grant) -> None:
        token = orders_token(grant)
        grant.apply(SetAccountStatus(grant.user.user_id, AccountStatus.LOCKED))
        self.check(grant, token)

    def test_because_the_client_is_disabled(self, grant: Grant) -> None:
        token = orders_token(grant)
        grant.apply(SetClientDisabled(grant.client_id, disabled=True))
        self.check(grant, token)

    def test_because_another_client_made_it_of_a_clients_session_that_is_disabled(
        self, grant: Grant
    ) -> None:
        token = orders_token(grant, client=Grant(grant.house, client_id="other").client)
        assert told(introspect(grant.house, token))["active"] is True
        grant.apply(SetClientDisabled("web", disabled=True))
        self.check(grant, token)

    @pytest.mark.parametrize("token", ["x", "a.b.c", "lp_at_x", "lp_rt_1.x.0.y", "令牌"])
    def test_because_it_never_was_one(self, grant: Grant, token: str) -> None:
        self.check(grant, token)

    def test_because_an_id_token_is_no_access_token(self, grant: Grant) -> None:
        keys = grant.house.keys
        claims: dict[str, Any] = {"iss": ISSUER, "sub": "u", "aud": ORDERS, "client_id": "web"}
        claims |= {"jti": "j", "exp": int(START) + 300}
        raw = asyncio.run(keys.sign(claims, algorithm="ES256", audience=ORDERS, typ="JWT"))
        self.check(grant, raw)


class TestTokenThatAnApiMadeUp:
    """With its own HS256 secret an API may sign anything: it reads that back at most."""

    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"exp": "soon"},
            {"exp": True, "client_id": "web", "sub": "u", "jti": "j"},
            {"exp": 9_999_999_999, "client_id": 1, "sub": "u", "jti": "j"},
            {"exp": 9_999_999_999, "client_id": "web", "sub": "u", "jti": "j", "sid": []},
            {"exp": 9_999_999_999, "client_id": "web", "sub": "u", "jti": "j", "sid": "x"},
        ],
    )
    def test_is_inactive_and_no_fault(self, house: House, claims: dict[str, Any]) -> None:
        secret, jwk = MAKER.make_api_secret(ORDERS, "HS256", now=0)
        asyncio.run(house.store.apply([StoreKey(secret)]))
        key = Key.from_jwk(jwk.reveal())
        assert isinstance(key, SecretKey)
        payload = encode({"iss": ISSUER, "aud": ORDERS} | claims)
        raw = sign_compact(payload, key, {"typ": "at+jwt"})
        assert told(introspect(house, raw)) == INACTIVE


class TestRefreshToken:
    @pytest.fixture
    def token(self, house: House) -> str:
        """A refresh token of a confidential first-party app."""
        confidential = a_client(
            "shop",
            secret_sha256=client_secret_sha256(Secret("the secret of the shop")),
            settings=ClientSettings(introspects=(ORDERS,)),
        )
        asyncio.run(house.store.apply([CreateClient(confidential)]))
        members = house.login(
            client_id="shop", client_secret="the secret of the shop", resource=ORDERS
        ).json
        token: str = members["refresh_token"]
        return token

    def ask(self, house: House, token: str) -> dict[str, Any]:
        sent = (basic("shop", "the secret of the shop"),)
        return told(house.post_form("/introspect", sent, token=token))

    def test_is_told_to_its_own_client(self, house: House, token: str) -> None:
        members = self.ask(house, token)
        expected = {"active": True, "sub": "id-of-mei", "aud": ORDERS, "client_id": "shop"}
        assert members.items() >= expected.items()
        assert members["exp"] > START + 300
        assert "token_type" not in members

    def test_is_told_to_no_api(self, house: House, token: str) -> None:
        assert told(introspect(house, token)) == INACTIVE

    def test_is_inactive_once_it_is_revoked(self, house: House, token: str) -> None:
        sent = (basic("shop", "the secret of the shop"),)
        assert house.post_form("/revoke", sent, token=token).status == 200
        assert self.ask(house, token) == INACTIVE

    def test_is_inactive_when_idle_for_too_long(self, house: House, token: str) -> None:
        house.now += house.config.sessions.idle_seconds
        assert self.ask(house, token) == INACTIVE

    def test_that_is_two_rotations_old_is_inactive(self, house: House, token: str) -> None:
        sent = (basic("shop", "the secret of the shop"),)
        newest = token
        for _ in range(2):
            asked = {"grant_type": "refresh_token", "refresh_token": newest}
            newest = house.post_form("/token", sent, **asked).json["refresh_token"]
        assert self.ask(house, token) == INACTIVE
        assert self.ask(house, newest)["active"] is True


class TestCaller:
    """RFC 7662 section 2.1: authenticated, lest anybody try tokens out."""

    def test_that_is_nobody_is_refused(self, house: House) -> None:
        reply = house.post_form("/introspect", token="x")
        assert (reply.status, reply.error) == (401, "invalid_client")

    def test_that_is_public_is_refused(self, house: House) -> None:
        reply = house.post_form("/introspect", token="x", client_id="app")
        assert (reply.status, reply.error) == (401, "invalid_client")

    def test_with_a_wrong_secret_is_refused(self, house: House) -> None:
        reply = house.post_form("/introspect", (basic("orders-service", "wrong"),), token="x")
        assert (reply.status, reply.error) == (401, "invalid_client")

    def test_that_is_disabled_is_refused(self, house: House) -> None:
        asyncio.run(house.store.apply([SetClientDisabled("orders-service", disabled=True)]))
        assert introspect(house, "x").status == 401

    def test_with_a_token_instead_is_refused(self, house: House) -> None:
        bearer = ("authorization", f"Bearer {orders_token(Grant(house))}")
        assert house.post_form("/introspect", (bearer,), token="x").status == 401

    def test_that_sends_no_token_is_refused(self, house: House) -> None:
        reply = house.post_form("/introspect", (basic("orders-service", API_SECRET),))
        assert (reply.status, reply.error) == (400, "invalid_request")


class TestJwtAnswer:
    """RFC 9701."""

    accept = ("accept", "application/token-introspection+jwt")

    def read(self, house: House, reply: Reply, algorithm: str = "RS256") -> dict[str, Any]:
        assert reply.header("content-type") == "application/token-introspection+jwt"
        assert reply.header("cache-control") == "no-store"
        policy = Policy(
            issuer=ISSUER, audience="orders-service", typ="token-introspection+jwt", profile=ANSWER
        )
        token = verify(reply.body, house.keys.ring.published, policy, now=house.now)
        assert token.header.alg == algorithm
        assert set(token.claims) == {"iss", "aud", "iat", "token_introspection"}  # section 5
        members: dict[str, Any] = token.claims["token_introspection"]
        return members

    @pytest.fixture(autouse=True)
    def _rsa_key(self, house: House) -> None:
        asyncio.run(house.store.apply([StoreKey(MAKER.make_signing_key("RS256", now=0))]))

    def test_says_the_same_signed(self, house: House) -> None:
        token = orders_token(Grant(house))
        signed = self.read(house, introspect(house, token, self.accept))
        assert signed == told(introspect(house, token))

    def test_of_a_token_that_is_not_good_says_no_more_than_that(self, house: House) -> None:
        assert self.read(house, introspect(house, "x", self.accept)) == INACTIVE

    def test_is_signed_as_the_caller_registered(self, house: House) -> None:
        service = asyncio.run(house.store.load_client("orders-service"))
        assert service is not None
        settings = replace(service.settings, introspection_alg="ES256")
        asyncio.run(house.store.apply([ReplaceClient(replace(service, settings=settings))]))
        self.read(house, introspect(house, "x", self.accept), "ES256")

    @pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json"])
    def test_is_sent_to_those_who_name_it(self, house: House, accept: str) -> None:
        reply = introspect(house, "x", ("accept", accept))
        assert reply.header("content-type") == "application/json"


def revoke(house: House, token: str, client_id: str = "web") -> Reply:
    return house.post_form("/revoke", client_id=client_id, token=token)


class TestRevocation:
    """RFC 7009, of access tokens."""

    @pytest.mark.parametrize("token_format", [TokenFormat.JWT, TokenFormat.OPAQUE])
    def test_of_an_access_token_ends_that_one(
        self, house: House, token_format: TokenFormat
    ) -> None:
        grant, api = Grant(house), an_api(ORDERS, settings=ApiSettings(token_format))
        token = grant.token(api=api)
        assert told(introspect(house, token))["active"] is True
        assert revoke(house, token).status == 200
        assert told(introspect(house, token)) == INACTIVE
        assert revoke(house, token).status == 200  # section 2.2
        assert [str(event.kind) for _, event in events(house)][-1] == "token.denied"

    def test_of_an_access_token_is_told_to_every_verifier(self, house: House) -> None:
        revoke(house, orders_token(Grant(house)))
        known = asyncio.run(house.store.load_status_changes(0, int(START)))
        assert known.denied == (("jti-of-lan", int(START) + 300),)

    def test_denies_userinfo(self, house: House) -> None:
        token = Grant(house).token()
        bearer = ("authorization", f"Bearer {token}")
        assert house.ask("GET", "/userinfo", (bearer,)).status == 200
        revoke(house, token)
        assert house.ask("GET", "/userinfo", (bearer,)).status == 401

    def test_by_another_client_changes_nothing(self, house: House) -> None:  # section 2.1
        token = orders_token(Grant(house))
        reply = revoke(house, token, "app")
        assert (reply.status, reply.error) == (400, "invalid_grant")
        assert told(introspect(house, token))["active"] is True

    def test_of_an_encrypted_token_is_not_supported(self, house: House) -> None:  # section 2.2.1
        own = Key.generate("ECDH-ES")
        assert isinstance(own, PrivateKey)
        jwk = json.dumps(own.public.to_jwk())
        settings = ApiSettings(TokenFormat.JWE, encryption_jwk=jwk)
        token = Grant(house).token(api=an_api(ORDERS, settings=settings))
        reply = revoke(house, token)
        assert (reply.status, reply.error) == (400, "unsupported_token_type")

    def test_under_an_apis_own_secret_fills_no_list(self, house: House) -> None:
        """The API knows the secret: it could make any number of tokens to be denied."""
        grant = Grant(house)
        secret, _ = MAKER.make_api_secret(ORDERS, "HS256", now=0)
        grant.apply(StoreKey(secret))
        token = grant.token(api=an_api(ORDERS, algorithm="HS256"))
        reply = revoke(house, token)
        assert (reply.status, reply.error) == (400, "unsupported_token_type")
        assert asyncio.run(house.store.load_status_changes(0, int(START))).denied == ()

    def test_when_too_many_are_denied_says_when_to_come_back(self, house: House) -> None:
        expires_at = int(START) + 300
        full = [DenyToken(f"jti-{n}", expires_at, int(START)) for n in range(MAX_DENIED)]
        asyncio.run(house.store.apply(full))
        token = orders_token(Grant(house))
        reply = revoke(house, token)
        assert (reply.status, reply.error) == (503, "temporarily_unavailable")
        assert int(reply.header("retry-after") or "") > 0
        assert told(introspect(house, token))["active"] is True


def test_token_under_a_revoked_key_is_inactive(house: House) -> None:
    token = orders_token(Grant(house))
    (kid,) = (key.kid for key in asyncio.run(house.store.load_keys()) if key.algorithm == "ES256")
    asyncio.run(revoke_key(house.office, kid))
    asyncio.run(house.keys.follow())  # as upkeep does, four times a second
    assert told(introspect(house, token)) == INACTIVE


def events(house: House) -> Sequence[tuple[int, Event]]:
    return asyncio.run(house.store.load_events(0, 100))
