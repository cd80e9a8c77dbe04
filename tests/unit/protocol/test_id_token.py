"""ID token claims: OpenID Connect Core section 2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.samples import ISSUER, NOW, PUBLIC_CLIENT, SESSION, USER

from lingpai_server.core.records import Session
from lingpai_server.protocol.id_token import access_token_hash, build_id_token
from lingpai_server.protocol.replies import IdToken

ALICE = replace(USER, claims={"name": "Alice", "email": "alice@example.org"})
CLIENT = replace(PUBLIC_CLIENT, scopes=("openid", "profile"))


def token(session: Session = SESSION, *, nonce: str | None = None, now: float = NOW) -> IdToken:
    return build_id_token(ISSUER, CLIENT, ALICE, session, nonce=nonce, now=now)


def test_it_has_exactly_these_claims() -> None:
    session = replace(SESSION, acr="urn:lingpai:acr:password")
    expected: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "u-alice",
        "aud": "app",
        "exp": NOW + 300,
        "iat": NOW,
        "auth_time": NOW - 100,
        "amr": ["pwd"],
        "acr": "urn:lingpai:acr:password",
        "sid": "s-1",
        "nonce": "n",
    }
    assert token(session, nonce="n", now=NOW + 0.9).claims == expected


def test_nonce_is_there_only_where_one_was_sent() -> None:  # section 12.2: none at a refresh
    assert "nonce" not in token().claims


def test_it_never_outlives_the_session() -> None:
    assert token(replace(SESSION, absolute_deadline=NOW + 5)).claims["exp"] == NOW + 5


def test_claims_about_the_person_are_there_only_if_asked_for_here() -> None:  # section 5.5
    asked = replace(SESSION, claims='{"id_token": {"name": null}, "userinfo": {"nickname": null}}')
    assert "name" not in token().claims
    assert token(asked).claims["name"] == "Alice"


def test_claim_beyond_the_clients_scopes_is_left_out() -> None:
    asked = replace(SESSION, claims='{"id_token": {"email": {"essential": true}}}')
    assert "email" not in token(asked).claims


def test_what_is_known_of_a_person_never_takes_the_place_of_a_protocol_claim() -> None:
    user = replace(USER, claims={"sub": "u-bob", "iss": "https://evil.example"})
    asked = replace(SESSION, claims='{"id_token": {"sub": null, "iss": null}}')
    claims = build_id_token(ISSUER, CLIENT, user, asked, nonce=None, now=NOW).claims
    assert (claims["sub"], claims["iss"]) == ("u-alice", ISSUER)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        # the example of OpenID Connect Core appendix A.3, and the same text under SHA-512
        ("RS256", "77QmUPtjPfzWtF2AnpK9RQ"),
        ("ES256", "77QmUPtjPfzWtF2AnpK9RQ"),
        ("Ed25519", "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
    ],
)
def test_access_token_hash_is_half_a_hash(algorithm: str, expected: str) -> None:
    raw = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert access_token_hash(raw, algorithm) == expected
