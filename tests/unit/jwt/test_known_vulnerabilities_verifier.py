"""Attacks that other libraries fell for, each under the name of its advisory: the verifier."""

from __future__ import annotations

import pytest
from tests.support.tokens import (
    NOW,
    header,
    seal,
)

from lingpai import Key, errors
from lingpai.jose.keys import PrivateKey
from lingpai.testing import Behaviour, FakeIssuer

# --- CVE-2026-48524 PyJWT: a flood of kids, a cache that is wiped


def test_cve_2026_48524_a_thousand_unknown_kids_cause_one_fetch() -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        verifier.verify(issuer.token())
        before = issuer.requests.count(issuer.jwks_uri)
        for number in range(1000):
            raw = seal(header(alg="ES256", kid=f"k{number}"), issuer.claims(), lambda _: bytes(64))
            with pytest.raises(errors.UnknownKey):
                verifier.verify(raw)
        assert issuer.requests.count(issuer.jwks_uri) - before <= 1


@pytest.mark.parametrize("behaviour", [Behaviour.UNREACHABLE, Behaviour.ERROR, Behaviour.GARBAGE])
def test_cve_2026_48524_a_failed_fetch_keeps_the_keys(behaviour: Behaviour) -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        verifier.verify(issuer.token())
        issuer.behaviour = behaviour
        raw = seal(header(alg="ES256", kid="unknown"), issuer.claims(), lambda _: bytes(64))
        with pytest.raises(errors.UnknownKey):
            verifier.verify(raw)
        verifier.verify(issuer.token())


# --- CVE-2026-49998 Centrifugo: keys that are not bound to their issuer


def test_cve_2026_49998_one_kid_at_two_issuers_means_two_keys() -> None:
    with (
        FakeIssuer("https://one.test", clock=lambda: NOW) as one,
        FakeIssuer("https://two.test", clock=lambda: NOW) as two,
    ):
        for issuer in (one, two):
            key = Key.generate("ES256", kid="shared")
            assert isinstance(key, PrivateKey)
            issuer.key = key
        verifier_of_one, verifier_of_two = one.verifier(), two.verifier()
        verifier_of_one.verify(one.token())
        verifier_of_two.verify(two.token())
        with pytest.raises(errors.SignatureInvalid):
            verifier_of_one.verify(two.token(iss=one.issuer))  # two speaks as one
        with pytest.raises(errors.IssuerMismatch):
            verifier_of_one.verify(one.token(iss=two.issuer))
        with pytest.raises(errors.SignatureInvalid):
            verifier_of_two.verify(one.token())


# --- CVE-2026-35030 LiteLLM: a cache keyed by the beginning of the token


def test_cve_2026_35030_a_remembered_token_is_known_by_all_of_it() -> None:
    with FakeIssuer(clock=lambda: NOW) as issuer:
        verifier = issuer.verifier()
        good = issuer.token(sub="user-1")
        verifier.verify(good)
        head, body, signature = good.split(".")
        other_body = issuer.token(sub="admin").split(".")[1]
        other_signature = issuer.token(sub="admin").split(".")[2]
        for forged in (f"{head}.{other_body}.{signature}", f"{head}.{body}.{other_signature}"):
            assert forged[:20] == good[:20]
            with pytest.raises(errors.SignatureInvalid):
                verifier.verify(forged)
        assert verifier.verify(good).subject == "user-1"
        assert verifier.stats().cache_hits == 1
