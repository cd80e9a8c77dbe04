"""Clients that register themselves: who may, what they get, and how they manage it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support.receiver import Receiver, Reply
from tests.support.signed_in import SignedIn
from tests.support.stores import NOTES, ORDERS, an_api, fill

from lingpai_server.accounts.throttle import ThrottlePolicy, ThrottleRule
from lingpai_server.app.fetching import Fetcher
from lingpai_server.app.outgoing import OutgoingPolicy
from lingpai_server.app.registration import RegisterClients
from lingpai_server.core.client_settings import ClientOrigin, SecurityProfile
from lingpai_server.core.effects import CreateApi, SetClientDisabled
from lingpai_server.core.flow_effects import ReplaceClient
from lingpai_server.core.records import Client
from lingpai_server.core.secret import Secret
from lingpai_server.protocol.client_secret import client_secret_sha256, has_client_secret_format
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.opaque import format_opaque, has_opaque_format, opaque_sha256
from lingpai_server.protocol.registration import (
    INITIAL_TOKEN_PREFIX,
    REGISTRATION_TOKEN_PREFIX,
    ClientInformation,
    RegistrationMode,
    RegistrationPolicy,
)

INITIAL = format_opaque(INITIAL_TOKEN_PREFIX, bytes(32))
OPEN = RegistrationPolicy(mode=RegistrationMode.OPEN, audiences=(ORDERS,), loopback=True)
CALLBACK = "https://app.example/cb"
WISH = {"redirect_uris": [CALLBACK], "client_name": "Planner"}
ADDRESS = "192.0.2.1"


@pytest.fixture
def scene() -> SignedIn:
    made = SignedIn()
    fill(made.store, [CreateApi(an_api(ORDERS)), CreateApi(an_api(NOTES, scopes=("notes:read",)))])
    return made


def use_case(scene: SignedIn, policy: RegistrationPolicy = OPEN) -> RegisterClients:
    fetcher = Fetcher(OutgoingPolicy(loopback=True))
    return RegisterClients(scene.store, scene.keys, fetcher, policy, scene.clock)


def register(
    scene: SignedIn,
    policy: RegistrationPolicy = OPEN,
    *,
    bearer: Secret[str] | None = None,
    **members: Any,
) -> ClientInformation | Refusal:
    clients = use_case(scene, policy)
    return asyncio.run(clients.register(WISH | members, bearer=bearer, address=ADDRESS))


def registered(scene: SignedIn, policy: RegistrationPolicy = OPEN, **members: Any) -> Registered:
    information = register(scene, policy, **members)
    assert isinstance(information, ClientInformation), information
    return Registered(scene, policy, information)


class Registered:
    """A client that has registered, and what it can do about it."""

    def __init__(
        self, scene: SignedIn, policy: RegistrationPolicy, information: ClientInformation
    ) -> None:
        self.scene, self.information = scene, information
        self.clients = use_case(scene, policy)
        self.client = information.client
        assert information.token is not None
        self.token = information.token

    @property
    def stored(self) -> Client:
        client = asyncio.run(self.scene.store.load_client(self.client.client_id))
        assert client is not None
        return client

    def read(self, token: Secret[str] | None = None) -> ClientInformation | Refusal:
        reading = self.clients.read(self.client.client_id, bearer=token or self.token)
        return asyncio.run(reading)

    def update(
        self, token: Secret[str] | None = None, **members: Any
    ) -> ClientInformation | Refusal:
        sent = {"client_id": self.client.client_id} | WISH | members
        updating = self.clients.update(
            self.client.client_id, sent, bearer=token or self.token, address=ADDRESS
        )
        return asyncio.run(updating)

    def delete(self, token: Secret[str] | None = None) -> Refusal | None:
        return asyncio.run(
            self.clients.delete(self.client.client_id, bearer=token or self.token, address=ADDRESS)
        )


def code_of(reply: ClientInformation | Refusal | None) -> ErrorCode:
    assert isinstance(reply, Refusal)
    return reply.code


# --- who may --------------------------------------------------------------------------------------


def test_closed_is_the_default(scene: SignedIn) -> None:
    assert code_of(register(scene, RegistrationPolicy())) is ErrorCode.ACCESS_DENIED
    assert scene.events() == []


def test_initial_access_token_lets_in(scene: SignedIn) -> None:  # RFC 7591 section 3
    digest = opaque_sha256(INITIAL)
    policy = replace(OPEN, mode=RegistrationMode.TOKEN, initial_tokens=(digest,))
    assert isinstance(register(scene, policy, bearer=INITIAL), ClientInformation)
    assert code_of(register(scene, policy)) is ErrorCode.INVALID_TOKEN
    assert code_of(register(scene, policy, bearer=Secret("x"))) is ErrorCode.INVALID_TOKEN


def test_token_mode_without_tokens_lets_nobody_in(scene: SignedIn) -> None:
    policy = replace(OPEN, mode=RegistrationMode.TOKEN)
    assert code_of(register(scene, policy)) is ErrorCode.INVALID_TOKEN
    assert code_of(register(scene, policy, bearer=Secret(""))) is ErrorCode.INVALID_TOKEN


def test_one_address_does_not_register_without_measure(scene: SignedIn) -> None:
    throttle = ThrottlePolicy(address=ThrottleRule(free=2, base_seconds=10, cap_seconds=60))
    policy = replace(OPEN, throttle=throttle)
    replies = [register(scene, policy) for _ in range(4)]
    assert [isinstance(reply, Refusal) for reply in replies] == [False, False, True, True]
    last = replies[-1]
    assert isinstance(last, Refusal)
    assert (last.code, last.retry_after_seconds) == (ErrorCode.SLOW_DOWN, 10)
    scene.now += 10
    assert isinstance(register(scene, policy), ClientInformation)


def test_bad_wishes_are_counted_too(scene: SignedIn) -> None:
    throttle = ThrottlePolicy(address=ThrottleRule(free=2, base_seconds=10, cap_seconds=60))
    policy = replace(OPEN, throttle=throttle)
    replies = [register(scene, policy, redirect_uris=[]) for _ in range(3)]
    assert code_of(replies[-1]) is ErrorCode.SLOW_DOWN


# --- what they get --------------------------------------------------------------------------------


def test_registered_client_is_a_third_party_with_what_is_open(scene: SignedIn) -> None:
    client = registered(scene).stored
    assert (client.name, client.first_party, client.disabled) == ("Planner", False, False)
    assert client.audiences == (ORDERS,)
    assert "orders:read" in client.scopes
    assert "openid" in client.scopes
    assert "notes:read" not in client.scopes
    assert client.settings.origin is ClientOrigin.REGISTERED
    assert client.settings.profile is SecurityProfile.OAUTH21
    assert client.settings.redirect_uris == (CALLBACK,)
    assert scene.events() == ["client.registered"]


def test_scope_that_is_not_open_is_not_registered(scene: SignedIn) -> None:
    client = registered(scene, scope="openid notes:read orders:read admin").stored
    assert client.scopes == ("openid", "orders:read")


def test_api_that_there_is_not_is_not_open(scene: SignedIn) -> None:
    policy = replace(OPEN, audiences=("https://gone.example", ORDERS))
    assert registered(scene, policy).stored.audiences == (ORDERS,)


def test_secret_is_given_once_and_kept_as_its_digest(scene: SignedIn) -> None:
    client = registered(scene)
    secret, token = client.information.secret, client.token
    assert secret is not None
    assert has_client_secret_format(secret.reveal())
    assert has_opaque_format(REGISTRATION_TOKEN_PREFIX, token.reveal())
    assert client.stored.secret_sha256 == client_secret_sha256(secret)
    read = client.read()
    assert isinstance(read, ClientInformation)
    assert (read.secret, read.token) == (None, None)


def test_public_client_gets_no_secret(scene: SignedIn) -> None:
    client = registered(scene, token_endpoint_auth_method="none")
    assert client.information.secret is None
    assert client.stored.is_public


def test_no_two_clients_are_alike(scene: SignedIn) -> None:
    one, other = registered(scene), registered(scene)
    assert one.client.client_id != other.client.client_id
    assert one.token != other.token


def test_what_may_not_be_registered_changes_nothing(scene: SignedIn) -> None:
    policy = replace(OPEN, mode=RegistrationMode.TOKEN, initial_tokens=(opaque_sha256(INITIAL),))
    before = asyncio.run(scene.store.data_version())
    reply = register(scene, policy, bearer=INITIAL, redirect_uris=["http://app.example/cb"])
    assert code_of(reply) is ErrorCode.INVALID_REDIRECT_URI
    assert asyncio.run(scene.store.data_version()) == before


def test_machine_grant_is_not_open_to_strangers(scene: SignedIn) -> None:
    reply = register(scene, grant_types=["client_credentials"], response_types=[])
    assert code_of(reply) is ErrorCode.INVALID_CLIENT_METADATA


def test_profile_that_the_operator_allows_can_be_asked_for(scene: SignedIn) -> None:
    policy = replace(OPEN, profiles=(SecurityProfile.OAUTH21, SecurityProfile.OIDC))
    client = registered(scene, policy, lingpai_profile="oidc").stored
    assert client.settings.profile is SecurityProfile.OIDC
    assert code_of(register(scene, lingpai_profile="oidc")) is ErrorCode.INVALID_CLIENT_METADATA


def test_algorithm_without_a_key_is_not_offered(scene: SignedIn) -> None:
    reply = register(scene, id_token_signed_response_alg="PS256")
    assert code_of(reply) is ErrorCode.INVALID_CLIENT_METADATA


# --- sectors --------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def test_sector_that_lists_every_redirect_is_taken(scene: SignedIn, receiver: Receiver) -> None:
    uris = [CALLBACK, "https://other.example/cb"]
    receiver.answer = Reply(body=json.dumps([*uris, "https://third.example/cb"]).encode())
    client = registered(
        scene, redirect_uris=uris, subject_type="pairwise", sector_identifier_uri=receiver.url
    )
    assert client.stored.settings.sector_identifier_uri == receiver.url


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b'["https://other.example/cb"]'),
        Reply(body=b"{}"),
        Reply(body=b"not JSON"),
        Reply(404, body=json.dumps([CALLBACK]).encode()),
        Reply(302, headers={"Location": "/elsewhere"}),
        Reply(body=json.dumps([CALLBACK]).encode() + b" " * 70_000),
    ],
)
def test_sector_that_does_not_is_refused(
    scene: SignedIn, receiver: Receiver, reply: Reply
) -> None:  # OpenID Connect Core section 8.1
    receiver.answer = reply
    refused = register(scene, subject_type="pairwise", sector_identifier_uri=receiver.url)
    assert isinstance(refused, Refusal)
    assert refused.reason == "sector_identifier_uri_invalid"


def test_sector_at_a_forbidden_address_is_refused(scene: SignedIn) -> None:
    refused = register(scene, sector_identifier_uri="https://169.254.169.254/latest")
    assert isinstance(refused, Refusal)
    assert refused.reason == "sector_identifier_uri_invalid"


# --- how they manage it ---------------------------------------------------------------------------


def test_registration_is_read_with_its_own_token_alone(scene: SignedIn) -> None:
    client, other = registered(scene), registered(scene)
    assert isinstance(client.read(), ClientInformation)
    assert code_of(client.read(other.token)) is ErrorCode.INVALID_TOKEN
    assert code_of(client.read(Secret("lp_ra_nothing"))) is ErrorCode.INVALID_TOKEN


def test_client_that_an_operator_made_has_no_registration_to_manage(scene: SignedIn) -> None:
    reading = use_case(scene).read("app", bearer=Secret(""))
    assert code_of(asyncio.run(reading)) is ErrorCode.INVALID_TOKEN


def test_unknown_client_is_refused_like_a_wrong_token(scene: SignedIn) -> None:
    client = registered(scene)
    unknown = asyncio.run(client.clients.read("nobody", bearer=client.token))
    assert unknown == client.read(Secret("wrong"))


def test_update_replaces_all_and_rotates_the_token(scene: SignedIn) -> None:  # RFC 7592 2.2
    client = registered(scene, logo_uri="https://app.example/logo.png")
    reply = client.update(client_name="Planner 2", tos_uri="https://app.example/tos")
    assert isinstance(reply, ClientInformation)
    assert reply.token is not None
    settings = client.stored.settings
    assert (client.stored.name, settings.logo_uri) == ("Planner 2", None)
    assert settings.tos_uri == "https://app.example/tos"
    assert settings.origin is ClientOrigin.REGISTERED
    assert code_of(client.read()) is ErrorCode.INVALID_TOKEN
    assert isinstance(client.read(reply.token), ClientInformation)


def test_update_keeps_the_secret(scene: SignedIn) -> None:
    client = registered(scene)
    before = client.stored.secret_sha256
    reply = client.update()
    assert isinstance(reply, ClientInformation)
    assert reply.secret is None
    assert client.stored.secret_sha256 == before


def test_update_that_needs_a_secret_makes_one(scene: SignedIn) -> None:
    client = registered(scene, token_endpoint_auth_method="none")
    reply = client.update(token_endpoint_auth_method="client_secret_post")
    assert isinstance(reply, ClientInformation)
    assert reply.secret is not None
    assert client.stored.secret_sha256 == client_secret_sha256(reply.secret)


def test_update_that_needs_no_secret_drops_it(scene: SignedIn) -> None:
    client = registered(scene)
    client.update(token_endpoint_auth_method="none")
    assert client.stored.secret_sha256 is None


def test_what_an_operator_added_stays(scene: SignedIn) -> None:
    client = registered(scene)
    settings = replace(client.stored.settings, introspects=(NOTES,))
    more = replace(
        client.stored,
        audiences=(ORDERS, NOTES),
        scopes=(*client.stored.scopes, "notes:read"),
        settings=settings,
    )
    fill(scene.store, [ReplaceClient(more)])
    assert isinstance(client.update(), ClientInformation)
    assert client.stored.audiences == (ORDERS, NOTES)
    assert "notes:read" in client.stored.scopes
    assert client.stored.settings.introspects == (NOTES,)


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": "another"},
        {"registration_access_token": "lp_ra_x"},
        {"registration_client_uri": "https://id.example/register"},
        {"client_secret_expires_at": 0},
        {"client_id_issued_at": 0},
        {"client_secret": "a secret of its own choice"},
        {"client_secret": 5},
    ],
)
def test_what_is_the_servers_is_not_set(scene: SignedIn, members: dict[str, Any]) -> None:
    client = registered(scene)
    before = client.stored
    assert code_of(client.update(**members)) is ErrorCode.INVALID_CLIENT_METADATA
    assert client.stored == before


def test_the_own_secret_may_be_sent_along(scene: SignedIn) -> None:  # RFC 7592 section 2.2
    client = registered(scene)
    secret = client.information.secret
    assert secret is not None
    assert isinstance(client.update(client_secret=secret.reveal()), ClientInformation)


def test_two_updates_at_once_are_one_and_one_refusal(scene: SignedIn) -> None:
    client = registered(scene)
    sent = {"client_id": client.client.client_id} | WISH

    async def both() -> list[ClientInformation | Refusal]:
        return await asyncio.gather(
            *(
                client.clients.update(
                    client.client.client_id, sent, bearer=client.token, address=ADDRESS
                )
                for _ in range(2)
            )
        )

    replies = asyncio.run(both())
    assert sorted(isinstance(reply, Refusal) for reply in replies) == [False, True]


def test_deleted_client_is_of_no_use_any_more(scene: SignedIn) -> None:  # RFC 7592 section 2.3
    client = registered(scene)
    assert code_of(client.delete(Secret("wrong"))) is ErrorCode.INVALID_TOKEN
    assert client.delete() is None
    assert client.stored.disabled
    assert code_of(client.read()) is ErrorCode.INVALID_TOKEN
    assert code_of(client.update()) is ErrorCode.INVALID_TOKEN
    assert code_of(client.delete()) is ErrorCode.INVALID_TOKEN
    assert scene.events()[-1] == "client.deleted"


def test_client_that_an_operator_disabled_does_not_manage_itself(scene: SignedIn) -> None:
    client = registered(scene)
    fill(scene.store, [SetClientDisabled(client.client.client_id, disabled=True)])
    assert code_of(client.update()) is ErrorCode.INVALID_TOKEN
    assert client.stored.disabled


def test_registration_is_managed_after_the_door_was_closed(scene: SignedIn) -> None:
    client = registered(scene)
    closed = use_case(scene, RegistrationPolicy())
    reading = closed.read(client.client.client_id, bearer=client.token)
    assert isinstance(asyncio.run(reading), ClientInformation)
