"""The key ring: what signs, what is published, and what stays inside."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from lingpai.jose.key_set import KeySet
from lingpai.jose.keys import PrivateKey
from lingpai.jwt.policy import Policy
from lingpai.jwt.verify import verify
from lingpai_server.core.records import KeyState, StoredKey
from lingpai_server.core.secret import Secret
from lingpai_server.keys.making import SealedKeyMaker
from lingpai_server.keys.ring import KeyRing, NoRefreshKey, open_ring
from lingpai_server.keys.sealing import SealBroken, SealingKey

SEALING = SealingKey(Secret(bytes(32)))
MAKER = SealedKeyMaker(SEALING)
API = "https://api.example"


def in_state(key: StoredKey, state: KeyState, *, created_at: int = 0) -> StoredKey:
    return dataclasses.replace(key, state=state, created_at=created_at)


def ring_of(*keys: StoredKey) -> KeyRing:
    return open_ring((MAKER.make_refresh_key(1, now=0), *keys), SEALING)


def published(ring: KeyRing) -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = json.loads(ring.jwks)["keys"]
    return members


@pytest.mark.parametrize(
    ("state", "signs", "shown"),
    [
        (KeyState.NEXT, False, True),
        (KeyState.ACTIVE, True, True),
        (KeyState.RETIRING, False, True),
        (KeyState.RETIRED, False, False),
    ],
)
def test_state_says_who_signs_and_who_is_published(
    state: KeyState, signs: bool, shown: bool
) -> None:
    ring = ring_of(in_state(MAKER.make_signing_key("ES256", now=0), state))
    assert ("ES256" in ring.algorithms) is signs
    assert (len(published(ring)) == 1) is shown


def test_newest_active_key_signs_and_the_older_stays_published() -> None:
    old = MAKER.make_signing_key("ES256", now=1)
    new = MAKER.make_signing_key("ES256", now=2)
    ring = ring_of(new, old)
    assert ring.key_for("ES256", API).kid == new.kid
    assert {key["kid"] for key in published(ring)} == {old.kid, new.kid}


def test_published_keys_hold_no_private_member_and_say_their_use() -> None:
    ring = ring_of(MAKER.make_signing_key("ES256", now=0), MAKER.make_signing_key("RS256", now=0))
    for key in published(ring):
        assert key["use"] == "sig"
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"}


def test_api_secret_is_never_published() -> None:  # RFC 8725 section 3.5
    stored, _ = MAKER.make_api_secret(API, "HS256", now=0)
    ring = ring_of(stored)
    assert published(ring) == []
    assert ring.key_for("HS256", API).kid == stored.kid


def test_secret_of_one_api_signs_for_no_other() -> None:
    stored, _ = MAKER.make_api_secret(API, "HS256", now=0)
    with pytest.raises(LookupError):
        ring_of(stored).key_for("HS256", "https://other.example")


def test_jwk_handed_out_verifies_what_the_api_secret_signs() -> None:
    from lingpai.jose.keys import Key
    from lingpai.jwt.issue import sign

    stored, jwk = MAKER.make_api_secret(API, "HS256", now=0)
    claims = {"iss": "https://id.example", "aud": API, "exp": 2}
    raw = sign(claims, ring_of(stored).key_for("HS256", API), typ="at+jwt")
    policy = Policy(issuer="https://id.example", audience=API, typ="at+jwt")
    assert verify(raw, Key.from_jwk(jwk.reveal()), policy, now=1).claims == claims


def test_published_set_verifies_what_the_ring_signs() -> None:
    from lingpai.jwt.issue import sign

    ring = ring_of(MAKER.make_signing_key("RS256", now=0))
    claims = {"iss": "https://id.example", "aud": API, "exp": 2}
    raw = sign(claims, ring.key_for("RS256", API), typ="at+jwt")
    policy = Policy(issuer="https://id.example", audience=API, typ="at+jwt")
    assert verify(raw, KeySet.from_jwks(ring.jwks), policy, now=1).claims == claims


def test_etag_changes_with_the_published_keys_alone() -> None:
    key = MAKER.make_signing_key("ES256", now=0)
    secret, _ = MAKER.make_api_secret(API, "HS256", now=0)
    assert ring_of(key).jwks_etag == ring_of(key, secret).jwks_etag
    assert ring_of(key).jwks_etag != ring_of().jwks_etag


def test_newest_active_refresh_key_makes_new_families_and_all_open_tokens() -> None:
    keys = [MAKER.make_refresh_key(version, now=version) for version in (1, 2, 3)]
    keys[2] = in_state(keys[2], KeyState.NEXT)
    refresh = open_ring(keys, SEALING).refresh_keys
    assert refresh.current == 2
    assert set(refresh.secrets) == {1, 2, 3}


def test_ring_without_refresh_key_is_none() -> None:
    with pytest.raises(NoRefreshKey):
        open_ring([MAKER.make_signing_key("ES256", now=0)], SEALING)


def test_row_that_claims_another_algorithm_than_its_key_is_refused() -> None:
    row = dataclasses.replace(MAKER.make_signing_key("ES256", now=0), algorithm="RS256")
    with pytest.raises(SealBroken):
        ring_of(row)


def test_nothing_of_a_stored_key_or_ring_shows_a_secret() -> None:
    stored, jwk = MAKER.make_api_secret(API, "HS256", now=0)
    secret = json.loads(jwk.reveal())["k"]
    shown = f"{stored!r} {jwk!r} {ring_of(stored)!r}"
    assert secret not in shown
    assert "sealed" not in shown


def test_signing_key_is_private_and_named_by_its_thumbprint() -> None:  # RFC 7638
    key = ring_of(MAKER.make_signing_key("ES256", now=0)).key_for("ES256", API)
    assert isinstance(key, PrivateKey)
    assert key.kid == key.thumbprint()
