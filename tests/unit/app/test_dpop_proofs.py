"""DPoP at the issuer: RFC 9449 section 4.3 breach by breach, nonces, and single use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support import proofs as dpop
from tests.support.assertions import assertion, signing_client
from tests.support.house import ISSUER, House
from tests.support.proof_desk import PUBLIC, URL, Desk, asserting, proven, refused
from tests.support.tokens import NOW, encode, private_key

from lingpai_server.protocol.errors import ErrorCode, Refusal
from lingpai_server.protocol.requests import Arrival, Sender


@pytest.fixture
def desk() -> Iterator[Desk]:
    house = House()
    yield Desk(house)
    house.close()


def _proof(header: dict[str, Any] | None = None, /, **changes: Any) -> str:
    return dpop.proof(header, **({"htu": URL} | changes))


def test_a_proof_names_the_key_of_the_sender(desk: Desk) -> None:
    answer = proven(desk.with_proof(_proof()))
    assert answer.sender == Sender(jkt=dpop.key().thumbprint())
    assert answer.dpop_nonce is None


def _bad_proofs() -> dict[str, str]:
    """The list of RFC 9449 section 4.3, one breach each."""
    jwk = dpop.public_jwk()
    private = dpop.key().to_jwk(private=True)
    head, body, _ = _proof().split(".")
    unsigned = encode(b'{"typ":"dpop+jwt","alg":"none"}')
    return {
        "malformed": "not-a-jwt",
        "two in one header": f"{_proof()}, {_proof(jti='p-2')}",
        "no typ": _proof({"typ": ...}),
        "wrong typ": _proof({"typ": "JWT"}),
        "no alg": _proof({"alg": ...}),
        "alg none": f"{unsigned}.{body}.",
        "alg HS256": _proof({"alg": "HS256"}),
        "alg RS256": _proof({"alg": "RS256"}),
        "no jwk": _proof({"jwk": ...}),
        "private jwk": _proof({"jwk": private}),
        "another jwk": _proof({"jwk": dpop.public_jwk(private_key("ES384"))}),
        "symmetric jwk": _proof({"jwk": {"kty": "oct", "k": "AAAA"}}),
        "jwk without a coordinate": _proof({"jwk": {k: v for k, v in jwk.items() if k != "y"}}),
        "bad signature": f"{head}.{body}.{encode(bytes(64))}",
        "no signature": f"{head}.{body}.",
        "no jti": _proof(jti=...),
        "empty jti": _proof(jti=""),
        "no htm": _proof(htm=...),
        "wrong htm": _proof(htm="GET"),
        "htm in lower case": _proof(htm="post"),
        "no htu": _proof(htu=...),
        "wrong host": _proof(htu="https://evil.example/token"),
        "wrong path": _proof(htu=f"{ISSUER}/par"),
        "wrong scheme": _proof(htu="http://id.example/token"),
        "no iat": _proof(iat=...),
        "iat as text": _proof(iat=str(NOW)),
        "stale": _proof(iat=NOW - 71),
        "in the future": _proof(iat=NOW + 61),
        "a little in the future": _proof(iat=NOW + 11),
        "nonce not text": _proof(nonce=7),
    }


@pytest.mark.parametrize("breach", list(_bad_proofs()))
def test_a_bad_proof_isrefused(desk: Desk, breach: str) -> None:  # RFC 9449 section 4.3
    before = desk.house.version()
    answer = desk.with_proof(_bad_proofs()[breach])
    assert refused(answer)[0] is ErrorCode.INVALID_DPOP_PROOF
    assert desk.house.version() == before


@pytest.mark.parametrize("offset", [-70, -10, 10])
def test_clocks_may_differ_a_little(desk: Desk, offset: int) -> None:
    proven(desk.with_proof(_proof(iat=NOW + offset)))


@pytest.mark.parametrize(
    "htu",
    [f"{URL}?a=b", f"{URL}#c", "HTTPS://ID.example:443/token", f"{ISSUER}/%74oken"],
)
def test_the_address_is_compared_in_its_normal_form(desk: Desk, htu: str) -> None:  # section 4.3
    proven(desk.with_proof(_proof(htu=htu)))


def test_two_headers_arerefused(desk: Desk) -> None:  # RFC 9449 section 4.3, check 1
    answer = desk.with_proof(_proof(), _proof(jti="p-2"))
    assert refused(answer) == (ErrorCode.INVALID_DPOP_PROOF, "dpop_header_repeated")


def test_a_proof_is_good_once(desk: Desk) -> None:  # RFC 9449 section 11.1
    raw = _proof()
    proven(desk.with_proof(raw))
    expected = (ErrorCode.INVALID_DPOP_PROOF, "dpop_proof_replayed")
    assert refused(desk.with_proof(raw)) == expected


def test_a_proof_stays_spent_until_its_age_refuses_it(desk: Desk) -> None:
    raw = _proof()
    proven(desk.with_proof(raw))
    asyncio.run(desk.house.store.remove_expired(NOW + 70, 100))
    late = replace(desk, now=NOW + 70)
    assert refused(late.with_proof(raw))[1] == "dpop_proof_replayed"
    asyncio.run(desk.house.store.remove_expired(NOW + 72, 100))
    assert "s ago" in refused(replace(desk, now=NOW + 72).with_proof(raw))[1]


def test_a_replayed_proof_costs_no_assertion(desk: Desk) -> None:
    desk.add(signing_client())
    raw, signed = _proof(), assertion()
    proven(desk.with_proof(raw))
    answer = desk.prove(asserting(signed), Arrival(dpop=(raw,)))
    assert refused(answer)[1] == "dpop_proof_replayed"
    proven(desk.prove(asserting(signed)))


@pytest.mark.parametrize("alg", ["PS384", "ES384", "ES512", "Ed448"])
def test_the_strict_profile_takes_three_algorithms(desk: Desk, alg: str) -> None:  # FAPI 2.0 5.4
    desk.add(signing_client(profile="fapi2"))
    pair = private_key(alg)
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": dpop.public_jwk(pair)}
    raw = dpop.forge(head, {"jti": "p", "htm": "POST", "htu": URL, "iat": NOW}, pair)
    if alg != "Ed448":  # whose JWK members the helper above does not know
        proven(desk.with_proof(raw))
    answer = desk.prove(asserting(assertion()), Arrival(dpop=(raw,)))
    assert refused(answer)[0] is ErrorCode.INVALID_DPOP_PROOF


# nonces


def _nonce(desk: Desk) -> str:
    asking = replace(desk, require_dpop_nonce=True)
    answer = asking.with_proof(_proof(jti="asks-for-a-nonce"))
    assert isinstance(answer, Refusal)
    assert answer.code is ErrorCode.USE_DPOP_NONCE
    assert answer.dpop_nonce is not None
    return answer.dpop_nonce


def test_a_proof_without_the_nonce_that_is_wanted_gets_one_to_try_again(desk: Desk) -> None:
    asking = replace(desk, require_dpop_nonce=True)
    answer = proven(asking.with_proof(_proof(nonce=_nonce(desk))))
    assert answer.dpop_nonce is not None  # section 8.2: the next one comes with the answer


def test_asking_for_a_nonce_spends_nothing(desk: Desk) -> None:
    before = desk.house.version()
    _nonce(desk)
    assert desk.house.version() == before


def test_no_nonce_is_asked_of_a_request_without_a_proof(desk: Desk) -> None:
    proven(replace(desk, require_dpop_nonce=True).prove(PUBLIC))


@pytest.mark.parametrize("nonce", ["", "made-up", "令牌"])
def test_a_nonce_that_is_not_ours_is_refused_even_where_none_is_wanted(
    desk: Desk, nonce: str
) -> None:
    answer = desk.with_proof(_proof(nonce=nonce))
    assert refused(answer)[0] is ErrorCode.USE_DPOP_NONCE


def test_a_nonce_is_good_for_five_minutes(desk: Desk) -> None:
    nonce = _nonce(desk)
    proven(replace(desk, now=NOW + 300).with_proof(_proof(nonce=nonce, iat=NOW + 300)))
    late = replace(desk, now=NOW + 301).with_proof(_proof(nonce=nonce, iat=NOW + 301, jti="late"))
    assert refused(late)[0] is ErrorCode.USE_DPOP_NONCE


def test_a_ticket_of_another_kind_is_no_nonce(desk: Desk) -> None:
    ticket = desk.house.keys.seal_ticket("authorize", {"at": NOW})
    assert refused(desk.with_proof(_proof(nonce=ticket)))[0] is ErrorCode.USE_DPOP_NONCE
