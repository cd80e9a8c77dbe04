"""jose for JavaScript: what it makes is accepted here, and what is made here by it.

All its work is done by one process, which each test then asks for its own answers.
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

import pytest
from tests.support.jose_keys import ALLOW, ENCS, cheap_header, key_for, sealing_key
from tests.support.peers import ECDH, JavaScriptJose, Refused, as_text, bare
from tests.support.tokens import NOW, POLICY, claims, part

from lingpai import Key, errors, sign
from lingpai.jose.jwe import decrypt_compact, encrypt_compact
from lingpai.jose.keys import PrivateKey, SecretKey
from lingpai.jwt.dpop import check_proof, make_proof
from lingpai.jwt.verify import verify

pytestmark = pytest.mark.process

SIGNING = JavaScriptJose.signs
OWN_NAMES = tuple(alg for alg in SIGNING if alg != "EdDSA")  # never written here, RFC 9864
ENCRYPTING = [
    (alg, enc, curve)
    for alg in JavaScriptJose.encrypts
    for enc in ENCS
    for curve in (JavaScriptJose.curves if alg in ECDH else (None,))
]
TEXT = "剑外忽传收蓟北，初闻涕泪满衣裳。".encode()

Job = dict[str, Any]
Question = tuple[str, ...]


def signing_key(alg: str) -> Key:
    if alg != "EdDSA":
        return key_for(alg)
    return Key.from_jwk(key_for("Ed25519").to_jwk(private=True), allow=(*ALLOW, "EdDSA"))


def make_key(alg: str, enc: str, curve: str | None) -> PrivateKey | SecretKey:
    return key_for(alg, curve) if curve else sealing_key(alg, enc)


def private(key: Key) -> dict[str, Any]:
    return bare(key.to_jwk(private=True))


def shared(key: Key) -> dict[str, Any]:
    """What the other side has: the public half, or the same secret."""
    return bare(key.to_jwk(private=isinstance(key, SecretKey)))


def signing_jobs(alg: str) -> dict[Question, Job]:
    key, members = signing_key(alg), {"alg": alg, "typ": "at+jwt"}
    jobs: dict[Question, Job] = {
        ("sign", alg): {
            "op": "sign",
            "jwk": private(key),
            "header": members,
            "payload": as_text(part(claims())),
        }
    }
    if alg in OWN_NAMES:
        raw = sign(claims(), key_for(alg), typ="at+jwt")
        check = {"op": "verify", "jwk": shared(key), "alg": alg}
        jobs["verify", alg] = check | {"token": raw}
        jobs["changed", alg] = check | {"token": changed(alg)}
    return jobs


@cache
def changed(alg: str) -> str:
    """The signature of one token under the claims of another."""
    head, _, signature = sign(claims(), key_for(alg), typ="at+jwt").split(".")
    other = sign(claims(sub="admin"), key_for(alg), typ="at+jwt").split(".")[1]
    return f"{head}.{other}.{signature}"


def sealing_jobs(alg: str, enc: str, curve: str | None) -> dict[Question, Job]:
    key = make_key(alg, enc, curve)
    header = {"alg": alg, "enc": enc, **cheap_header(alg)}
    ours = encrypt_compact(TEXT, key.public, enc=enc, header=cheap_header(alg))
    name = (alg, enc, curve or "")
    return {
        ("encrypt", *name): {
            "op": "encrypt",
            "jwk": shared(key),
            "header": header,
            "plaintext": as_text(TEXT),
        },
        ("decrypt", *name): {"op": "decrypt", "jwk": private(key), "alg": alg, "token": ours},
    }


@cache
def answers() -> dict[Question, bytes | str | Refused]:
    """Everything asked of it, once."""
    JavaScriptJose.find()  # before the keys are made
    jobs: dict[Question, Job] = {}
    for alg in SIGNING:
        jobs |= signing_jobs(alg)
    for alg, enc, curve in ENCRYPTING:
        jobs |= sealing_jobs(alg, enc, curve)
    return dict(zip(jobs, JavaScriptJose.run(list(jobs.values())), strict=True))


def text_of(question: Question) -> str:
    answer = answers()[question]
    assert isinstance(answer, str), answer
    return answer


@pytest.mark.parametrize("alg", SIGNING)
def test_what_javascript_signs_is_accepted(alg: str) -> None:
    assert verify(text_of(("sign", alg)), signing_key(alg), POLICY, now=NOW).claims == claims()


@pytest.mark.parametrize("alg", OWN_NAMES)
def test_what_is_signed_here_is_accepted_by_javascript(alg: str) -> None:
    answer = answers()["verify", alg]
    assert isinstance(answer, bytes), answer
    assert b'"jti":"token-1"' in answer


@pytest.mark.parametrize("alg", OWN_NAMES)
def test_a_changed_token_is_refused_by_both(alg: str) -> None:
    assert isinstance(answers()["changed", alg], Refused)
    with pytest.raises(errors.SignatureInvalid):
        verify(changed(alg), key_for(alg), POLICY, now=NOW)


@pytest.mark.parametrize(("alg", "enc", "curve"), ENCRYPTING)
def test_encryption_goes_both_ways(alg: str, enc: str, curve: str | None) -> None:
    name = (alg, enc, curve or "")
    theirs = text_of(("encrypt", *name))
    assert decrypt_compact(theirs, make_key(alg, enc, curve))[1] == TEXT
    assert answers()["decrypt", *name] == TEXT


def test_a_proof_of_possession_made_by_javascript_is_accepted() -> None:  # RFC 9449
    numbers = count()
    url = "https://api.example/orders"
    jobs = [proof_job(alg, url, next(numbers)) for alg in ("ES256", "ES384", "PS256", "Ed25519")]
    for job, proof in zip(jobs, JavaScriptJose.run(jobs), strict=True):
        assert isinstance(proof, str), proof
        key = key_for(job["header"]["alg"])
        assert check_proof(proof, method="GET", url=url, now=NOW).jkt == key.thumbprint()


def proof_job(alg: str, url: str, number: int) -> Job:
    key = key_for(alg)
    payload = {"jti": f"p{number}", "htm": "GET", "htu": url, "iat": NOW}
    header = {"typ": "dpop+jwt", "alg": alg, "jwk": shared(key)}
    return {"op": "sign", "jwk": private(key), "header": header, "payload": as_text(part(payload))}


def test_a_proof_of_possession_made_here_is_accepted_by_javascript() -> None:  # RFC 9449
    key = key_for("ES256")
    assert isinstance(key, PrivateKey)
    proof = make_proof(key, method="GET", url="https://api.example/", now=NOW, jti="j")
    job = {"op": "verify", "jwk": shared(key), "alg": "ES256", "token": proof}
    (answer,) = JavaScriptJose.run([job])
    assert isinstance(answer, bytes), answer
