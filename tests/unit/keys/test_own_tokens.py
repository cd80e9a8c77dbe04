"""Which tokens the issuer reads as its own, and how it names users to those who may not compare."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from tests.support.memory_store import MemoryStore

from lingpai.jose import strict_json
from lingpai.jose.keys import Key, PrivateKey, SecretKey
from lingpai.jwt.issue import sign
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.records import KeyPurpose, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import ISSUER_SECRETS, SealedKeyMaker
from lingpai_server.keys.ring import open_ring
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing

SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)
ISSUER = "https://id.example"
API = "https://api.example"
OTHER_API = "https://other.example"
CLAIMS = {"iss": ISSUER, "sub": "u", "aud": API, "exp": 2}
TYP = "at+jwt"


async def live_ring(*keys: StoredKey, store: MemoryStore | None = None) -> LiveKeyRing:
    store = MemoryStore() if store is None else store
    secrets = (MAKER.make_issuer_secret(purpose, now=0) for purpose in ISSUER_SECRETS)
    await store.apply([StoreKey(k) for k in (MAKER.make_refresh_key(1, now=0), *secrets, *keys)])
    return LiveKeyRing(store, SEALING, await store.load_keys(), issuer=ISSUER)


def read(live: LiveKeyRing, raw: str, **options: Any) -> Mapping[str, Any] | None:
    return asyncio.run(live.read_own_token(raw, **({"typ": TYP} | options)))


def signed(live: LiveKeyRing, claims: Mapping[str, Any] = CLAIMS, typ: str = TYP) -> str:
    return asyncio.run(live.sign(claims, algorithm="ES256", audience=API, typ=typ))


@pytest.fixture
def live() -> LiveKeyRing:
    return asyncio.run(live_ring(MAKER.make_signing_key("ES256", now=0)))


def test_signed_token_is_read_though_it_has_expired(live: LiveKeyRing) -> None:
    assert read(live, signed(live)) == CLAIMS


def test_opaque_token_is_read_and_shows_nothing(live: LiveKeyRing) -> None:
    raw = live.seal_token(CLAIMS, typ=TYP)
    assert raw.startswith("lp_at_")
    assert read(live, raw) == CLAIMS


@pytest.mark.parametrize("kind", ["signed", "opaque"])
def test_token_of_another_kind_is_not_read(live: LiveKeyRing, kind: str) -> None:
    raw = signed(live, typ="JWT") if kind == "signed" else live.seal_token(CLAIMS, typ="JWT")
    assert read(live, raw) is None


@pytest.mark.parametrize("kind", ["signed", "opaque"])
def test_token_of_another_issuer_is_not_read(live: LiveKeyRing, kind: str) -> None:
    claims = CLAIMS | {"iss": "https://elsewhere.example"}
    raw = signed(live, claims) if kind == "signed" else live.seal_token(claims, typ=TYP)
    assert read(live, raw) is None


def test_token_under_a_strangers_key_is_not_read(live: LiveKeyRing) -> None:
    stranger = Key.generate("ES256")
    assert read(live, sign(CLAIMS, stranger, typ=TYP)) is None


def test_ticket_is_no_token_and_a_token_no_ticket(live: LiveKeyRing) -> None:
    ticket = live.seal_ticket("authorize", CLAIMS)
    assert read(live, f"lp_at_{ticket}") is None
    token = live.seal_token(CLAIMS, typ=TYP).removeprefix("lp_at_")
    assert live.open_ticket("authorize", token) is None


def test_ticket_opens_for_its_own_purpose_alone(live: LiveKeyRing) -> None:
    ticket = live.seal_ticket("authorize", {"at": 1})
    assert live.open_ticket("authorize", ticket) == {"at": 1}
    assert live.open_ticket("dpop_nonce", ticket) is None


def test_token_under_a_key_that_another_process_just_made_is_read() -> None:
    store = MemoryStore()
    live = asyncio.run(live_ring(store=store))
    made = MAKER.make_signing_key("Ed25519", now=1)
    key = Key.from_jwk(SEALING.open(made.sealed, kid=made.kid, purpose=made.purpose).reveal())
    assert isinstance(key, PrivateKey)
    asyncio.run(store.apply([StoreKey(made)]))
    assert read(live, sign(CLAIMS, key, typ=TYP)) == CLAIMS


class TestAnApisOwnSecret:
    """An API that chose HS256 can make such tokens itself, for itself and for anyone."""

    def setup_method(self) -> None:
        stored, jwk = MAKER.make_api_secret(API, "HS256", now=0)
        other, _ = MAKER.make_api_secret(OTHER_API, "HS256", now=0)
        self.live = asyncio.run(live_ring(stored, other))
        key = Key.from_jwk(jwk.reveal())
        assert isinstance(key, SecretKey)
        self.key = key

    def forged(self, **claims: str) -> str:
        return sign(CLAIMS | claims, self.key, typ=TYP)

    def test_is_not_read_for_those_who_would_believe_it(self) -> None:
        assert read(self.live, self.forged()) is None

    def test_is_read_on_behalf_of_that_api(self) -> None:
        assert read(self.live, self.forged(), shared_with=[API]) == CLAIMS

    def test_is_not_read_on_behalf_of_another(self) -> None:
        assert read(self.live, self.forged(), shared_with=[OTHER_API]) is None

    def test_says_nothing_about_another_apis_tokens(self) -> None:
        raw = self.forged(aud=OTHER_API)
        assert read(self.live, raw, shared_with=[API, OTHER_API]) is None


class TestPairwiseSubjects:
    """OpenID Connect Core section 8.1."""

    def test_are_the_same_for_the_same(self, live: LiveKeyRing) -> None:
        assert live.pairwise_subject("a.example", "u") == live.pairwise_subject("a.example", "u")

    def test_differ_by_sector_and_by_user(self, live: LiveKeyRing) -> None:
        pairs = [("a.example", "u"), ("b.example", "u"), ("a.example", "v")]
        assert len({live.pairwise_subject(*pair) for pair in pairs}) == 3

    def test_no_two_pairs_run_together(self, live: LiveKeyRing) -> None:
        assert live.pairwise_subject("ab", "c") != live.pairwise_subject("a", "bc")

    def test_differ_by_issuer_key(self, live: LiveKeyRing) -> None:
        another = asyncio.run(live_ring())
        assert live.pairwise_subject("a", "u") != another.pairwise_subject("a", "u")

    def test_do_not_change_when_there_is_a_second_key(self) -> None:
        first, second = (
            dataclasses.replace(key, created_at=at) for at, key in enumerate(two_pairwise_keys())
        )
        keys = (MAKER.make_refresh_key(1, now=0), first)
        before = open_ring(keys, SEALING).pairwise_subject("a", "u")
        assert open_ring((second, *keys), SEALING).pairwise_subject("a", "u") == before


def two_pairwise_keys() -> tuple[StoredKey, StoredKey]:
    """Two keys of that purpose; the second sealed under a name of its own."""
    first = MAKER.make_issuer_secret(KeyPurpose.PAIRWISE, now=0)
    key = Key.generate("HS256", kid="pairwise-2")
    content = Secret(strict_json.encode(key.to_jwk(private=True)))
    sealed = SEALING.seal(content, kid="pairwise-2", purpose=KeyPurpose.PAIRWISE)
    return first, dataclasses.replace(first, kid="pairwise-2", sealed=sealed)
