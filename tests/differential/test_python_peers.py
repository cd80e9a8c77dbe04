"""PyJWT, joserfc and jwcrypto: what they make is accepted here, and what is made here by them."""

from __future__ import annotations

import pytest
from tests.support.jose_keys import ALLOW, ENCS, cheap_header, key_for, sealing_key
from tests.support.peers import ECDH, PYTHON_PEERS, Refused, bare
from tests.support.tokens import NOW, POLICY, claims, part

from lingpai import Key, errors, sign
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.keys import PrivateKey, SecretKey
from lingpai.jwt.verify import verify

# joserfc warns of names and of RSA-OAEP's SHA-1, which are here on purpose
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")

SIGNING = [(name, alg) for name, peer in PYTHON_PEERS.items() for alg in peer.signs]
OWN_NAMES = [(name, alg) for name, alg in SIGNING if alg != "EdDSA"]  # never written here, RFC 9864
ENCRYPTING = [
    (name, alg, enc, curve)
    for name, peer in PYTHON_PEERS.items()
    for alg in peer.encrypts
    for enc in ENCS
    for curve in (peer.curves if alg in ECDH else (None,))
]
TEXT = b"The true sign of intelligence is not knowledge but imagination."


def legacy_key(curve: str) -> Key:
    """A key that also answers to the deprecated name."""
    return Key.from_jwk(key_for(curve).to_jwk(private=True), allow=(*ALLOW, "EdDSA"))


@pytest.mark.parametrize(("name", "alg"), SIGNING)
def test_what_a_peer_signs_is_accepted(name: str, alg: str) -> None:
    for each in ("Ed25519", "Ed448") if alg == "EdDSA" else (alg,):
        key = legacy_key(each) if alg == "EdDSA" else key_for(each)
        raw = PYTHON_PEERS[name].sign(bare(key.to_jwk(private=True)), alg, part(claims()))
        assert verify(raw, key, POLICY, now=NOW).claims == claims()


@pytest.mark.parametrize(("name", "alg"), OWN_NAMES)
def test_what_is_signed_here_is_accepted_by_the_peer(name: str, alg: str) -> None:
    key = key_for(alg)
    raw = sign(claims(), key, typ="at+jwt")
    public = bare(key.to_jwk(private=isinstance(key, SecretKey)))
    assert b'"jti":"token-1"' in PYTHON_PEERS[name].verify(public, alg, raw)


@pytest.mark.parametrize(("name", "alg"), OWN_NAMES)
def test_a_changed_token_is_refused_by_both(name: str, alg: str) -> None:
    key = key_for(alg)
    head, _, signature = sign(claims(), key, typ="at+jwt").split(".")
    other = sign(claims(sub="admin"), key, typ="at+jwt").split(".")[1]
    changed = f"{head}.{other}.{signature}"
    public = bare(key.to_jwk(private=isinstance(key, SecretKey)))
    with pytest.raises(Refused):
        PYTHON_PEERS[name].verify(public, alg, changed)
    with pytest.raises(errors.SignatureInvalid):
        verify(changed, key, POLICY, now=NOW)


def make_key(alg: str, enc: str, curve: str | None) -> PrivateKey | SecretKey:
    return key_for(alg, curve) if curve else sealing_key(alg, enc)


@pytest.mark.parametrize(("name", "alg", "enc", "curve"), ENCRYPTING)
def test_encryption_goes_both_ways(name: str, alg: str, enc: str, curve: str | None) -> None:
    key = make_key(alg, enc, curve)
    peer, private = PYTHON_PEERS[name], bare(key.to_jwk(private=True))
    header = {"alg": alg, "enc": enc, **cheap_header(alg)}
    public = private if isinstance(key, SecretKey) else bare(key.to_jwk())
    assert decrypt_compact(peer.encrypt(public, header, TEXT), key)[1] == TEXT
    ours = encrypt_compact(TEXT, key.public, enc=enc, header=cheap_header(alg))
    assert peer.decrypt(private, alg, ours) == TEXT
