"""The benchmark is fair: every library is asked the same checks, and makes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from bench.material import SIGNATURES, TYP, make_claims, make_material
from bench.peers import PEERS, Lacks, Peer
from bench.tokens import OPERATIONS, RAW, own_token, prepare

from lingpai import Key, sign

MATERIAL = make_material()
# What a library does not have; all else is compared, and must work.
GAPS = {
    ("python-jose", "Ed25519"),
    ("python-jose", "ECDH-ES+A128KW"),
    *(
        (name, alg)
        for name in ("PyJWT", "oxyjwt")
        for alg in ("dir", "ECDH-ES+A128KW", "RSA-OAEP-256")
    ),
}
LIBRARIES = [peer for peer in PEERS if peer.name != RAW]


def _sign(claims: dict[str, Any], *, typ: str = TYP) -> str:
    key: Any = Key.from_jwk(MATERIAL.keys["HS256"])
    return sign(claims, key, typ=typ)


def _claims(**changed: Any) -> dict[str, Any]:
    merged = {**make_claims(int(time.time())), **changed}
    return {name: value for name, value in merged.items() if value is not None}


def _verifier(peer: Peer) -> Callable[[str], object]:
    return peer.verifier("HS256", MATERIAL)


BAD = {
    "signature": lambda: f"{_sign(_claims())[:-4]}AAAA",
    "issuer": lambda: _sign(_claims(iss="https://id.example/")),
    "audience": lambda: _sign(_claims(aud="https://notes.example")),
    "expired": lambda: _sign(_claims(exp=int(time.time()) - 10)),
    "no exp": lambda: _sign(_claims(exp=None)),
    "typ": lambda: _sign(_claims(), typ="logout+jwt"),
}


@pytest.mark.parametrize("what", BAD)
@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_every_library_makes_the_same_check(peer: Peer, what: str) -> None:
    verify = _verifier(peer)
    verify(_sign(_claims()))
    with pytest.raises(Exception):  # noqa: B017 - each library has errors of its own
        verify(BAD[what]())


@pytest.mark.parametrize("algorithm", SIGNATURES)
@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_every_library_returns_the_claims(peer: Peer, algorithm: str) -> None:
    if (peer.name, algorithm) in GAPS:
        with pytest.raises(Lacks):
            peer.verifier(algorithm, MATERIAL)
        return
    found: Any = peer.verifier(algorithm, MATERIAL)(own_token(algorithm, peer, MATERIAL))
    assert dict(getattr(found, "claims", found)) == MATERIAL.claims


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_signing_leaves_the_common_claims_alone(peer: Peer) -> None:
    before = dict(MATERIAL.claims)
    peer.signer("HS256", MATERIAL)(MATERIAL.claims)
    assert before == MATERIAL.claims


@pytest.mark.parametrize("algorithm", ["dir", "ECDH-ES+A128KW", "RSA-OAEP-256"])
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_every_library_decrypts_the_common_token(peer: Peer, algorithm: str) -> None:
    if (peer.name, algorithm) in GAPS:
        with pytest.raises(Lacks):
            prepare("decrypt", algorithm, peer, MATERIAL)
        return
    call, raw = prepare("decrypt", algorithm, peer, MATERIAL)
    assert call(raw) == MATERIAL.payload


def test_the_floor_and_ours_are_there_for_every_operation() -> None:
    ours, floor = PEERS[0], PEERS[-1]
    for operation in OPERATIONS:
        algorithm = "dir" if operation.endswith("crypt") else "HS256"
        call, argument = prepare(operation, algorithm, ours, MATERIAL)
        call(argument)
        if operation != "verify again":
            call, argument = prepare(operation, algorithm, floor, MATERIAL)
            call(argument)
