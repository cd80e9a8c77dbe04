"""From a decided reply to tokens: formats, sizes, subjects, hashes."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.support.given_keys import GivenKeys
from tests.support.memory_store import MemoryStore
from tests.support.samples import (
    ACCESS,
    API,
    ISSUER,
    NOW,
    ORDERS,
    PUBLIC_CLIENT,
    SESSION,
    SLOT,
    USER,
)

from lingpai.jose import jwe
from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import Key, PrivateKey
from lingpai.jwt.policy import IGNORE_STATUS, Policy
from lingpai.jwt.token import VerifiedToken
from lingpai.jwt.verify import verify
from lingpai_server.app.issuing import IssuedTokens, issue
from lingpai_server.core.api_settings import ApiSettings, TokenFormat
from lingpai_server.core.client_settings import ClientSettings, Encryption, SubjectType
from lingpai_server.core.effects import StoreKey
from lingpai_server.core.records import Api, Client
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import ISSUER_SECRETS, SealedKeyMaker
from lingpai_server.keys.sealing import SealingKey
from lingpai_server.keys.signer import LiveKeyRing
from lingpai_server.protocol.access_token import build_access_token
from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.id_token import access_token_hash, build_id_token
from lingpai_server.protocol.replies import TokenReply
from lingpai_server.protocol.requests import Sender

SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)
ACCESS_POLICY = Policy(issuer=ISSUER, audience=ORDERS, typ="at+jwt", status=IGNORE_STATUS)
ID_POLICY = Policy(issuer=ISSUER, audience="app", typ="JWT")
PAIRWISE = ClientSettings(
    subject_type=SubjectType.PAIRWISE, redirect_uris=("https://app.example/cb",)
)


async def make_ring() -> LiveKeyRing:
    store = MemoryStore()
    made = [MAKER.make_refresh_key(1, now=0)]
    made += [MAKER.make_issuer_secret(purpose, now=0) for purpose in ISSUER_SECRETS]
    made += [MAKER.make_signing_key(name, now=0) for name in ("ES256", "RS256", "Ed25519")]
    await store.apply([StoreKey(key) for key in made])
    return LiveKeyRing(store, SEALING, await store.load_keys(), issuer=ISSUER)


@pytest.fixture(scope="module")
def keys() -> LiveKeyRing:
    return asyncio.run(make_ring())


def reply_for(
    client: Client = PUBLIC_CLIENT,
    api: Api = API,
    *,
    sender: Sender = Sender(),  # noqa: B008  # frozen
    roles: tuple[str, ...] = (),
    nonce: str | None = None,
) -> TokenReply:
    access = replace(ACCESS, roles=(*ACCESS.roles, *roles))
    token = build_access_token(
        ISSUER,
        client,
        api,
        access,
        SESSION,
        ("orders:read",),
        SLOT,
        now=NOW,
        jti="j",
        sender=sender,
    )
    id_token = build_id_token(ISSUER, client, USER, SESSION, nonce=nonce, now=NOW)
    return TokenReply(token, 300, ("orders:read",), id_token=id_token)


def issued(
    keys: LiveKeyRing, reply: TokenReply, client_keys: GivenKeys | None = None
) -> IssuedTokens:
    tokens = asyncio.run(issue(reply, keys, client_keys))
    assert isinstance(tokens, IssuedTokens)
    return tokens


def read_access(keys: LiveKeyRing, raw: str) -> VerifiedToken:
    return verify(raw, keys.ring.published, ACCESS_POLICY, now=NOW)


def read_id(keys: LiveKeyRing, tokens: IssuedTokens) -> VerifiedToken:
    assert tokens.id_token is not None
    return verify(tokens.id_token.reveal(), keys.ring.published, ID_POLICY, now=NOW)


def with_format(token_format: TokenFormat, **settings: Any) -> Api:
    return replace(API, settings=ApiSettings(token_format, **settings))


class TestAccessTokens:
    def test_of_an_api_by_default_is_a_signed_jwt(self, keys: LiveKeyRing) -> None:  # RFC 9068
        tokens = issued(keys, reply_for())
        assert read_access(keys, tokens.access_token.reveal()).subject == "u-alice"

    def test_of_an_opaque_api_only_the_issuer_can_read(self, keys: LiveKeyRing) -> None:
        raw = issued(keys, reply_for(api=with_format(TokenFormat.OPAQUE))).access_token.reveal()
        assert raw.startswith("lp_at_")
        claims = asyncio.run(keys.read_own_token(raw, typ="at+jwt"))
        assert claims is not None
        assert claims["sub"] == "u-alice"

    @pytest.mark.parametrize("alg", ["ECDH-ES", "RSA-OAEP-256"])
    def test_of_an_encrypting_api_is_signed_and_only_that_api_can_read_it(
        self, keys: LiveKeyRing, alg: str
    ) -> None:  # RFC 7519 section 5.2
        own = Key.generate(alg)
        assert isinstance(own, PrivateKey)
        jwk = json.dumps(own.public.to_jwk())
        api = with_format(TokenFormat.JWE, encryption_jwk=jwk)
        raw = issued(keys, reply_for(api=api)).access_token.reveal()
        token = verify(raw, keys.ring.published, ACCESS_POLICY, now=NOW, decrypt_with=own)
        assert token.subject == "u-alice"
        assert jwe.decrypt(raw, own).header.enc == "A128CBC-HS256"

    @pytest.mark.parametrize("token_format", [TokenFormat.JWT, TokenFormat.OPAQUE])
    def test_over_the_size_budget_are_refused_with_advice(
        self, keys: LiveKeyRing, caplog: pytest.LogCaptureFixture, token_format: TokenFormat
    ) -> None:
        api = with_format(token_format, max_token_bytes=900)
        with caplog.at_level(logging.WARNING):
            refusal = asyncio.run(issue(reply_for(api=api, roles=("r" * 600,)), keys))
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.reason) == (ErrorCode.INVALID_SCOPE, "token_too_large")
        assert ORDERS in caplog.text
        assert "900" in caplog.text
        assert "max_token_bytes" in caplog.text

    def test_may_be_as_large_as_the_api_says(self, keys: LiveKeyRing) -> None:
        api = with_format(TokenFormat.JWT, max_token_bytes=20_000)
        assert issued(keys, reply_for(api=api, roles=("r" * 9_000,)))

    def test_may_be_exactly_as_large_as_the_budget(self, keys: LiveKeyRing) -> None:
        size = len(issued(keys, reply_for()).access_token.reveal())
        assert issued(keys, reply_for(api=with_format(TokenFormat.JWT, max_token_bytes=size)))
        smaller = with_format(TokenFormat.JWT, max_token_bytes=size - 1)
        assert isinstance(asyncio.run(issue(reply_for(api=smaller), keys)), Refusal)

    def test_that_are_bound_to_a_proofs_key_are_of_type_dpop(self, keys: LiveKeyRing) -> None:
        tokens = issued(keys, reply_for(sender=Sender(jkt="thumb")))  # RFC 9449 section 5
        assert tokens.token_type == "DPoP"

    @pytest.mark.parametrize("sender", [Sender(), Sender(x5t="thumb")])
    def test_that_are_not_are_bearer_tokens(self, keys: LiveKeyRing, sender: Sender) -> None:
        assert issued(keys, reply_for(sender=sender)).token_type == "Bearer"  # RFC 8705 section 3


class TestIdTokens:
    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
    def test_are_signed_as_the_client_registered(self, keys: LiveKeyRing, algorithm: str) -> None:
        client = replace(PUBLIC_CLIENT, settings=ClientSettings(id_token_alg=algorithm))
        token = read_id(keys, issued(keys, reply_for(client)))
        assert token.header.alg == algorithm
        assert token.header.kid is not None

    def test_hold_the_hash_of_the_access_token_beside_them(self, keys: LiveKeyRing) -> None:
        tokens = issued(keys, reply_for())
        expected = access_token_hash(tokens.access_token.reveal(), "RS256")
        assert read_id(keys, tokens).claims["at_hash"] == expected

    def test_are_encrypted_to_a_client_that_wants_it(self, keys: LiveKeyRing) -> None:
        own = Key.generate("RSA-OAEP-256")
        assert isinstance(own, PrivateKey)
        client = encrypting("RSA-OAEP-256")
        tokens = issued(keys, reply_for(client), GivenKeys(anew=KeySet([own.public])))
        assert tokens.id_token is not None
        raw = tokens.id_token.reveal()
        assert verify(raw, keys.ring.published, ID_POLICY, now=NOW, decrypt_with=own).subject

    @pytest.mark.parametrize("client_keys", [None, GivenKeys(), GivenKeys(KeySet(()), KeySet(()))])
    def test_are_never_sent_in_the_open_when_there_is_no_key(
        self, keys: LiveKeyRing, client_keys: GivenKeys | None
    ) -> None:
        refusal = asyncio.run(issue(reply_for(encrypting("RSA-OAEP-256")), keys, client_keys))
        assert isinstance(refusal, Refusal)
        assert refusal.code is ErrorCode.TEMPORARILY_UNAVAILABLE

    def test_give_back_a_nonce_that_looks_like_a_card_number(self, keys: LiveKeyRing) -> None:
        tokens = issued(keys, reply_for(nonce="4111111111111111"))
        assert read_id(keys, tokens).claims["nonce"] == "4111111111111111"


class TestPairwiseClients:
    """OpenID Connect Core section 8.1."""

    def test_know_a_user_by_one_name_in_both_tokens_and_by_nobody_elses(
        self, keys: LiveKeyRing
    ) -> None:
        tokens = issued(keys, reply_for(replace(PUBLIC_CLIENT, settings=PAIRWISE)))
        subject = read_access(keys, tokens.access_token.reveal()).subject
        assert subject == read_id(keys, tokens).subject
        assert subject == keys.pairwise_subject("app.example", "u-alice")

    def test_are_themselves_the_subject_of_their_own_tokens(self, keys: LiveKeyRing) -> None:
        client = replace(PUBLIC_CLIENT, settings=PAIRWISE)
        token = build_access_token(ISSUER, client, API, ACCESS, None, (), SLOT, now=NOW, jti="j")
        tokens = issued(keys, TokenReply(token, 300, ()))
        assert read_access(keys, tokens.access_token.reveal()).subject == "app"


def encrypting(alg: str) -> Client:
    settings = ClientSettings(id_token_encryption=Encryption(alg))
    return replace(PUBLIC_CLIENT, settings=settings)


def test_secrets_of_a_reply_stay_out_of_sight(keys: LiveKeyRing) -> None:
    tokens = issued(keys, reply_for())
    assert tokens.access_token.reveal() not in repr(tokens)
