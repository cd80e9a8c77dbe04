"""Signing keys are made when their algorithm is first asked for, and not again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.support.memory_store import MemoryStore

from lingpai_server.accounts.phc import Argon2Parameters
from lingpai_server.app.admin.keys import ensure_signing_key
from lingpai_server.app.admin.office import Office
from lingpai_server.app.hashing import Argon2Pool
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey


@pytest.fixture
def office() -> Iterator[Office]:
    hasher = Argon2Pool(Argon2Parameters(64, 1, 1), threads=1, queue=1)
    yield Office(MemoryStore(), SealedKeyMaker(SealingKey(Secret(bytes(32)))), hasher)
    hasher.close()


@pytest.mark.parametrize("algorithm", ["PS256", "Ed25519"])
def test_key_is_made_when_it_is_first_asked_for(office: Office, algorithm: str) -> None:
    asyncio.run(ensure_signing_key(office, algorithm))
    (key,) = asyncio.run(office.store.load_keys())
    assert key.algorithm == algorithm


def test_key_that_is_there_is_enough(office: Office) -> None:
    asyncio.run(ensure_signing_key(office, "Ed25519"))
    asyncio.run(ensure_signing_key(office, "Ed25519"))
    assert len(asyncio.run(office.store.load_keys())) == 1


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS1"])
def test_other_algorithms_are_no_keys_of_the_issuer(office: Office, algorithm: str) -> None:
    with pytest.raises(ValueError, match="algorithm"):
        asyncio.run(ensure_signing_key(office, algorithm))
