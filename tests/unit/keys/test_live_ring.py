"""The ring of a running server follows the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.support.memory_store import MemoryStore

from lingpai.jwt.policy import Policy
from lingpai.jwt.verify import verify
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.records import KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.ring import NoRefreshKey
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing

SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)
ISSUER = "https://id.example"
API = "https://api.example"
CLAIMS = {"iss": ISSUER, "aud": API, "exp": 2}
POLICY = Policy(issuer=ISSUER, audience=API, typ="at+jwt")


async def live_ring(store: MemoryStore, *keys: StoredKey) -> LiveKeyRing:
    await store.apply([StoreKey(key) for key in (MAKER.make_refresh_key(1, now=0), *keys)])
    return LiveKeyRing(store, SEALING, await store.load_keys(), issuer=ISSUER)


def test_signed_token_verifies() -> None:
    async def scenario() -> None:
        live = await live_ring(MemoryStore(), MAKER.make_signing_key("ES256", now=0))
        raw = await live.sign(CLAIMS, algorithm="ES256", audience=API, typ="at+jwt")
        key = live.ring.key_for("ES256", API)
        assert verify(raw, key.public, POLICY, now=1).claims == CLAIMS

    asyncio.run(scenario())


def test_key_that_another_process_made_signs_at_once() -> None:
    async def scenario() -> None:
        store = MemoryStore()
        live = await live_ring(store)
        secret, _ = MAKER.make_api_secret(API, "HS256", now=0)
        await store.apply([StoreKey(secret)])
        assert await live.sign(CLAIMS, algorithm="HS256", audience=API, typ="at+jwt")

    asyncio.run(scenario())


def test_missing_key_is_a_lookup_error() -> None:
    async def scenario() -> None:
        live = await live_ring(MemoryStore())
        with pytest.raises(LookupError):
            await live.sign(CLAIMS, algorithm="ES256", audience=API, typ="at+jwt")

    asyncio.run(scenario())


def test_new_key_is_published_after_the_next_look() -> None:
    async def scenario() -> None:
        store = MemoryStore()
        live = await live_ring(store)
        await live.follow()
        key = MAKER.make_signing_key("ES256", now=0)
        await store.apply([StoreKey(replace(key, state=KeyState.NEXT))])
        assert await live.follow() is True
        assert key.kid.encode() in live.ring.jwks
        assert await live.follow() is False

    asyncio.run(scenario())


def test_key_that_does_not_open_leaves_the_ring_as_it_was() -> None:
    async def scenario() -> None:
        store = MemoryStore()
        live = await live_ring(store, MAKER.make_signing_key("ES256", now=0))
        before = live.ring
        foreign = SealedKeyMaker(SealingKey(Secret(b"\x01" * 32)))
        await store.apply([StoreKey(foreign.make_signing_key("ES256", now=1))])
        assert await live.follow() is False
        assert live.ring is before
        assert live.problem is not None

    asyncio.run(scenario())


def test_ring_cannot_be_made_before_the_first_start() -> None:
    with pytest.raises(NoRefreshKey):
        LiveKeyRing(MemoryStore(), SEALING, (), issuer=ISSUER)
