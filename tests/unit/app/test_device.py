"""Device authorization: what happens when a user code is taken (RFC 8628 section 6.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from tests.support.given_keys import GivenKeys
from tests.support.house import ISSUER, House
from tests.support.memory_store import MemoryStore
from tests.support.stores import a_client, an_api

from lingpai_server.app.device import AuthorizeDevice
from lingpai_server.app.entropy import draw_device
from lingpai_server.app.proofs import Proofs
from lingpai_server.core.effects import CreateApi, CreateClient, Effect
from lingpai_server.core.flow_effects import StoreDevice
from lingpai_server.core.ports import AlreadyExists
from lingpai_server.protocol.device import (
    DEVICE_CODE_PREFIX,
    USER_CODE_ALPHABET,
    DeviceAuthorization,
    parse_user_code,
)
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.grants import DEVICE_CODE
from lingpai_server.protocol.opaque import has_opaque_format
from lingpai_server.protocol.policy import IssuePolicy
from lingpai_server.protocol.requests import (
    Arrival,
    ClientAuthMethod,
    DeviceAuthorizationRequest,
    PresentedClient,
)


class Crowded(MemoryStore):
    """A store in which the first few user codes happen to be taken."""

    def __init__(self, taken: int) -> None:
        super().__init__()
        self.taken = taken

    async def apply(self, effects: Sequence[Effect]) -> None:
        if self.taken and any(isinstance(effect, StoreDevice) for effect in effects):
            self.taken -= 1
            raise AlreadyExists("the device's code")
        await super().apply(effects)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


def _ask(house: House, taken: int) -> DeviceAuthorization | Refusal:
    store, policy = Crowded(taken), IssuePolicy(ISSUER)
    client = a_client("tv", grant_types=(DEVICE_CODE,))
    proofs = Proofs(store, house.keys, GivenKeys(), policy)
    cmd = DeviceAuthorizationRequest(PresentedClient("tv", ClientAuthMethod.NONE))

    async def ask() -> DeviceAuthorization | Refusal:
        await store.apply([CreateClient(client), CreateApi(an_api())])
        return await AuthorizeDevice(store, proofs, policy)(cmd, Arrival())

    return asyncio.run(ask())


def test_a_code_that_is_taken_is_drawn_anew(house: House) -> None:
    assert isinstance(_ask(house, taken=4), DeviceAuthorization)


def test_a_device_is_not_kept_waiting_for_ever(house: House) -> None:
    refused = _ask(house, taken=5)
    assert isinstance(refused, Refusal)
    assert refused.code is ErrorCode.TEMPORARILY_UNAVAILABLE


def test_what_is_drawn_has_the_format_that_readers_know() -> None:
    drawn = draw_device()
    assert has_opaque_format(DEVICE_CODE_PREFIX, drawn.device_code.reveal())
    assert parse_user_code(drawn.user_code) == drawn.user_code


def test_every_letter_of_a_user_code_is_drawn() -> None:
    drawn = "".join(draw_device().user_code for _ in range(100))
    assert set(drawn) == set(USER_CODE_ALPHABET)
