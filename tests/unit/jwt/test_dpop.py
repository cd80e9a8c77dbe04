"""DPoP proofs: the checks of RFC 9449 section 4.3, each on both sides."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from tests.support.proofs import TOKEN, URL, check, forge, key, proof, public_jwk, refused
from tests.support.tokens import (
    NOW,
    POLICY,
    decode,
    encode,
    private_key,
    seal,
    secret_key,
    token,
)

from lingpai import Key, errors
from lingpai.jose.keys import PrivateKey
from lingpai.jwt import dpop
from lingpai.jwt.dpop import make_proof
from lingpai.jwt.verify import verify

# --- a good proof -------------------------------------------------------------------------------


def test_a_good_proof_names_its_key() -> None:
    assert check(proof()).jkt == key().thumbprint()


def test_a_good_proof_says_what_to_remember_and_until_when() -> None:  # RFC 9449 section 11.1
    found = check(proof(), max_age_seconds=30, leeway_seconds=5)
    assert found.jti == "p-1"
    assert found.remember_until == NOW + 35
    check(proof(), now=found.remember_until, max_age_seconds=30, leeway_seconds=5)
    refused(
        proof(), "s ago", now=found.remember_until + 0.001, max_age_seconds=30, leeway_seconds=5
    )


def test_the_replay_key_is_of_one_length_and_tells_keys_and_names_apart() -> None:
    other = private_key("ES384")
    head = {"typ": "dpop+jwt", "alg": "ES384", "jwk": public_jwk(other)}
    body = {"jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW}
    found = {
        check(proof()).replay_key,
        check(proof(jti="p-2")).replay_key,
        check(proof(jti="x" * 512)).replay_key,
        check(forge(head, body, other)).replay_key,
    }
    assert len(found) == 4
    assert {len(each) for each in found} == {43}


def test_the_same_proof_again_has_the_same_replay_key() -> None:
    assert check(proof()).replay_key == check(proof(iat=NOW + 1)).replay_key


@pytest.mark.parametrize("alg", sorted(dpop.DPOP_ALGORITHMS))
def test_a_made_proof_is_a_good_one(alg: str) -> None:
    made = make_proof(private_key(alg), method="GET", url=URL, now=NOW, jti="j")
    assert check(made, method="GET").jkt == private_key(alg).thumbprint()


def test_a_made_proof_carries_the_tokens_hash_and_the_nonce() -> None:
    made = make_proof(key(), method="GET", url=URL, now=NOW, jti="j", access_token=TOKEN, nonce="n")
    assert check(made, method="GET", access_token=TOKEN, nonce="n").nonce == "n"


def test_the_hash_is_that_of_the_standard() -> None:  # RFC 9449 section 4.2 and figure 12
    assert dpop.access_token_hash(TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_the_example_of_the_standard_is_accepted() -> None:  # RFC 9449 figures 2 and 3
    raw = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0Vj"
        "NoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10Nn"
        "Y5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiU"
        "E9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-"
        "GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    found = check(raw, url="https://server.example.com/token", now=1562262616)
    assert found.jti == "-BwC3ESc6acc2lTc"
    assert found.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449 figure 9


def test_a_proof_and_its_token_go_together() -> None:  # RFC 9449 section 7.1
    bound = token(cnf={"jkt": key().thumbprint()})
    found = check(proof(ath=dpop.access_token_hash(bound)), access_token=bound)
    verify(bound, secret_key(), POLICY, now=NOW, jkt=found.jkt)


def test_a_proof_of_another_key_does_not_open_the_token() -> None:  # jkt mismatch
    bound = token(cnf={"jkt": private_key("ES384").thumbprint()})
    found = check(proof(ath=dpop.access_token_hash(bound)), access_token=bound)
    with pytest.raises(errors.InvalidProof):
        verify(bound, secret_key(), POLICY, now=NOW, jkt=found.jkt)


# --- shape, header and key ------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["", "x", "a.b.c", "....", f"{proof()} ", b"\xff", "é.a.b"])
def test_what_is_no_token_is_refused(raw: str | bytes) -> None:
    refused(raw, "refused")


def test_two_proofs_in_one_header_are_refused() -> None:  # RFC 9449 section 4.3, check 1
    refused(f"{proof()}, {proof()}", "refused")


def test_an_endless_proof_is_refused() -> None:
    refused(proof(x="a" * 9000), "8192")


@pytest.mark.parametrize("typ", [..., "JWT", "at+jwt", "dpop", ""])
def test_another_typ_is_refused(typ: object) -> None:  # check 4
    refused(proof({"typ": typ}), "typ")


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "HS256", "RS256", "es256", "EdDSA", "x"])
def test_an_algorithm_that_is_not_accepted_is_refused(alg: str) -> None:  # check 5
    refused(proof({"alg": alg}), "alg is")


@pytest.mark.parametrize("alg", [..., None, 1, "", ["ES256"]], ids=str)
def test_a_header_without_an_algorithm_is_refused(alg: object) -> None:
    refused(proof({"alg": alg}), "alg")


def test_an_algorithm_may_be_accepted_by_choice() -> None:
    pair = private_key("RS256")
    made = make_proof(pair, method="POST", url=URL, now=NOW, jti="j")
    refused(made, "RS256")
    check(made, allowed_algorithms=("ES256", "RS256"))


def test_the_deprecated_name_is_accepted_by_choice() -> None:  # RFC 9864
    pair = private_key("Ed25519")
    head = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": public_jwk(pair)}
    raw = forge(head, {"jti": "p", "htm": "POST", "htu": URL, "iat": NOW}, pair)
    refused(raw, "alg is 'EdDSA'")
    check(raw, allowed_algorithms=("EdDSA",))


@pytest.mark.parametrize("name", ["HS256", "none", "RSA-OAEP", "dir", ""])
def test_only_asymmetric_signatures_can_be_chosen(name: str) -> None:
    with pytest.raises(ValueError, match="asymmetric"):
        check(proof(), allowed_algorithms=("ES256", name))


@pytest.mark.parametrize("jwk", [..., None, "x", [], 1], ids=str)
def test_a_proof_without_its_key_is_refused(jwk: object) -> None:
    refused(proof({"jwk": jwk}), "no jwk")


@pytest.mark.parametrize("jwk", [{}, {"kty": "EC"}, {"kty": "x"}, {"kty": 1}], ids=str)
def test_a_key_that_is_none_is_refused(jwk: object) -> None:
    refused(proof({"jwk": jwk}), "jwk is refused")


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"])
def test_a_private_member_is_refused(name: str) -> None:  # check 7
    refused(proof({"jwk": public_jwk() | {name: "AAAA"}}), "private")


def test_a_whole_private_key_is_refused() -> None:
    refused(proof({"jwk": key().to_jwk(private=True)}), "private")


def test_a_symmetric_key_is_refused() -> None:
    jwk = secret_key().to_jwk(private=True)
    raw = seal({"typ": "dpop+jwt", "alg": "HS256", "jwk": jwk}, {"jti": "p"})
    refused(raw, "alg is 'HS256'")
    refused(proof({"jwk": jwk}), "private or a symmetric")


def test_a_key_off_the_curve_is_refused() -> None:
    refused(proof({"jwk": public_jwk() | {"y": public_jwk()["x"]}}), "jwk is refused")


def test_a_weak_key_is_refused() -> None:
    modulus = encode((2**1023 + 1).to_bytes(128, "big"))
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB"}
    refused(proof({"alg": "PS256", "jwk": jwk}), "1024 bits")


@pytest.mark.parametrize(
    "members",
    [{"use": "enc"}, {"key_ops": ["sign"]}, {"alg": "ES384"}, {"alg": 1}, {"kid": 1}],
    ids=str,
)
def test_a_key_that_says_it_is_for_something_else_is_refused(members: dict[str, Any]) -> None:
    refused(proof({"jwk": public_jwk() | members}), "jwk is refused")


def test_a_key_may_say_that_it_is_for_this() -> None:
    members = {"use": "sig", "key_ops": ["verify"], "alg": "ES256", "kid": "k", "ext": True}
    check(proof({"jwk": public_jwk() | members}))


def test_an_algorithm_that_is_not_the_keys_is_refused() -> None:
    refused(proof({"alg": "ES384"}), "jwk is refused")


def test_the_key_of_someone_else_is_refused() -> None:  # check 6
    refused(proof({"jwk": public_jwk(another())}), "signature")


def another() -> PrivateKey:
    pair = Key.generate("ES256")
    assert isinstance(pair, PrivateKey)
    return pair


def test_a_changed_claim_is_refused() -> None:
    head, _, signature = proof().split(".")
    other = proof(htm="GET").split(".")[1]
    refused(f"{head}.{other}.{signature}", "signature")


def test_an_unsigned_proof_is_refused() -> None:
    refused(proof().rpartition(".")[0] + ".", "signature")


def test_key_references_are_not_followed() -> None:  # RFC 8725 section 3.10
    refused(proof({"jwk": ..., "jku": "https://evil.example/jwks", "kid": "k"}), "no jwk")


def test_an_unknown_critical_extension_is_refused() -> None:
    refused(proof({"crit": ["x"], "x": 1}), "crit")


# --- claims -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [..., None], ids=str)
def test_a_missing_claim_is_refused(name: str, value: Any) -> None:  # check 3
    refused(proof(**{name: value}), name)


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [True, [], {}, ["x"], ""], ids=str)
def test_a_claim_of_another_type_is_refused(name: str, value: Any) -> None:
    refused(proof(**{name: value}), name)


@pytest.mark.parametrize("payload", [b"[]", b"1", b"", b'{"jti":"a","jti":"b"}', b"\xff"])
def test_a_payload_that_is_no_strict_object_is_refused(payload: bytes) -> None:
    refused(forge({"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk()}, payload), "payload")


def test_a_name_longer_than_any_needs_to_be_is_refused() -> None:
    check(proof(jti="x" * dpop.MAX_JTI_CHARACTERS))
    refused(proof(jti="x" * (dpop.MAX_JTI_CHARACTERS + 1)), "jti has 513")


@pytest.mark.parametrize("htm", ["GET", "post", "Post", "POST ", "*"])
def test_another_method_is_refused(htm: str) -> None:  # check 8; methods are case-sensitive
    refused(proof(htm=htm), "htm is")


def test_a_proof_may_be_a_minute_old_and_no_more() -> None:  # check 11
    check(proof(iat=NOW - 70))
    refused(proof(iat=NOW - 71), "ago")


def test_a_proof_may_be_ten_seconds_ahead_and_no_more() -> None:  # check 11
    check(proof(iat=NOW + 10))
    refused(proof(iat=NOW + 11), "ahead")


def test_a_fraction_of_iat_counts() -> None:
    refused(proof(iat=NOW + 10.5), "ahead")


@pytest.mark.parametrize("iat", ["1800000000", 10**300, -(10**300), 1e300])
def test_a_moment_that_is_none_is_refused(iat: Any) -> None:
    refused(proof(iat=iat), "iat")


def test_exp_and_nbf_count_where_a_client_adds_them() -> None:  # RFC 7519 sections 4.1.4, 4.1.5
    refused(proof(exp=NOW - 10), "exp")
    refused(proof(nbf=NOW + 11), "nbf")
    check(proof(exp=NOW - 9, nbf=NOW + 10))


def test_other_claims_are_no_harm() -> None:  # RFC 7519 section 4
    check(proof(iss="x", aud=["y"], cnf={"jkt": "x"}, status={}, custom=1))


def test_the_proof_must_carry_the_hash_of_the_token() -> None:  # check 12
    ath = base64.urlsafe_b64encode(hashlib.sha256(TOKEN.encode()).digest()).rstrip(b"=").decode()
    check(proof(ath=ath), access_token=TOKEN)


@pytest.mark.parametrize("ath", [..., None, "", "x", 1, TOKEN, ["x"]], ids=str)
def test_without_the_hash_of_the_token_it_is_refused(ath: object) -> None:  # check 12
    refused(proof(ath=ath), "ath", access_token=TOKEN)


def test_the_hash_of_another_token_is_refused() -> None:
    refused(proof(ath=dpop.access_token_hash(TOKEN)), "ath", access_token=TOKEN + "x")


@pytest.mark.parametrize("nonce", [..., "old", ""], ids=str)
def test_without_the_servers_nonce_another_try_is_asked_for(nonce: object) -> None:  # check 10
    with pytest.raises(errors.ProofNonceMismatch) as refusal:
        check(proof(nonce=nonce), nonce="new")
    assert refusal.value.code == "proof_nonce_mismatch"


@pytest.mark.parametrize("nonce", [1, ["new"], {"new": 1}, True], ids=str)
def test_a_nonce_that_is_no_text_is_refused(nonce: object) -> None:
    refused(proof(nonce=nonce), "nonce is not a string")
    refused(proof(nonce=nonce), "nonce is not a string", nonce=["new"])


def test_a_server_may_still_accept_the_nonce_before() -> None:  # RFC 9449 section 8
    for nonce in ("new", "before"):
        assert check(proof(nonce=nonce), nonce=("new", "before")).nonce == nonce
    with pytest.raises(errors.ProofNonceMismatch):
        check(proof(nonce="long ago"), nonce=("new", "before"))


def test_a_nonce_that_nobody_asked_for_is_no_harm() -> None:
    assert check(proof(nonce="n")).nonce == "n"


# --- making -------------------------------------------------------------------------------------


def test_a_secret_or_a_public_key_makes_no_proof() -> None:
    for wrong in (secret_key(), key().public):
        given: Any = wrong
        with pytest.raises(TypeError):
            make_proof(given, method="GET", url=URL, now=NOW, jti="j")


def test_an_encryption_key_makes_no_proof() -> None:
    pair = private_key("ECDH-ES")
    with pytest.raises(errors.InvalidKey):
        make_proof(pair, method="GET", url=URL, now=NOW, jti="j")


def test_no_proof_is_made_for_what_is_no_http_uri() -> None:
    with pytest.raises(ValueError, match="http"):
        make_proof(key(), method="GET", url="orders", now=NOW, jti="j")


def test_a_made_proof_has_the_header_of_the_standard() -> None:  # RFC 9449 section 4.2
    raw = make_proof(key(), method="GET", url=URL, now=NOW, jti="j")
    head = json.loads(decode(raw.partition(".")[0]))
    assert head == {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk()}


def test_a_made_proof_has_the_claims_of_the_standard() -> None:  # RFC 9449 section 4.2
    raw = make_proof(key(), method="GET", url=f"{URL}?a=1#b", now=NOW, jti="j")
    body = json.loads(decode(raw.split(".")[1]))
    assert body == {"jti": "j", "htm": "GET", "htu": URL, "iat": NOW}
